"""What a command says of each test image: a table with the class and what it was taken for, read into the run's own form."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tinyexp.errors import UserError, listed
from tinyexp.runs.records import Predictions

LABELS = ("label", "target", "true", "truth", "y_true", "class")
PREDICTED = ("predicted", "prediction", "pred", "y_pred")
NUMBERS = ("id", "image", "index", "file", "path")
"""Of a column that names the image: rows are sorted by it, so that runs may test in any order."""
MOST_ROWS = 10_000_000
_MOST_NUMBER = 1_000_000


def read_predictions_table(path: Path) -> Predictions:
    """The predictions in a CSV file with a header, in its order or in that of the images where a column names them.

    Classes are whole numbers from 0 on, or names; names are numbered by the alphabet.

    Raises
    ------
    UserError
        There is no such file or column, a cell is empty, or an image stands twice; the message says where.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file)
            names = [name.strip().lower() for name in next(rows, [])]
            places = [_place(names, known, path) for known in (LABELS, PREDICTED)]
            number = next((names.index(name) for name in NUMBERS if name in names), None)
            found = [
                _cells(row, len(names), (*places, *([] if number is None else [number])), path, rows.line_num)
                for row in rows
                if row
            ]
    except FileNotFoundError as error:
        raise UserError(
            f"{path}: is not there. Have the command write it below {{folder}}, or take command.predictions out."
        ) from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: cannot be read as a table ({error}).") from error
    if not found:
        raise UserError(f"{path}: has no rows below its header.")
    if number is not None:
        found = _by_image(found, path)
    return _numbered([row[0] for row in found], [row[1] for row in found])


def _place(names: Sequence[str], known: Sequence[str], path: Path) -> int:
    found = [name for name in known if name in names]
    if not found:
        raise UserError(
            f"{path}: has no column {known[0]} (or {listed(known[1:])}), only {listed(names) or 'an empty line'}. "
            "It takes the columns label and predicted."
        )
    return names.index(found[0])


def _cells(row: list[str], width: int, places: tuple[int, ...], path: Path, line: int) -> tuple[str, ...]:
    if len(row) != width or not all(row[place].strip() for place in places):
        raise UserError(f"{path}: line {line} does not have a value under each name of the first line.")
    return tuple(row[place].strip() for place in places)


def _by_image(rows: list[tuple[str, ...]], path: Path) -> list[tuple[str, ...]]:
    """Sorted by number where all are numbers, else by name."""
    images = [row[2] for row in rows]
    if len(set(images)) < len(images):
        twice = next(image for image in images if images.count(image) > 1)
        raise UserError(
            f"{path}: the image '{twice}' stands twice. Write a row for each image of the last evaluation alone."
        )
    if all(image.isascii() and image.isdigit() for image in images):
        return sorted(rows, key=lambda row: int(row[2]))
    return sorted(rows, key=lambda row: row[2])


def _numbered(label: list[str], predicted: list[str]) -> Predictions:
    there = {*label, *predicted}
    if all(one.isascii() and one.isdigit() and int(one) < _MOST_NUMBER for one in there):
        return Predictions(np.array(label, dtype=np.int32), np.array(predicted, dtype=np.int32))
    classes = tuple(sorted(there))
    place = {name: number for number, name in enumerate(classes)}
    label_at, predicted_at = (
        np.array([place[one] for one in column], dtype=np.int32) for column in (label, predicted)
    )
    return Predictions(label_at, predicted_at, classes=classes)
