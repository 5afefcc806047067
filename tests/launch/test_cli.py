"""The command line: what it loads, what it prints where, and what it says when something is wrong."""

import json
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from commands import command_of, tinyexp
from small_runs import SET

import tinyexp as tinyexp_package
from tinyexp.cli import main


def refused(*arguments, cwd=None):
    """What a command that must end with exit code 2 said; one clear message, no traceback."""
    done = tinyexp(*arguments, cwd=cwd)
    assert done.returncode == 2, done
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert all(line.startswith("tinyexp: ") for line in done.stderr.splitlines())
    return done.stderr


HEAVY = (
    "torch",
    "torchvision",
    "pandas",
    "matplotlib",
    "numba",
    "mpmath",
    "lightning_fabric",
    "numpy",
    "jinja2",
)


def test_help_lists_every_command_once_in_a_line_by_what_it_is_for():
    told = CliRunner().invoke(main, ["--help"], terminal_width=80).output
    listed = re.findall(r"^  ([a-z][a-z-]*)  +(\S.*)$", told.split("Options:")[1], re.MULTILINE)
    modules = [
        import_module(f"tinyexp.{path.stem}")
        for path in Path(tinyexp_package.__file__).parent.glob("cli_*.py")
    ]
    made = {one.name for module in modules for one in vars(module).values() if isinstance(one, click.Command)}
    assert sorted(name for name, _ in listed) == sorted(made - {*command_of("data").commands})
    assert all(line.endswith((".", "?")) and len(line) < 68 for _, line in listed)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["report"], "Missing option '--out'. As in: tinyexp report --out reports/latest"),
        (["compare"], "As in: tinyexp compare logs/base logs/wide"),
        (["diff", "tiny-design1"], "Missing argument 'B'. There are: imagenet-design1, "),
        (["plan"], "There are: deeper-on-imagenet, "),
        (["data", "fetch"], "There are: fashion-mnist, "),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, list) else "",
)
def test_what_is_missing_is_named_with_the_choices_or_an_example(words, said):
    done = CliRunner().invoke(main, words)
    assert (done.exit_code, said in done.stderr) == (2, True), done.stderr


@pytest.mark.parametrize("many", [10, 11])
def test_of_many_names_the_first_ten_are_listed(tmp_path, monkeypatch, many):
    (tmp_path / "experiments").mkdir()
    for number in range(many):
        (tmp_path / "experiments" / f"e{number:02}.toml").touch()
    monkeypatch.chdir(tmp_path)
    told = CliRunner().invoke(main, ["run"]).stderr
    assert told.strip().endswith("e08, e09." if many == 10 else "e09 and 1 more.")


@pytest.mark.parametrize("arguments", [["--help"], ["run-all", "--help"], ["data", "--help"], ["--version"]])
def test_help_loads_nothing_heavy(arguments):
    code = f"""
import sys
from tinyexp.cli import main
try:
    main({arguments!r})
except SystemExit:
    pass
print(sorted(set({HEAVY!r}) & set(sys.modules)), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_importing_the_package_loads_nothing_heavy():
    code = f"import sys, tinyexp; tinyexp.__all__; print(sorted(set({HEAVY!r}) & set(sys.modules)))"
    assert (
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.strip()
        == "[]"
    )


def test_the_launcher_of_finished_runs_never_loads_torch(tmp_path):
    first = tinyexp("run", "tiny-design2", *SET, "--runs", str(tmp_path))
    assert first.returncode == 0, first.stderr
    code = f"""
import sys
from tinyexp.cli import main
try:
    main(["run", "tiny-design2", *{SET!r}, "--runs", {str(tmp_path)!r}, "--json"])
except SystemExit as end:
    assert not end.code, end.code
print("torch" in sys.modules, file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "False"
    [row] = json.loads(done.stdout)
    assert (row["state"], row["trained_now"]) == ("finished", False)


def test_the_paper_profile_without_data_says_what_is_missing_where_it_comes_from_and_how_to_take_it(tmp_path):
    said = refused("run-all", "--profile", "paper", cwd=tmp_path)
    assert "nothing was trained" in said
    for words in (
        "tiny-imagenet-200.zip (248,100,043 bytes, sha256 6198c8ae015e2b3e007c7841da39ec069199b9aa3bfa943a462022fe5e43c821)",
        "`tinyexp data fetch tiny-imagenet`",
        "Needed by tiny-design1, tiny-design2.",
        "ILSVRC2012_img_train.tar",
        "Needed by imagenet-design1, imagenet-resnet18.",
    ):
        assert words in said
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "tiny-desing1"], "Did you mean 'tiny-design1'?"),
        (
            ["run-all", "--profile", "papre"],
            "unknown profile 'papre'. Known: desk, embedded, paper. Did you mean 'paper'?",
        ),
        (["run", "tiny-design1", "--set", "model.widht=1"], "--set: unknown key 'widht' in [model]."),
        (
            ["run", "tiny-design1", "--set", "model.width=x"],
            "--set: model.width = 'x' cannot be used: input should be a valid number.",
        ),
        (["run", "tiny-design1", "--set", "model.width"], "write KEY=VALUE"),
        (
            ["run", "tiny-design1", "--profile", "paper", "--set", "data.root=."],
            "Tiny ImageNet is expected as wnids.txt",
        ),
        (["run", "tiny-design1", "--profile", "paper", "--set", "data.root=nowhere"], "nowhere"),
        (["run", "tiny-design1", "--runs", "/proc/runs"], "/proc/runs: cannot be written to"),
        (["run-all", "--only", "x*"], "--only x*: matches no experiment. Known: imagenet-design1"),
        (
            ["run-all", "--study", "smaller-image"],
            "unknown study 'smaller-image'. Known: deeper-on-imagenet",
        ),
        (
            ["run-all", "--study", "why-design1-beat-design2", "--only", "tiny-design1"],
            "needs tiny-design1, tiny-design2, of which --only leaves tiny-design1. Leave --only out.",
        ),
        (["status"], "runs: there is no such folder in "),
        (["show", "nothing"], "unknown experiment 'nothing'"),
        (["data", "fetch", "minst"], "unknown data set 'minst'"),
        (["report", "--out", "reports"], "runs: there is no such folder"),
    ],
)
def test_a_mistake_gets_one_clear_message_and_exit_code_2(tmp_path, arguments, words):
    assert words in refused(*arguments, cwd=tmp_path)


def test_an_unknown_option_exits_with_2_and_the_nearest(tmp_path):
    done = tinyexp("run-all", "--seed", "3", cwd=tmp_path)
    assert done.returncode == 2
    assert "--seeds" in done.stderr


def invoke(*arguments):
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_show_prints_the_resolved_experiment_and_its_deviations():
    assert "stop_after = 9  # file: 65" in invoke("show", "tiny-design1", "--profile", "embedded")
    assert json.loads(invoke("show", "tiny-design1", "--json"))["settings"]["model"]["fc_width"] == 1024


def test_diff_prints_the_keys_in_which_two_experiments_differ():
    keys = {row["key"] for row in json.loads(invoke("diff", "tiny-design1", "tiny-design2", "--json"))}
    assert {
        "model.channels",
        "model.kernels",
        "model.fc_width",
        "model.hidden_activation",
        "augmentation.random_resized_crop",
    } <= keys
    assert "optimizer.learning_rate" not in keys


def test_run_prints_its_results_on_stdout_and_progress_on_stderr_and_status_lists_them(tmp_path):
    done = tinyexp("run", "tiny-design1", "--seed", "4", *SET, "--runs", "runs", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].split() == [
        "run",
        "seed",
        "state",
        "epochs",
        "test",
        "accuracy",
        "folder",
    ]
    assert "[1/1] tiny-design1 seed 4: finished, 3 epochs" in done.stderr
    listed = tinyexp("status", cwd=tmp_path).stdout
    assert "finished" in listed
    [metrics] = tmp_path.glob("runs/*/*/*/metrics.csv")
    metrics.write_text(metrics.read_text().replace("0", "1", 1))
    assert "changed since it was written: metrics.csv" in tinyexp("status", cwd=tmp_path).stdout


def test_a_run_that_diverges_exits_with_1_and_is_named(tmp_path):
    done = tinyexp("run", "tiny-design1", *SET, "--set", "optimizer.learning_rate=1e30", cwd=tmp_path)
    assert done.returncode == 1
    assert "tiny-design1 seed 0 diverged: diverged in epoch 1" in done.stderr
