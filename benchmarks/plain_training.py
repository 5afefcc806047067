"""What one would write without tinyexp: the four embedded experiments in one loop, with torchvision's transforms.

Networks and images come from tinyexp, so that both sides train the same; the rest is plain PyTorch.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, Subset
from torchvision import transforms

from tinyexp.config.load import experiment_names, load_experiment
from tinyexp.trainers.vision.data.build import open_dataset
from tinyexp.trainers.vision.models.build import network
from tinyexp.trainers.vision.settings import vision_settings


class Images(Dataset):
    """Arrays through a transform."""

    def __init__(self, source, transform):
        self.source, self.transform = source, transform

    def __len__(self):
        return len(self.source)

    def __getitem__(self, index):
        return self.transform(self.source.image(index)), int(self.source.labels[index])


def pipelines(spec):
    """Training and test transforms as the source lists them, without those that are switched off."""
    side, after = (
        spec.input.image_size,
        [transforms.ToTensor(), transforms.Normalize(spec.input.mean, spec.input.std)],
    )
    test = [transforms.Resize(side), transforms.CenterCrop(side)]
    if not spec.augmentation.random_resized_crop:
        return transforms.Compose([*test, *after]), transforms.Compose([*test, *after])
    train = [
        transforms.RandomResizedCrop(side),
        transforms.RandomHorizontalFlip(),
        transforms.RandomRotation(spec.augmentation.rotation_degrees),
    ]
    return transforms.Compose([*train, *after]), transforms.Compose([*test, *after])


@torch.no_grad()
def measured(model, loader):
    """Mean loss and accuracy in evaluation mode."""
    model.eval()
    loss = right = seen = 0.0
    for images, labels in loader:
        logits = model(images)
        loss += float(nn.functional.cross_entropy(logits, labels, reduction="sum"))
        right += float((logits.argmax(1) == labels).sum())
        seen += len(labels)
    return loss / seen, right / seen


def train(spec):
    """One run."""
    torch.manual_seed(0)
    data, (train_transform, test_transform) = open_dataset(spec.data, Path("data")), pipelines(spec)
    batches = DataLoader(Images(data.train, train_transform), spec.training.batch_size, shuffle=True)
    clean = Subset(Images(data.train, test_transform), range(min(len(data.train), len(data.test))))
    parts = [clean, Images(data.holdout, test_transform), Images(data.test, test_transform)]
    loaders = [DataLoader(part, spec.training.evaluation_batch_size) for part in parts]
    model = network(spec)
    settings = spec.optimizer
    optimizer = torch.optim.SGD(
        model.parameters(), settings.learning_rate, settings.momentum, weight_decay=settings.weight_decay
    )
    for _ in range(spec.training.stop_after):
        model.train()
        for images, labels in batches:
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(images), labels).backward()
            optimizer.step()
        figures = [measured(model, loader) for loader in loaders]
    return figures


if __name__ == "__main__":
    torch.set_num_threads(1)
    for name in experiment_names():
        print(name, train(vision_settings(load_experiment(name, "embedded"))))
