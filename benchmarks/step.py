"""A training step with its batch from the loader, beside the same step on one batch that is there already."""

from __future__ import annotations

from fair import Side, compare, one_thread, processor_time

one_thread()

import torch
from torch import nn

from tinyexp.config.load import load_experiment
from tinyexp.trainers.vision.data.build import open_dataset
from tinyexp.trainers.vision.data.loader import TrainBatches
from tinyexp.trainers.vision.models.build import network
from tinyexp.trainers.vision.settings import vision_settings

STEPS = 6


def stepper(spec):
    """One step of training, as the loop takes it."""
    model = network(spec).to(memory_format=torch.channels_last).train()
    settings = spec.optimizer
    optimizer = torch.optim.SGD(
        model.parameters(),
        lr=settings.learning_rate,
        momentum=settings.momentum,
        weight_decay=settings.weight_decay,
    )

    def step(images, labels):
        loss = nn.functional.cross_entropy(
            model(images.contiguous(memory_format=torch.channels_last)), labels
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


if __name__ == "__main__":
    torch.set_num_threads(1)
    from pathlib import Path

    for title, size in (
        ("quarter width, 64 px", {"model.width": 0.25, "input.image_size": 64}),
        ("embedded size: eighth of the width, 32 px", {}),
    ):
        overrides = {"data.train_limit": 64 * STEPS, "data.holdout": 0, **size}
        spec = vision_settings(load_experiment("tiny-design1", "embedded", overrides))
        batches = TrainBatches(open_dataset(spec.data, Path("data")).train, spec, 0, 0)
        step, resident = stepper(spec), next(iter(batches.epoch(1)))
        epochs = iter(range(1, 10**9))

        def with_loader(step=step, batches=batches, epochs=epochs):
            for images, labels in batches.epoch(next(epochs)):
                step(images, labels)

        def on_one_batch(step=step, resident=resident):
            for _ in range(STEPS):
                step(*resident)

        def alone(batches=batches, epochs=epochs):
            for _ in range(10):
                for _ in batches.epoch(next(epochs)):
                    pass

        alone()
        compare(
            "step-with-loader",
            Side("step with loader", with_loader, STEPS),
            Side("step on a resident batch", on_one_batch, STEPS),
            goal=1.02,
            at_most=True,
            net=title,
            batch=spec.training.batch_size,
            batches_alone_per_s=round(10 * STEPS / processor_time(alone)),
            unit="steps",
        )
