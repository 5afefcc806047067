"""What cannot be compared is said with where, what and the next step, and exit code 2."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from test_compare import design, tinyexp

from tinyexp.logs.walk import read_paths


def refused(*words: object) -> str:
    result = tinyexp("compare", *words)
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output
    return result.stderr


def test_a_path_that_is_not_there(tmp_path: Path):
    assert "there is no such file or folder" in refused(tmp_path / "nowhere", tmp_path)


def test_an_empty_folder(tmp_path: Path):
    (tmp_path / "a").mkdir()
    assert "no log that can be read: no file." in refused(tmp_path / "a")


def test_one_run_only(tmp_path: Path):
    assert "1 run of one design, 'runs' (run0.csv), and a comparison takes two." in refused(
        design(tmp_path / "a", [0.5])
    )


def test_where_too_few_are_left_it_is_said_what_was_left_out(tmp_path: Path):
    folder = design(tmp_path / "a", [0.5])
    (folder / "other.csv").write_text("name,value\nx,1\n")
    told = refused(folder)
    assert "a comparison takes two" in told
    assert f"left out: {folder / 'other.csv'}: no column of it says where a row stands" in told


def test_the_same_path_twice(tmp_path: Path):
    folder = design(tmp_path / "a", [0.5])
    assert "the same path is named twice" in refused(folder, folder)


def test_two_trainers_that_share_no_metric(tmp_path: Path):
    a, b = design(tmp_path / "a", [0.5]), design(tmp_path / "b", [0.5])
    log = b / "run0.csv"
    log.write_text(log.read_text().replace("val_accuracy,val_loss", "eval_top1,eval_loss"))
    told = refused(a, b)
    assert (
        "The designs have no metric in common: a has val_accuracy, val_loss; b has eval_loss, eval_top1."
        in told
    )


def test_a_metric_that_is_not_there_is_named_with_the_nearest(tmp_path: Path):
    told = refused(design(tmp_path / "a", [0.5]), design(tmp_path / "b", [0.5]), "--metric", "val_acuracy")
    assert "Did you mean 'val_accuracy'?" in told


def test_a_metric_that_nobody_knows_needs_its_direction(tmp_path: Path):
    pair = [design(tmp_path / name, [0.5, 0.6, 0.7], name="wobble") for name in "ab"]
    for folder in pair:
        for log in folder.glob("*.csv"):
            log.write_text(log.read_text().replace("val_loss", "grumble"))
    assert "--metric wobble --direction lower, or higher" in refused(*pair)
    assert "--direction lower" in refused(*pair, "--metric", "wobble")
    assert tinyexp("compare", *pair, "--metric", "wobble", "--direction", "lower").exit_code == 0


def test_shifted_columns_are_refused_with_the_line(tmp_path: Path):
    folder = design(tmp_path / "a", [0.5, 0.6])
    (folder / "run0.csv").write_text("epoch,acc\n1,0.5\n2,0.6,0.7\n")
    assert "run0.csv: line 3" in refused(folder / "run0.csv", folder / "run1.csv")


def test_a_shifted_file_among_others_is_left_out_by_name(tmp_path: Path):
    pair = [design(tmp_path / name, [0.5 + place / 10, 0.6, 0.7, 0.8]) for place, name in enumerate("ab")]
    (pair[0] / "run0.csv").write_text("epoch,val_accuracy,val_loss\n1,0.5,0.1\n2,0.6,0.2,0.7\n3,0.6,0.2\n")
    result = tinyexp("compare", *pair)
    assert result.exit_code == 0
    assert "left out: " in result.stdout
    assert "run0.csv: line 3" in result.stdout.replace(f"{pair[0]}{os.sep}", "")


def test_a_file_of_two_gigabytes_is_not_read(tmp_path: Path):
    pair = [design(tmp_path / name, [0.5, 0.6, 0.7]) for name in "ab"]
    with (pair[0] / "huge.csv").open("wb") as file:
        file.write(b"epoch,val_accuracy,val_loss\n" + b"1,0.5,0.5\n" * 1000)
        file.truncate(2_000_000_000)
    found = read_paths(pair)
    (left,) = found.left_out
    assert "at most" in left.why
    assert len(found.runs) == 6


def test_a_folder_of_ten_thousand_files_of_other_kinds(tmp_path: Path):
    folder = design(tmp_path / "a", [0.5])
    for number in range(10_000):
        (folder / f"{number}.png").touch()
    found = read_paths([folder])
    assert len(found.runs) == 1
    assert found.others == 10_000


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_links_that_lead_round_in_a_circle_end(tmp_path: Path):
    folder = design(tmp_path / "a", [0.5])
    (folder / "again").symlink_to(folder, target_is_directory=True)
    (folder / "latest").symlink_to(folder / "run0.csv")
    found = read_paths([tmp_path])
    assert len(found.runs) in (1, 2)


@pytest.mark.parametrize("endpoint", ["first", "epoch=x", "best=", "step"])
def test_an_endpoint_that_is_none(tmp_path: Path, endpoint: str):
    folder = design(tmp_path / "a", [0.5])
    assert "give last, epoch=N, step=N or best=METRIC" in refused(folder, "--endpoint", endpoint)
