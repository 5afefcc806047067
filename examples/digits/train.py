"""A trainer of one's own, with nothing of tinyexp in it: a net of one hidden layer on scikit-learn's digits, in numpy.

python train.py --hidden 32 --learning-rate 0.2 --seed 0 --out runs/mine   writes runs/mine/metrics.csv
"""

import argparse
import csv
import os
import sys
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--hidden", type=int, default=32)
    parser.add_argument("--learning-rate", type=float, default=0.2)
    parser.add_argument("--standardize", action="store_true", help="each pixel to mean 0 and spread 1")
    parser.add_argument(
        "--noise", type=float, default=0.0, help="spread of what is added to the training pixels"
    )
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--resume", action="store_true", help="go on from OUT/last.npz")
    return parser.parse_args()


def images(*, standardize):
    digits = load_digits()
    pixels, labels = digits.data / 16, digits.target
    order = np.random.default_rng(1234).permutation(len(labels))  # the same split for every seed
    train, test = order[:1200], order[1200:]
    if standardize:
        pixels = (pixels - pixels[train].mean(axis=0)) / (pixels[train].std(axis=0) + 1e-3)
    return pixels[train], labels[train], pixels[test], labels[test]


def forward(weights, pixels):
    hidden = np.maximum(0, pixels @ weights["w1"] + weights["b1"])
    scores = hidden @ weights["w2"] + weights["b2"]
    scores = scores - scores.max(axis=1, keepdims=True)
    chances = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    return hidden, chances


def measured(weights, pixels, labels):
    _, chances = forward(weights, pixels)
    loss = -np.log(chances[np.arange(len(labels)), labels] + 1e-12).mean()
    return loss, (chances.argmax(axis=1) == labels).mean()


def step(weights, pixels, labels, rate):
    hidden, chances = forward(weights, pixels)
    chances[np.arange(len(labels)), labels] -= 1
    gradient = chances / len(labels)
    back = (gradient @ weights["w2"].T) * (hidden > 0)
    weights["w2"] -= rate * (hidden.T @ gradient)
    weights["b2"] -= rate * gradient.sum(axis=0)
    weights["w1"] -= rate * (pixels.T @ back)
    weights["b1"] -= rate * back.sum(axis=0)


def begun(asked):
    """Weights, rows and the next epoch: of a run that was ended, or new ones."""
    last = asked.out / "last.npz"
    if asked.resume and last.exists():
        kept = np.load(last)
        rows = [list(row) for row in kept["rows"]]
        return {name: kept[name] for name in ("w1", "b1", "w2", "b2")}, rows
    draw = np.random.default_rng([asked.seed, 0])
    weights = {
        "w1": draw.normal(0, 0.18, (64, asked.hidden)),
        "b1": np.zeros(asked.hidden),
        "w2": draw.normal(0, 1 / np.sqrt(asked.hidden), (asked.hidden, 10)),
        "b2": np.zeros(10),
    }
    return weights, []


def save(asked, weights, rows):
    """What a kill may cost is an epoch: the files are replaced whole."""
    aside = asked.out / "next.npz"
    np.savez(aside, rows=np.array(rows), **weights)
    os.replace(aside, asked.out / "last.npz")
    with (asked.out / "metrics.tmp").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["epoch", "train_loss", "test_loss", "test_accuracy"])
        writer.writerows([int(row[0]), *row[1:]] for row in rows)
    os.replace(asked.out / "metrics.tmp", asked.out / "metrics.csv")


def main():
    asked = arguments()
    asked.out.mkdir(parents=True, exist_ok=True)
    train, train_labels, test, test_labels = images(standardize=asked.standardize)
    weights, rows = begun(asked)
    for epoch in range(len(rows) + 1, asked.epochs + 1):
        draw = np.random.default_rng([asked.seed, epoch])
        order = draw.permutation(len(train_labels))
        for start in range(0, len(order), 50):
            batch = order[start : start + 50]
            pixels = train[batch] + asked.noise * draw.normal(size=(len(batch), 64))
            step(weights, pixels, train_labels[batch], asked.learning_rate)
        train_loss, _ = measured(weights, train, train_labels)
        test_loss, accuracy = measured(weights, test, test_labels)
        rows.append([epoch, float(train_loss), float(test_loss), float(accuracy)])
        save(asked, weights, rows)
        print(f"epoch {epoch}: test accuracy {accuracy:.3f}")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
