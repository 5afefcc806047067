"""Tables of people's own training loops, held against what was logged, and their traps one by one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from truth import FIXTURES, check_against_truth, truth_of

from tinyexp.errors import UserError
from tinyexp.logs.counting import AS_OTHERS, BEFORE, ELSEWHERE, FROM_ZERO, ONE_FURTHER
from tinyexp.logs.ends import NO_END
from tinyexp.logs.folder import Folder, Unit
from tinyexp.logs.readers.generic import READER
from tinyexp.logs.rows import AGAIN, TWICE
from tinyexp.logs.walk import read_paths


def read_below(root):
    """All logs below a folder, in order, and the errors of those that are refused, by name."""
    found, refused = [], {}
    for path in sorted([root, *(one for one in root.rglob("*") if one.is_dir())]):
        for unit in READER.find(Folder(path)):
            try:
                found += READER.read(unit)
            except UserError as error:
                refused[unit.where.relative_to(root).as_posix()] = str(error)
    return READER.join(found), refused


@pytest.fixture
def logs_in(tmp_path):
    """Writes files by name, reads them all and gives the logs by name; of several in one file a list."""

    def read(**texts):
        for name, text in texts.items():
            path = tmp_path / name.replace("__", "/").replace("_json", ".json").replace("_csv", ".csv")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        logs, refused = read_below(tmp_path)
        assert not refused
        return logs

    return read


def rows(log):
    """A log as its reader sees it: epoch, step and values."""
    names = list(log.metrics)
    return [
        (
            epoch,
            step,
            {name: log.metrics[name][place] for name in names if log.metrics[name][place] is not None},
        )
        for place, (epoch, step) in enumerate(zip(log.epoch, log.step, strict=True))
    ]


RUNS = truth_of("generic")
REFUSED = {
    "odd/empty_s0.csv": "holds no row",
    "odd/header_s0.csv": "holds no row",
    "odd/wider_s2.csv": "line 4 has 4",
}


@pytest.fixture(scope="module")
def real():
    return read_below(FIXTURES / "generic")


@pytest.mark.parametrize(
    "run", [one for one in RUNS if one["run"] not in REFUSED], ids=lambda run: run["run"]
)
def test_every_real_run_has_the_values_that_were_logged(real, run):
    own = [log for log in real[0] if log.where == FIXTURES / "generic" / run["run"]]
    if len(own) > 1:  # several runs in one table
        own = [
            log
            for log in own
            if (log.settings["design"], log.settings["seed"]) == (run["design"], run["seed"])
        ]
    (log,) = own
    # A number in every line that is below no "config" is a metric here, constant or not; in truth it is none.
    metrics = {name: column for name, column in log.metrics.items() if name != "train.batch.n"}
    check_against_truth(replace(log, metrics=metrics), run)
    assert log.epoch == [row["epoch"] for row in run["rows"]]
    assert log.step == [row["step"] for row in run["rows"]]
    if run["settings_in_log"]:
        seed = next(value for name, value in log.settings.items() if name.endswith("seed"))
        assert (type(seed), seed) == (int, run["seed"])


def test_each_real_log_is_found_once_and_what_is_none_is_refused(real):
    logs, refused = real
    assert {log.where.relative_to(FIXTURES / "generic").as_posix() for log in logs} | set(refused) == {
        run["run"] for run in RUNS
    }
    assert len(logs) == len(RUNS) - len(REFUSED)
    assert {name: said for name, said in REFUSED.items() if said in refused[name]} == REFUSED


def test_hydra_runs_are_read_by_their_own_table_too():
    logs, refused = read_below(FIXTURES / "hydra")
    assert not refused
    by_folder = {log.where.parent.relative_to(FIXTURES / "hydra").as_posix(): log for log in logs}
    for run in truth_of("hydra"):
        check_against_truth(by_folder[run["run"]], run)


@pytest.mark.parametrize("name", ["log.csv", "log.tsv", "log.txt", "out.log", "log.jsonl", "log.ndjson"])
def test_files_with_an_index_column_are_found(tmp_path, name):
    text = '{"epoch": 1, "x": 1}\n' if "json" in name else "Epoch,x\n1,1\n"
    (tmp_path / name).write_text(text)
    assert [unit.files for unit in READER.find(Folder(tmp_path))] == [(tmp_path / name,)]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("summary.json", '{"epoch": 3, "acc": 0.5}'),
        ("summary.json", '{\n "epoch": 3,\n "acc": 0.5\n}\n'),
        ("data.csv", "x,y\n1,2\n"),
        ("names.txt", "epoch\n"),
        ("out.log", "epoch 1: loss 0.5, acc 0.7\n"),
        ("epoch.md", "epoch,loss\n1,2\n"),
        ("empty.log", ""),
    ],
)
def test_files_without_one_are_not(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    assert READER.find(Folder(tmp_path)) == []


def test_epochs_that_begin_at_0_are_counted_as_completed_in_all_logs_of_one_program(logs_in):
    head = "epoch,x\n"
    began, late, further = logs_in(
        a_csv=f"{head}0,1\n1,2\n2,3\n", b_csv=f"{head}1,2\n2,3\n", c_csv=f"{head}1,1\n2,2\n3,3\n"
    )
    assert (began.epoch, late.epoch, further.epoch) == ([1, 2, 3], [2, 3], [1, 2, 3])
    assert (began.notes, late.notes, further.notes) == ((FROM_ZERO,), (AS_OTHERS,), (ONE_FURTHER,))


def test_epochs_from_1_are_as_written_also_where_a_log_elsewhere_begins_at_0(logs_in):
    _, other, own = logs_in(
        one__s0__a_csv="epoch,x\n0,1\n", two__s0__a_csv="epoch,x\n1,1\n", two__s1__a_csv="epoch;x\n1;1\n"
    )
    assert (other.epoch, other.notes) == ([1], (ELSEWHERE,))
    assert (own.epoch, own.notes) == ([1], ())


def test_an_evaluation_before_the_first_epoch_stays_at_0(logs_in):
    (log,) = logs_in(a_csv="epoch,train_loss,acc\n0,,0.1\n1,2,0.4\n2,1,0.5\n")
    assert log.epoch == [0, 1, 2]
    assert log.notes == (BEFORE,)


def test_fractions_of_epochs_are_as_written(logs_in):
    (log,) = logs_in(a_csv="epoch,step,loss\n0.0,0,3\n0.5,10,2\n1.0,20,1\n")
    assert rows(log) == [(0, 0, {"loss": 3}), (0.5, 10, {"loss": 2}), (1, 20, {"loss": 1})]


def test_rows_in_the_middle_of_an_epoch_have_no_epoch_and_none_is_lost(logs_in):
    text = "".join(f"{step // 4},{step},{step / 10},{'' if step % 4 < 3 else step}\n" for step in range(10))
    (log,) = logs_in(a_csv=f"epoch,step,loss,acc\n{text}")
    assert log.epoch == [None, None, None, 1, None, None, None, 2, None, None]
    assert log.step == list(range(10))
    assert log.metrics["loss"] == [step / 10 for step in range(10)]


def test_a_row_of_a_whole_epoch_among_rows_of_steps_needs_no_step(logs_in):
    (log,) = logs_in(a_csv="epoch,step,loss,acc\n0,0,1,\n0,2,1,\n0,,,5\n1,4,1,\n1,6,1,\n1,,,6\n")
    assert [(one, log.metrics["acc"][place]) for place, one in enumerate(log.epoch) if one] == [
        (1, 5),
        (2, 6),
    ]
    assert log.metrics["loss"] == [1] * 4


def test_numbers_of_batches_that_begin_again_in_each_epoch_are_no_later_attempts(logs_in):
    text = "".join(f"{epoch},{batch},{epoch + batch / 10}\n" for epoch in range(3) for batch in range(3))
    (log,) = logs_in(a_csv=f"epoch,step,loss\n{text}")
    assert log.epoch == [None, None, 1, None, None, 2, None, None, 3]
    assert log.step == [0, 1, 2] * 3
    assert log.repairs == ()


def test_where_no_end_of_an_epoch_shows_it_is_told(logs_in):
    text = "".join(f"{step // 45},{step},1\n" for step in range(19, 200, 20))
    (log,) = logs_in(a_csv=f"epoch,step,loss\n{text}")
    assert log.epoch == [None] * 10
    assert NO_END in log.notes


@pytest.mark.parametrize("order", ["one after the other", "in turn"])
def test_runs_in_one_table_are_told_apart_by_a_seed(logs_in, order):
    lines = [f"{seed},{epoch},{seed + epoch / 10}\n" for seed in (3, 4) for epoch in (0, 1, 2)]
    if order == "in turn":
        lines = sorted(lines, key=lambda line: line[2])
    logs = logs_in(a_csv="seed,epoch,acc\n" + "".join(lines))
    assert [(log.settings, log.epoch, log.metrics["acc"]) for log in logs] == [
        ({"seed": 3}, [1, 2, 3], [3, 3.1, 3.2]),
        ({"seed": 4}, [1, 2, 3], [4, 4.1, 4.2]),
    ]


def test_runs_in_one_table_are_told_apart_by_words_and_by_numbers_that_never_change_in_a_block(logs_in):
    by_word = logs_in(
        a_csv="opt,epoch,acc\n" + "".join(f"{opt},{e},1\n" for opt in ("sgd", "adam") for e in (1, 2))
    )
    assert [log.settings for log in by_word] == [{"opt": "sgd"}, {"opt": "adam"}]
    by_number = logs_in(
        a_csv="lr,epoch,acc\n" + "".join(f"{lr},{e},{lr + e}\n" for lr in (0.1, 0.01) for e in (1, 2))
    )
    assert [(log.settings, log.metrics["acc"]) for log in by_number] == [
        ({"lr": 0.1}, [1.1, 2.1]),
        ({"lr": 0.01}, [1.01, 2.01]),
    ]


def test_a_resume_is_no_second_run_even_with_another_setting(logs_in):
    (log,) = logs_in(a_csv="lr,epoch,acc\n.1,1,1\n.1,2,2\n.1,3,3\n.01,2,4\n.01,3,5\n")
    assert log.metrics["acc"] == [1, 4, 5]
    assert [(one.what, one.rows) for one in log.repairs] == [(AGAIN, 2)]


def test_what_never_changes_is_a_setting_if_it_is_text_or_a_seed_and_else_a_metric(logs_in):
    (log,) = logs_in(a_csv="seed,lr,optimizer,epoch,acc\n7,0.1,sgd,1,.5\n7,0.1,sgd,2,.6\n")
    assert log.settings == {"optimizer": "sgd", "seed": 7}
    assert list(log.metrics) == ["lr", "acc"]


def test_words_that_change_within_a_run_are_left_out_and_named(logs_in):
    (log,) = logs_in(a_csv="time,stage,epoch,acc\n10:00,warm up,1,1\n10:01,warm up,2,2\n10:02,main,3,3\n")
    assert log.epoch == [1, 2, 3]
    assert log.notes == ("Left out, as they hold no numbers: time, stage.",)


def test_training_and_validation_in_rows_of_their_own_keep_all_values(logs_in):
    (log,) = logs_in(a_csv="epoch,phase,loss\n1,train,3\n1,val,4\n2,train,1\n2,val,2\n")
    assert rows(log) == [
        (1, None, {"train/loss": 3, "val/loss": 4}),
        (2, None, {"train/loss": 1, "val/loss": 2}),
    ]
    (log,) = logs_in(a_csv="epoch,metric,value\n1,loss,3\n1,acc,4\n2,loss,1\n2,acc,2\n")
    assert rows(log) == [(1, None, {"loss": 3, "acc": 4}), (2, None, {"loss": 1, "acc": 2})]


def test_a_line_of_settings_before_the_rows_is_read_and_a_row_without_an_index_is_told(logs_in):
    (log,) = logs_in(
        a_jsonl='{"args": {"lr": 0.1, "seed": 3}}\n{"epoch": 1, "x": 1}\n{"epoch": 2, "x": 2}\n{"best": 2}\n'
    )
    assert log.settings == {"args.lr": 0.1, "args.seed": 3}
    assert rows(log) == [(1, None, {"x": 1}), (2, None, {"x": 2})]
    assert [(one.what, one.rows) for one in log.repairs] == [
        ("without an epoch or step, and left out: best", 1)
    ]
    assert log.rows_read == 4


def test_an_index_of_pandas_is_no_index(logs_in):
    (log,) = logs_in(a_csv=",epoch,acc\n0,1,.5\n1,2,.6\n")
    assert rows(log) == [(1, None, {"acc": 0.5}), (2, None, {"acc": 0.6})]
    assert log.notes == ("Left out, as they hold no numbers: one without a name.",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n", "no column says where a row stands. Its columns: a, b"),
        ("epoch,x\n1,1\n2,2\nthree,3\n", "row 3: epoch is no number ('three', line 4)"),
        ("epoch,x\n,1\n", "none has an epoch or a step"),
        ("epoch,x\n" + "1,1\n2,2\n" * 20_000, "go back 19,999 times"),
        ("epoch,metric,value\n" + "".join(f"{row},m{row % 900},1\n" for row in range(40_000)) * 2, "apart"),
    ],
)
def test_what_is_no_log_is_refused_and_says_why(tmp_path, text, said):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(UserError) as caught:
        READER.read(Unit(tmp_path / "a.csv", (tmp_path / "a.csv",)))
    assert str(caught.value).startswith(f"{tmp_path / 'a.csv'}: ")
    assert said in str(caught.value)


CELLS = st.sampled_from(
    ["0", "1", "2", "-1", "0.5", "nan", "inf", "1e400", "", "NA", "x", "train", "val", '"', "\0", "\r"]
)
LINES = st.lists(st.lists(CELLS, min_size=3, max_size=4).map(",".join), max_size=8).map("\n".join)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.sampled_from(["epoch,step,x", "seed,epoch,x", "epoch,phase,x", "a,b,c", "step,metric,value"]),
    LINES,
    st.sampled_from(["", "\n"]),
)
def test_any_table_is_read_or_refused(tmp_path, head, lines, end):
    path = tmp_path / "a.csv"
    path.write_text(f"{head}\n{lines}{end}", newline="")
    try:
        logs = READER.join(READER.read(Unit(path, (path,))))
    except UserError:
        return
    for log in logs:
        assert {len(column) for column in (log.epoch, log.step, *log.metrics.values())} == {len(log.epoch)}
        assert all(
            one is not None or other is not None for one, other in zip(log.epoch, log.step, strict=True)
        )


def written(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    "before", ["# made by hand\n", "# one\n# two, three\n", "sep=,\n", "# lr 0.1\nsep=,\n"]
)
def test_lines_before_the_header_are_passed_over_and_counted(tmp_path, before):
    written(tmp_path, "log.csv", f"{before}epoch,loss\n1,0.5\n2,0.25\n")
    (log,) = read_paths([tmp_path]).runs
    assert log.metrics["loss"] == [0.5, 0.25]
    assert [(one.what, one.rows) for one in log.repairs] == [
        ("of comments before the header, passed over", before.count("\n"))
    ]


@pytest.mark.parametrize(
    "name", ["it", "timesteps", "time/total_timesteps", "trainer/global_step", "env_step"]
)
def test_other_names_of_steps_are_known(tmp_path, name):
    written(tmp_path, "log.csv", f"{name},reward\n10,0.5\n20,0.75\n")
    (log,) = read_paths([tmp_path]).runs
    assert log.step == [10, 20]


def test_a_table_that_says_no_place_is_named(tmp_path):
    written(tmp_path, "log.csv", "epoch,loss\n1,0.5\n")
    written(tmp_path, "labels.csv", "image,label\nx.png,3\n")
    (left,) = read_paths([tmp_path]).left_out
    assert left.where.name == "labels.csv"
    assert "no column of it says where a row stands" in left.why


def test_rows_in_falling_order_are_sorted_and_said_to_be(tmp_path):
    written(tmp_path, "log.csv", "epoch,loss\n3,0.25\n2,0.5\n1,0.75\n")
    (log,) = read_paths([tmp_path]).runs
    assert (log.epoch, log.metrics["loss"]) == ([1, 2, 3], [0.75, 0.5, 0.25])
    assert "sorted" in log.repairs[0].what


def test_a_number_that_is_another_in_every_log_is_a_setting_too(tmp_path):
    for name, lr in (("a", 0.1), ("b", 0.1), ("c", 0.01)):
        written(
            tmp_path,
            f"{name}.csv",
            f"epoch,loss,lr_max,momentum\n1,0.5{name == 'a':d},{lr},0.9\n2,0.25,{lr},0.9\n",
        )
    logs = read_paths([tmp_path]).runs
    assert [log.settings for log in logs] == [{"lr_max": 0.1}, {"lr_max": 0.1}, {"lr_max": 0.01}]
    assert logs[0].metrics["lr_max"] == [0.1, 0.1], "and no value is lost"


def test_a_long_table_of_a_setting_and_seeds_gives_every_run(tmp_path):
    rows = [
        f"{lr},{seed},{epoch},{lr + seed / 10 + epoch / 100}"
        for lr in (0.1, 0.01)
        for seed in (0, 1)
        for epoch in (1, 2, 3)
    ]
    written(tmp_path, "all.csv", "lr,seed,epoch,val_acc\n" + "\n".join(rows) + "\n")
    logs = read_paths([tmp_path]).runs
    assert sorted((log.settings["lr"], log.settings["seed"]) for log in logs) == [
        (0.01, 0),
        (0.01, 1),
        (0.1, 0),
        (0.1, 1),
    ]
    assert all(log.epoch == [1, 2, 3] for log in logs)


def read_one(tmp_path, text):
    written(tmp_path, "log.csv", text)
    (log,) = read_paths([tmp_path]).runs
    return log


BATCHES = [(epoch, batch, epoch + batch / 10) for epoch in range(3) for batch in range(4)]


@pytest.mark.parametrize("name", ["batch", "batch_idx", "Batch", "minibatch"])
def test_batches_that_are_counted_in_each_epoch_keep_their_rows(tmp_path, name):
    rows = "".join(f"{epoch},{batch},{loss}\n" for epoch, batch, loss in BATCHES)
    log = read_one(tmp_path, f"epoch,{name},loss\n{rows}")
    assert log.metrics == {"loss": [loss for _, _, loss in BATCHES]}
    assert log.step == [batch for _, batch, _ in BATCHES]
    assert log.epoch == [None, None, None, 1, None, None, None, 2, None, None, None, 3]
    assert log.repairs == ()
    assert (
        f"'{name}' counts within an epoch: it stands as the step, and begins again in each epoch."
        in log.notes
    )


def test_a_batch_size_is_no_place(tmp_path):
    log = read_one(tmp_path, "epoch,batch,loss\n1,64,3\n2,64,2\n3,64,1\n")
    assert (log.epoch, log.step) == ([1, 2, 3], [None] * 3)


def test_a_validation_after_the_batches_of_an_epoch_stands_at_its_end(tmp_path):
    text = "epoch,batch,loss,val_acc\n1,0,3,\n1,1,2,\n1,,,0.5\n2,0,2,\n2,1,1,\n2,,,0.6\n"
    log = read_one(tmp_path, text)
    assert [(one, acc) for one, acc in zip(log.epoch, log.metrics["val_acc"], strict=True) if acc] == [
        (1, 0.5),
        (2, 0.6),
    ]
    assert log.metrics["loss"].count(None) <= 2
    assert [one for one in log.metrics["loss"] if one is not None] == [3, 2, 2, 1]


def test_of_rows_of_an_epoch_that_nothing_tells_apart_the_last_counts_and_the_others_are_counted(tmp_path):
    rows = "".join(f"{epoch},{loss}\n" for epoch, _, loss in BATCHES)
    log = read_one(tmp_path, f"epoch,loss\n{rows}")
    assert (log.epoch, log.metrics["loss"]) == ([1, 2, 3], [0.3, 1.3, 2.3])
    assert [(one.what, one.rows) for one in log.repairs] == [(TWICE, 9)]


def test_an_epoch_that_was_logged_again_after_a_resume_is_one(tmp_path):
    log = read_one(tmp_path, "epoch,loss\n1,3\n2,2\n2,1.9\n3,1\n")
    assert (log.epoch, log.metrics["loss"]) == ([1, 2, 3], [3, 1.9, 1])
    assert [one.rows for one in log.repairs] == [1]
