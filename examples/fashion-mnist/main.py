"""A PyTorch script as one writes it: a small convolutional net on Fashion-MNIST, nothing of tinyexp in it.

python main.py --data /usr/share/datasets/fashion-mnist --epochs 3 --lr 0.05 --seed 0 --out out   writes out/log.jsonl
"""

import argparse
import gzip
import json
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional


def options():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True, help="folder of the four idx files, gzipped")
    parser.add_argument("--train-images", type=int, default=6000)
    parser.add_argument("--test-images", type=int, default=2000)
    parser.add_argument("--batch-size", type=int, default=100)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--lr", type=float, default=0.05)
    parser.add_argument("--dropout", type=float, default=0.0)
    parser.add_argument("--batch-norm", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


def read(folder, part, count):
    with gzip.open(folder / f"{part}-images-idx3-ubyte.gz") as file:
        pixels = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 1, 28, 28)[:count]
    with gzip.open(folder / f"{part}-labels-idx1-ubyte.gz") as file:
        labels = np.frombuffer(file.read(), np.uint8, offset=8)[:count]
    return torch.from_numpy(pixels / np.float32(255)), torch.from_numpy(labels.astype(np.int64))


def net(asked):
    norm = nn.BatchNorm2d if asked.batch_norm else lambda _: nn.Identity()
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), norm(16), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), norm(32), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Dropout(asked.dropout), nn.Linear(32 * 7 * 7, 10),
    )  # fmt: skip


def main():
    asked = options()
    torch.manual_seed(asked.seed)
    torch.set_num_threads(1)
    images, labels = read(asked.data, "train", asked.train_images)
    test_images, test_labels = read(asked.data, "t10k", asked.test_images)
    model = net(asked)
    optimizer = torch.optim.SGD(model.parameters(), lr=asked.lr, momentum=0.9)
    asked.out.mkdir(parents=True, exist_ok=True)
    with (asked.out / "log.jsonl").open("w") as log:
        for epoch in range(1, asked.epochs + 1):
            model.train()
            total = 0.0
            for batch in torch.randperm(len(labels)).split(asked.batch_size):
                loss = functional.cross_entropy(model(images[batch]), labels[batch])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                total += loss.item() * len(batch)
            model.eval()
            with torch.no_grad():
                scores = model(test_images)
            row = {
                "epoch": epoch,
                "train": {"loss": total / len(labels)},
                "test": {
                    "loss": functional.cross_entropy(scores, test_labels).item(),
                    "acc": (scores.argmax(1) == test_labels).double().mean().item(),
                },
            }
            log.write(json.dumps(row) + "\n")
            log.flush()
            print(row, flush=True)


if __name__ == "__main__":
    main()
