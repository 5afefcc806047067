"""Logs of DVCLive, held against what was given to it, and their traps one by one."""

from __future__ import annotations

import contextlib
import json
import math
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from truth import check_against_truth, logs_of, truth_of

from tinyexp.errors import UserError
from tinyexp.logs.folder import Folder
from tinyexp.logs.readers.dvclive import READER

RUNS = truth_of("dvclive")


@pytest.fixture(scope="module")
def real():
    return logs_of("dvclive", READER)


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run["run"])
def test_every_real_run_has_the_values_that_were_logged(real, run):
    log = real[run["run"]]
    metrics = {name: column for name, column in log.metrics.items() if name != "test/best"}
    check_against_truth(replace(log, metrics=metrics), run)
    assert log.step == [row["step"] for row in run["rows"]]
    assert log.epoch == [None] * len(run["rows"])


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run["run"])
def test_seed_and_settings_of_every_real_run_are_in_its_own_file(real, run):
    assert real[run["run"]].settings == {
        "lr": 0.02 if run["design_by_settings"] == "slow" else 0.1,
        "seed": run["seed"],
        "model.width": 6,
    }


def test_each_run_is_found_once(real):
    assert set(real) == {run["run"] for run in RUNS}


def test_what_was_logged_without_a_table_has_its_last_value_at_the_last_step(real):
    log = real["results/base-s0"]
    assert log.metrics["test/best"] == [None] * 4 + [0.65]
    assert any("without a table" in note and "test/best" in note for note in log.notes)


def test_steps_that_a_later_attempt_did_again_are_told(real):
    assert [repair.rows for repair in real["results/overlap-s2"].repairs] == [2]
    assert real["results/resume-s2"].repairs == ()
    assert any("killed within a step" in note for note in real["results/killed-s3"].notes)


def test_a_value_that_is_nan_is_nan(real):
    assert math.isnan(real["results/sparse-s0"].metrics["train/loss"][2])


def table(folder, name, *rows, header=None):
    path = folder / f"{name}.tsv"
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [header or f"step\t{name.rpartition('/')[2]}", *("\t".join(map(str, row)) for row in rows)]
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def read(folder):
    return [log for unit in READER.find(Folder(folder)) for log in READER.read(unit)]


@pytest.fixture
def home(tmp_path):
    (tmp_path / "dvclive" / "plots" / "metrics").mkdir(parents=True)
    return tmp_path / "dvclive"


@pytest.fixture
def plots(home):
    return home / "plots" / "metrics"


def test_a_later_attempt_that_was_shorter_leaves_nothing_behind_it(home, plots):
    """Validation of step 3 is of the attempt that was given up, though no step of its table goes back."""
    table(plots, "loss", (0, 5), (1, 4), (2, 3), (3, 2), (1, 4.5), (2, 3.5))
    table(plots, "acc", (1, 0.1), (3, 0.3))
    (log,) = read(home)
    assert log.step == [0, 1, 2]
    assert log.metrics == {"acc": [None, 0.1, None], "loss": [5, 4.5, 3.5]}
    assert [(repair.rows, "later one" in repair.what) for repair in log.repairs] == [(3, True)]


def test_a_metric_named_epoch_says_the_epoch(home, plots):
    table(plots, "epoch", (3, 0), (7, 1))
    table(plots, "loss", (3, 5), (7, 4))
    (log,) = read(home)
    assert (log.epoch, log.step) == ([1, 2], [3, 7])
    assert log.metrics == {"loss": [5, 4]}


def test_values_without_steps_stay_apart(home, plots):
    table(plots, "loss", (0, 5), (0, 4), (0, 3))
    (log,) = read(home)
    assert log.metrics == {"loss": [5, 4, 3]}
    assert any("without a step" in note for note in log.notes)


def test_measurements_of_the_machine_are_no_repairs(home, plots):
    table(
        plots, "system/cpu/usage (%)", (9, 0, 50), (9, 0, 60), (9, 1, 70), header="timestamp\tstep\tusage (%)"
    )
    table(plots, "loss", (0, 5), (1, 4))
    (log,) = read(home)
    assert log.metrics["system/cpu/usage (%)"] == [60, 70]
    assert log.repairs == ()
    assert any("measured several times" in note for note in log.notes)


def test_names_may_have_points_and_version_0_had_other_folders(home, plots):
    table(plots, "val/acc.top1", (0, 5))
    assert set(read(home)[0].metrics) == {"val/acc.top1"}
    old = home.parent / "old"
    table(old / "scalars" / "val", "acc", (9, 0, 5), header="timestamp\tstep\tval/acc.top1")
    table(old / "scalars", "loss", (9, 0, 5), header="timestamp\tstep\tloss.sum")
    (log,) = read(old)
    assert set(log.metrics) == {"val/acc.top1", "loss.sum"}


def test_the_project_s_settings_are_those_of_its_only_folder(home, plots):
    table(plots, "loss", (0, 5))
    (home.parent / "params.yaml").write_text("seed: 3\nlr: 1\n")
    (home / "params.yaml").write_text("lr: 2\n")
    assert read(home)[0].settings == {"seed": 3, "lr": 2}
    (home / "params.yaml").write_text("lr: [\n")
    (log,) = read(home)
    assert log.settings == {"seed": 3, "lr": 1}
    assert any("params.yaml" in note for note in log.notes)
    other = home.rename(home.with_name("run-1"))
    assert read(other)[0].settings == {}


def test_the_folders_of_plots_may_be_named_too(home, plots):
    table(plots, "val/loss", (0, 5))
    for folder in (home, home / "plots", plots):
        (log,) = read(folder)
        assert (log.where, set(log.metrics)) == (home, {"val/loss"})


def test_a_row_that_was_cut_is_left_out_and_shifted_values_are_refused(home, plots):
    path = table(plots, "loss", (0, 5), (1, 4))
    path.write_text(path.read_text()[:-2])
    (log,) = read(home)
    assert log.metrics == {"loss": [5]}
    assert [repair.rows for repair in log.repairs] == [1]
    table(plots, "loss", (0, 5), (1, 4, 3))
    with pytest.raises(UserError, match=r"loss\.tsv: line 3"):
        read(home)
    table(plots, "loss", (0, 5), (1.5, 4))
    with pytest.raises(UserError, match="whole number"):
        read(home)


def test_text_is_named_and_what_has_no_place_too(home, plots):
    table(plots, "loss", (0, 5))
    table(plots, "mood", (0, "good"))
    (home / "metrics.json").write_text('{"best": {"acc": 1, "name": "x"}}')
    (log,) = read(home)
    assert set(log.metrics) == {"loss"}
    assert any("no numbers: mood" in note for note in log.notes)
    assert any("no step" in note and "best/acc" in note for note in log.notes)


@pytest.mark.parametrize(
    "content", ["", "[", "[" * 100_000, "[]", '{"step": true, "a": 1}', '{"step": 1e400, "a": 1}']
)
def test_any_summary_is_read_or_told(home, plots, content):
    table(plots, "loss", (0, 5))
    (home / "metrics.json").write_text(content)
    assert read(home)[0].metrics == {"loss": [5]}


def test_tables_of_others_are_not_dvclive_s(home, plots):
    assert READER.find(Folder(home)) == []
    table(plots, "loss", (0, 5), header="epoch\tloss")
    assert READER.find(Folder(home)) == []
    assert READER.find(Folder(home / "missing")) == []


def test_links_in_a_circle_end(home, plots):
    table(plots, "loss", (0, 5))
    for name in "abcdefgh":
        (plots / name).symlink_to(plots)
    assert set(read(home)[0].metrics) == {"loss"}


_CELLS = st.sampled_from(["0", "1", "2", "3", "", "nan", "x", "1e999", "-1", "9" * 400, "1_0", '"'])


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.lists(_CELLS, min_size=1, max_size=3), max_size=8),
    st.binary(max_size=5),
    st.dictionaries(
        st.sampled_from(["step", "a", "loss"]), st.integers() | st.none() | st.floats() | st.text(max_size=2)
    ),
)
def test_any_table_is_read_or_refused(tmp_path_factory, rows, rest, summary):
    home = tmp_path_factory.mktemp("any")
    path = table(home / "plots" / "metrics", "loss", *rows)
    path.write_bytes(path.read_bytes() + rest)
    (home / "metrics.json").write_text(json.dumps(summary))
    with contextlib.suppress(UserError):
        read(home)
