"""From folders of logs to a verdict, in one command, with everything said that a reader must know."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from tinyexp import compare, read_logs
from tinyexp.cli import main
from tinyexp.errors import UserError
from tinyexp.foreign.compare import compare_logs
from tinyexp.foreign.question import Question
from tinyexp.report.check import examine

FIXTURES = Path(__file__).parents[1] / "fixtures" / "logs"


def tinyexp(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def design(folder: Path, ends: list[float], *, name: str = "val_accuracy", epochs: int = 4) -> Path:
    """A folder of CSV logs, one a run, whose metric rises to these values."""
    folder.mkdir(parents=True)
    for number, end in enumerate(ends):
        rows = [
            f"{epoch},{end * epoch / epochs!r},{1 - end * epoch / epochs!r}" for epoch in range(1, epochs + 1)
        ]
        (folder / f"run{number}.csv").write_text(f"epoch,{name},val_loss\n" + "\n".join(rows) + "\n")
    return folder


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, Path]:
    return (
        design(tmp_path / "base", [0.700, 0.711, 0.689, 0.702, 0.721]),
        design(tmp_path / "wide", [0.800, 0.811, 0.789, 0.802, 0.821]),
    )


def test_ten_files_in_two_folders_give_the_right_verdict_in_one_command(two):
    result = tinyexp("compare", *two)
    assert result.exit_code == 0
    assert "wide beats base by 10.0 points. 95 % interval" in result.stdout
    first = result.stdout.splitlines()
    assert first[0].split() == ["design", "runs", "seeds", "log", "rows", "told", "apart", "by"]
    assert "base    5     5 not known  table  20    folder" in first
    assert "- The logs hold no settings, so what the designs differ in is not known." in first


def test_the_first_that_is_named_is_the_baseline(two):
    base, wide = two
    assert "wide beats base by 10.0 points" in tinyexp("compare", wide, base).stdout


def test_a_lower_loss_wins(two):
    assert (
        "wide beats base by 0.100 nats. 95 % interval"
        in tinyexp("compare", *two, "--metric", "val_loss").stdout
    )


def test_one_folder_alone_has_its_designs_told_apart_by_names(two):
    assert "wide beats base by 10.0 points" in tinyexp("compare", two[0].parent).stdout


def test_twenty_pairs_of_one_design_name_a_winner_at_most_twice(tmp_path: Path):
    rng, wins = np.random.default_rng(5), 0
    for number in range(20):
        pair = [design(tmp_path / str(number) / name, rng.normal(0.7, 0.02, 5).tolist()) for name in "ab"]
        (found,) = compare_logs(pair, Question(margin=0.0)).comparisons
        wins += found.verdict == "beats"
    assert wins <= 2


def test_more_than_two_designs_are_each_held_against_the_first(two, tmp_path: Path):
    third = design(tmp_path / "deep", [0.60, 0.61, 0.62])
    found = compare_logs([*two, third])
    assert [(one.contender, one.baseline, one.winner) for one in found.comparisons] == [
        ("wide", "base", "wide"),
        ("deep", "base", "base"),
    ]


def test_what_a_shell_made_of_a_pattern_is_put_together_again(two):
    paths = [path for folder in two for path in sorted(folder.glob("*.csv"))]
    found = compare_logs(paths)
    assert [len(own) for own in found.grouping.designs.values()] == [5, 5]
    assert any(
        "10 paths were named, and their runs are of 2 designs" in note for note in found.grouping.notes
    )


def test_a_pattern_that_no_shell_expanded_is_a_design(two):
    base, wide = (folder / "*.csv" for folder in two)
    assert "wide beats base" in tinyexp("compare", base, wide).stdout


def test_percents_are_seen_and_said(tmp_path: Path):
    pair = [design(tmp_path / name, [70.0 + a, 71.0 + a, 72.0 + a]) for name, a in (("a", 0), ("b", 10))]
    result = tinyexp("compare", *pair)
    assert "val_accuracy is in percent in every run" in result.stdout
    assert "b beats a by 10.0 points" in result.stdout


def test_percents_beside_fractions_are_refused(tmp_path: Path):
    result = tinyexp(
        "compare", design(tmp_path / "a", [70.0, 71.0, 72.0]), design(tmp_path / "b", [0.8, 0.81, 0.82])
    )
    assert result.exit_code == 2
    assert "fractions are mixed with percents" in result.stderr


def test_a_run_that_was_cut_is_named_and_counts_against_its_design(two):
    cut = two[1] / "run0.csv"
    cut.write_text("".join(cut.read_text().splitlines(keepends=True)[:-2]))
    result = tinyexp("compare", *two)
    assert "run0.csv ends at epoch 2, and others of wide at 4: it counts as cut." in result.stdout
    assert "Too many runs gave no result to tell whether wide beats base" in result.stdout
    assert "1 of 5 runs of wide gave no result: run 1 ended before the others" in result.stdout


def test_a_run_that_ends_in_no_number_diverged(two):
    path = two[0] / "run2.csv"
    path.write_text(path.read_text().replace("4,0.689,", "4,nan,"))
    result = tinyexp("compare", *two)
    assert "1 of 5 runs of base gave no result: run 3 diverged" in result.stdout


def test_designs_of_different_length_are_compared_only_where_it_is_said(tmp_path: Path):
    pair = [design(tmp_path / "a", [0.7, 0.71, 0.72]), design(tmp_path / "b", [0.8, 0.81, 0.82], epochs=8)]
    result = tinyexp("compare", *pair)
    assert result.exit_code == 2
    assert "a epoch 4, b epoch 8" in result.stderr
    assert "--endpoint epoch=4" in result.stderr
    assert tinyexp("compare", *pair, "--endpoint", "epoch=4").exit_code == 0
    assert "with the best validation loss" in tinyexp("compare", *pair, "--endpoint", "best=val_loss").stdout


def test_the_best_by_a_test_metric_is_told_to_be_too_good(tmp_path: Path):
    pair = [design(tmp_path / name, [0.7, 0.71, 0.72], name="test_accuracy") for name in "ab"]
    for log in pair[1].glob("*.csv"):
        log.write_text(log.read_text().replace("0.7", "0.8"))
    told = tinyexp("compare", *pair, "--endpoint", "best=test_accuracy").stdout
    assert "then the figures are better than they would be on new data" in told


def test_settings_in_which_designs_differ_are_told_and_more_than_one_is_confounded(tmp_path: Path):
    for name, lr, width in (("a", 0.1, 8), ("b", 0.2, 16)):
        for seed in range(3):
            row = {
                "epoch": 1,
                "acc": 0.5 + lr + seed / 100,
                "config": {"lr": lr, "width": width, "seed": seed},
            }
            path = tmp_path / f"{name}{seed}.jsonl"
            path.write_text(json.dumps(row) + "\n")
    result = tinyexp("compare", tmp_path)
    assert (
        "The designs differ in 2 settings, and what each of them carries cannot be told from these runs"
        in result.stdout
    )


def test_a_seed_that_stands_twice_in_a_design_counts_once(tmp_path: Path):
    for name in ("a_seed0", "a_seed1", "a_seed2", "b_seed0", "b_seed1", "b_seed2", "again/a_seed0"):
        design(tmp_path / name, [0.7 + len(name) / 100])
    result = tinyexp(
        "compare",
        tmp_path / "a_seed*",
        tmp_path / "again",
        tmp_path / "b_seed*",
        "--by",
        "{design}_seed{seed}/run0",
    )
    assert "left out:" in result.stdout
    assert "seed 0 of a stands twice; used is a_seed0" in result.stdout


def test_programs_get_everything_as_json(two):
    told = json.loads(tinyexp("compare", *two, "--json").stdout)
    (one,) = told["comparisons"]
    assert (one["verdict"], one["winner"], one["baseline"]) == ("beats", "wide", "base")
    assert one["contender_values"] == [0.800, 0.811, 0.789, 0.802, 0.821]
    run = told["designs"]["base"]["base/run0.csv"]
    assert run["rows"] == 4
    assert all(len(digest) == 64 for digest in run["files"].values())


def test_the_whole_report_is_written_and_checks(two, tmp_path: Path):
    out = tmp_path / "report"
    result = tinyexp("compare", *two, "--out", out)
    assert result.stdout.splitlines()[-1] == str(out / "report.html")
    assert examine(out).found == ()
    page = (out / "report.md").read_text()
    assert "wide beats base by 10.0" in page.replace("\N{NO-BREAK SPACE}", " ")
    assert "10 runs read from logs that others wrote" in page.replace("\N{NO-BREAK SPACE}", " ")
    assert "source" not in page.replace("resource", "")
    assert "run-all" not in page


def test_a_report_of_runs_with_holes_and_lost_beginnings_can_be_drawn(two, tmp_path: Path):
    """Validation every second epoch in all runs; one run lost its first epochs."""
    for folder in two:
        for path in folder.glob("*.csv"):
            head, *rows = path.read_text().splitlines()
            held = [f"{row.split(',')[0]},," if number % 2 == 0 else row for number, row in enumerate(rows)]
            path.write_text("\n".join([f"{head},loss", *(f"{row},0.5" for row in held)]) + "\n")
    lost = two[0] / "run1.csv"
    head, *rows = lost.read_text().splitlines()
    lost.write_text("\n".join([head, *rows[2:]]) + "\n")
    out = tmp_path / "report"
    assert tinyexp("compare", *two, "--out", out).exit_code == 0
    assert examine(out).found == ()
    assert "wide ends at 80.5" in (out / "report.md").read_text().replace("\N{NO-BREAK SPACE}", " ")


def test_a_frame_of_logs_can_be_compared_in_python_and_prints_as_its_verdict(two):
    frame = read_logs(two[0].parent)
    found = compare(frame, "wide", "base", "val_accuracy")
    assert str(found).startswith("wide beats base by 10.0 points. 95 % interval")
    assert not found.seeds_known
    assert "<td>wide</td><td>5</td><td>80.5" in found._repr_html_()


@pytest.mark.parametrize(
    "trainer", ["timm/output/train", "lightning/lightning_logs", "huggingface/out", "tensorboard/runs"]
)
def test_the_logs_of_other_trainers_are_compared(trainer):
    result = tinyexp("compare", FIXTURES / trainer)
    assert result.exit_code == 0
    assert "Too few seeds to tell whether" in result.stdout


def test_a_copy_of_a_run_is_no_training_of_its_own(two):
    (two[1] / "run9.csv").write_bytes((two[1] / "run0.csv").read_bytes())
    result = tinyexp("compare", *two)
    assert (
        "run9.csv: it equals run0.csv to the last digit, and is no training of its own."
        in result.stdout.replace("wide/", "")
    )
    assert "over 5 runs of each" in result.stdout or "; 5 runs of each" in result.stdout


def test_accuracies_that_agree_by_chance_stop_no_comparison(tmp_path: Path):
    """In single precision 0.9123 has many digits; of two seeds it says nothing."""
    for name, ends in (("a", (0.9122999906539917, 0.9122999906539917, 0.91)), ("b", (0.93, 0.931, 45 / 64))):
        for seed, end in enumerate(ends):
            folder = tmp_path / name
            folder.mkdir(exist_ok=True)
            (folder / f"s{seed}.csv").write_text(f"epoch,val_accuracy,val_loss\n1,{end!r},0.{seed}5\n")
    assert tinyexp("compare", tmp_path / "a", tmp_path / "b", "--metric", "val_accuracy").exit_code == 0


def test_of_what_keras_logs_the_metric_on_validation_data_is_compared():
    result = tinyexp("compare", FIXTURES / "keras" / "logs")
    assert "What is compared is val_accuracy" in result.stdout


def test_several_verdicts_are_said_to_have_an_error_each(two, tmp_path: Path):
    said = "of 2 comparisons one in twenty intervals misses by chance"
    assert said not in tinyexp("compare", *two).stdout
    assert said in tinyexp("compare", *two, design(tmp_path / "deep", [0.60, 0.61, 0.62])).stdout


def test_a_metric_that_is_no_number_in_any_run_has_a_fitting_next_step(two, tmp_path: Path):
    bad = design(tmp_path / "bad", [float("nan")] * 3)
    result = tinyexp("compare", two[0], bad)
    assert result.exit_code == 2
    assert "bad: in no run is val_accuracy a number where it was taken" in result.stderr
    assert "--metric NAME" in result.stderr
    assert "command that started" not in result.stderr


@pytest.fixture
def folds(tmp_path: Path) -> Path:
    """Two designs of five folds each, all of them under one seed, as timm leaves them."""
    for name, start in (("base", 50), ("wide", 60)):
        for fold in range(5):
            folder = tmp_path / "folds" / name / f"fold{fold}"
            folder.mkdir(parents=True)
            rows = "".join(f"{epoch},1.5,1.0,{start + epoch + fold * 0.3:.2f},80\r\n" for epoch in range(4))
            (folder / "summary.csv").write_text(
                f"epoch,train_loss,eval_loss,eval_top1,eval_top5\r\n{rows}", newline=""
            )
            (folder / "args.yaml").write_text(f"seed: 42\nfold: {fold}\nlr: {start / 1000}\n")
    return tmp_path / "folds"


@pytest.mark.parametrize("settings", [True, False])
def test_folds_under_one_seed_are_runs_of_their_own_and_said_to_be_folds(folds, settings):
    if not settings:
        for path in folds.rglob("args.yaml"):
            path.write_text("seed: 42\n")
    result = tinyexp("compare", folds)
    assert "wide beats base by 10.0 points" in result.stdout
    assert "folds 0, 1, 2, 3, 4" in result.stdout
    assert "Runs of base, wide are folds of their data under seed 42" in result.stdout
    assert "left out" not in result.stdout
    frame = read_logs(folds)
    assert set(frame["seed"]) == {42}
    assert set(frame["experiment"]) == {"base", "wide"}
    imported = tinyexp("import", folds, "--into", folds.parent / "runs")
    assert imported.exit_code == 0
    assert "3 (fold 3)" in imported.stdout
    record = next((folds.parent / "runs" / "imported" / "wide").glob("3-*/run.json")).read_text()
    assert "It is fold 3 of its data, trained under seed 42." in record


def test_folds_of_two_named_designs_are_no_second_attempts(folds):
    result = tinyexp("compare", folds / "base", folds / "wide")
    assert "from 5 runs of each" in result.stdout or "wide beats base" in result.stdout
    assert "stands twice" not in result.stdout


def test_the_number_of_folds_in_a_name_is_no_fold(tmp_path: Path):
    design(tmp_path / "fold5" / "base", [0.5, 0.51, 0.52])
    design(tmp_path / "fold5" / "wide", [0.6, 0.61, 0.62])
    assert "are folds" not in tinyexp("compare", tmp_path).stdout


def test_a_frame_of_logs_without_numbers_is_not_told_to_train_again_alone(two):
    for path in two[1].glob("*.csv"):
        path.write_text("epoch,val_accuracy\n1,nan\n2,nan\n3,nan\n4,nan\n")
    with pytest.raises(UserError, match=r"leave that run out; a run of tinyexp's own is trained again"):
        compare(read_logs(list(two)), "wide", "base", metric="val_accuracy")
