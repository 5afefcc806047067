"""Gates of a study: the report is written whatever they find, and the command says which failed, and fails."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from page_reader import Page, sample
from records_maker import make_run, make_runs, make_study

from tinyexp.analysis.study import load_study, study_names
from tinyexp.cli import main
from tinyexp.report.check import examine
from tinyexp.resources import shipped

pytestmark = pytest.mark.usefixtures("blank_pictures")
WHY = "why-design1-beat-design2"
Command = Callable[..., Result]


@pytest.fixture(scope="module")
def mixtures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runs of the leading study, where the width of the dense layer carries the gap: one claim comes out otherwise."""
    folder = tmp_path_factory.mktemp("mixtures")
    make_study(folder, {"fc-width": 0.2}, seeds=range(4))
    return folder


@pytest.fixture
def gated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Command]:
    """In a folder whose leading study has the gates of a TOML table, `tinyexp report` over some runs."""
    sample()  # is made with the shipped studies
    shutil.copytree(shipped("experiments"), tmp_path / "experiments")
    monkeypatch.chdir(tmp_path)

    def study(gates: str) -> Command:
        path = Path("experiments", "studies", f"{WHY}.toml")
        path.write_text(f"{path.read_text(encoding='utf-8')}\n[fail_on]\n{gates}\n", encoding="utf-8")

        def command(runs: Path, *options: str) -> Result:
            return CliRunner().invoke(main, ["report", "--runs", str(runs), "--out", "out", *options])

        return command

    return study


def failures(said: Result) -> list[str]:
    """The lines of the gates that failed; the report is there and sound, and the exit code agrees."""
    lines = [line for line in said.stderr.splitlines() if "gate failed" in line]
    assert said.exit_code == (1 if lines else 0), said.output
    assert said.stdout == "out/report.html\n"
    assert examine(Path("out")).found == ()
    return lines


def told() -> list[dict[str, Any]]:
    return json.loads(Path("out", "report.json").read_text(encoding="utf-8"))["values"]["gates"]


@pytest.mark.parametrize("name", study_names())
def test_no_shipped_study_sets_a_gate(name: str) -> None:
    """Their results are honest ones: a refuted claim is no failure of the program."""
    assert load_study(name).fail_on.model_dump() == {
        "claim_refuted": (),
        "verdict_changed": False,
        "accuracy_below": {},
        "worse_than": {},
        "run_missing": False,
    }


def test_a_refuted_claim_fails_its_gate_and_no_other(gated: Callable[[str], Command], mixtures: Path) -> None:
    run = gated('claim_refuted = ["why-augmentation", "gap-smaller"]')
    assert failures(run(mixtures)) == [
        f"tinyexp: gate failed: {WHY}: claim_refuted why-augmentation: found not as predicted here; required not refuted, nor otherwise than predicted here"
    ]
    assert [(one["subject"], one["passed"]) for one in told()] == [
        ("why-augmentation", False),
        ("gap-smaller", True),
    ]


def test_any_claim_fails_with_the_names_of_those_refuted(
    gated: Callable[[str], Command], mixtures: Path
) -> None:
    [line] = failures(gated('claim_refuted = ["any"]')(mixtures))
    assert (
        "claim_refuted any: found pools-vary refuted; why-augmentation not as predicted here; required not"
        in line
    )
    summary = Path("out", "summary.md").read_text(encoding="utf-8")
    assert (
        f"**Failed** {load_study(WHY).title}: Claims: pools-vary refuted; why-augmentation not as predicted here"
        in summary.replace("\N{NO-BREAK SPACE}", " ")
    )


@pytest.mark.parametrize(("bound", "fails"), [("0.99", True), ("0.05", False)])
def test_an_accuracy_below_its_bound_fails(
    gated: Callable[[str], Command],
    bound: str,
    fails: bool,  # noqa: FBT001
) -> None:
    lines = failures(gated(f"accuracy_below = {{ tiny-design1 = {bound} }}")(sample() / "runs"))
    assert bool(lines) == fails
    values = json.loads(Path("out", "report.json").read_text(encoding="utf-8"))["values"]
    [mean] = [
        sum(one["last"]["test_accuracy"]) / 3
        for one in values["experiments"]
        if one["name"] == "tiny-design1"
    ]
    assert f"{100 * mean:.2f}" in told()[0]["found"]
    if fails:
        assert re.search(
            rf"accuracy_below tiny-design1: found {100 * mean:.2f} % \(mean of 3 seeds; 95 % interval [\d.]+ to [\d.]+ %\); required 99.00 % or more",
            lines[0],
        )


def test_an_accuracy_on_its_bound_passes(gated: Callable[[str], Command], tmp_path: Path) -> None:
    for seed in range(3):
        make_run(tmp_path / "runs", "tiny-design1", seed, key="one")
    run = gated("accuracy_below = { tiny-design1 = 0.001 }")
    run(tmp_path / "runs")
    text = Path("out", "report.json").read_text(encoding="utf-8")
    values = json.loads(text)["values"]["experiments"][0]["last"]["test_accuracy"]
    study = Path("experiments", "studies", f"{WHY}.toml")
    source = study.read_text(encoding="utf-8")
    for bound, count in ((sum(values) / 3, 0), (sum(values) / 3 + 1e-9, 1)):
        study.write_text(source.replace("0.001 }", f"{bound!r} }}"), encoding="utf-8")
        assert len(failures(run(tmp_path / "runs"))) == count


def test_an_accuracy_that_was_not_measured_fails(gated: Callable[[str], Command], tmp_path: Path) -> None:
    make_runs(tmp_path / "runs", ["tiny-design2"])
    [line] = failures(gated("accuracy_below = { tiny-design1 = 0.1 }")(tmp_path / "runs"))
    assert "accuracy_below tiny-design1: found no finished run; required 10.00 % or more" in line


def test_a_missing_run_fails_by_name_and_a_complete_study_passes(
    gated: Callable[[str], Command], mixtures: Path, tmp_path: Path
) -> None:
    run = gated("run_missing = true")
    assert failures(run(mixtures)) == []
    shutil.copytree(mixtures, tmp_path / "runs")
    lost = sorted((tmp_path / "runs" / "embedded" / "tiny-design2").iterdir())
    for folder in lost:
        if folder.name.startswith("2-") and "augmentation" not in folder.name:
            spec = json.loads((folder / "run.json").read_text(encoding="utf-8"))["experiment"]["settings"]
            source = json.loads((folder / "run.json").read_text(encoding="utf-8"))["experiment"][
                "file_settings"
            ]
            if (
                spec["model"]["fc_width"] == source["model"]["fc_width"]
                and not spec["augmentation"]["random_resized_crop"]
            ):
                shutil.rmtree(folder)
                break
    [line] = failures(run(tmp_path / "runs"))
    assert re.search(
        r"run_missing: found 1 run missing or not finished: tiny-design2.* seed 2; required every run", line
    )


def test_a_run_that_did_not_finish_is_missing(
    gated: Callable[[str], Command], mixtures: Path, tmp_path: Path
) -> None:
    shutil.copytree(mixtures, tmp_path / "runs")
    make_run(tmp_path / "runs", "tiny-design1", 4, state="diverged", epochs_done=3)
    [line] = failures(gated("run_missing = true")(tmp_path / "runs"))
    assert "tiny-design1 seed 4" in line
    assert "and" in line
    assert "more" in line


def test_a_study_that_cannot_be_taken_apart_fails_with_the_reason(
    gated: Callable[[str], Command], tmp_path: Path
) -> None:
    make_runs(tmp_path / "runs", ["tiny-design1"])
    make_runs(tmp_path / "runs", ["tiny-design2"], overrides={"training.stop_after": 5})
    run = gated("run_missing = true")
    # Without variants and claims no run is missing: the two designs are all that is left of the study.
    path = Path("experiments", "studies", f"{WHY}.toml")
    text = path.read_text(encoding="utf-8")
    kept = text[: text.index("[[variants]]")] + text[text.index("[fail_on]\nrun_missing") :]
    path.write_text(kept, encoding="utf-8")
    source = Path("experiments", "source.toml")  # its order is of claims that are gone
    source.write_text(re.sub(r"(?ms)^claims = \[.*?^\]\n", "", source.read_text(encoding="utf-8")))
    [line] = failures(run(tmp_path / "runs"))
    assert "belong to no factor" in line


def test_a_changed_verdict_fails_and_equal_verdicts_pass(
    gated: Callable[[str], Command], mixtures: Path, tmp_path: Path
) -> None:
    run = gated("verdict_changed = true")
    make_study(tmp_path / "before", {"augmentation": 0.2}, seeds=range(4))
    CliRunner().invoke(main, ["report", "--runs", str(tmp_path / "before"), "--out", "baseline"])
    assert failures(run(tmp_path / "before", "--baseline", "baseline")) == []
    [line] = failures(run(mixtures, "--baseline", "baseline"))
    assert f"gate failed: {WHY}: verdict_changed: found" in line
    assert "claim why-augmentation as predicted here, now not as predicted here" in line
    assert line.endswith("; required the baseline's verdicts")


def test_a_gate_that_needs_a_baseline_fails_without_one_and_says_how_to_give_it(
    gated: Callable[[str], Command], mixtures: Path
) -> None:
    [line] = failures(gated("verdict_changed = true")(mixtures))
    assert "verdict_changed: found no baseline; give one with --baseline REPORT" in line


def test_a_gate_that_needs_a_baseline_fails_with_one_of_another_profile(
    gated: Callable[[str], Command], mixtures: Path, tmp_path: Path
) -> None:
    make_runs(tmp_path / "desk", ["tiny-design1", "tiny-design2"], profile="desk")
    CliRunner().invoke(main, ["report", "--runs", str(tmp_path / "desk"), "--out", "baseline"])
    [line] = failures(gated("verdict_changed = true")(mixtures, "--baseline", "baseline"))
    assert "found a baseline of profile desk, which is not compared" in line


def test_the_pages_list_the_gates_with_those_that_failed_first(
    gated: Callable[[str], Command], mixtures: Path
) -> None:
    gated('claim_refuted = ["gap-smaller", "why-augmentation"]\naccuracy_below = { tiny-design1 = 0.05 }')(
        mixtures
    )
    page = re.sub(r"\s+", " ", Page(Path("out", "report.html").read_text(encoding="utf-8")).text)
    summary = Path("out", "summary.md").read_text(encoding="utf-8")
    for text in (page, summary):
        assert "1 of 3\u00a0gates failed" in text.replace("3 gates", "3\u00a0gates")
        assert text.index("Claim why-augmentation: not as predicted here.") < text.index("Claim gap-smaller")


@pytest.mark.parametrize(
    ("gates", "words"),
    [
        ('claim_refuted = ["why-augmentatio"]', "[fail_on] claim_refuted: unknown claim 'why-augmentatio'. Known: why-augmentation, why-normalization"),
        ("accuracy_below = { tiny-design3 = 0.5 }", "[fail_on] accuracy_below: unknown experiment 'tiny-design3'. Known: tiny-design1, tiny-design2"),
        ("accuracy_below = { tiny-design1 = 46.8 }", "accuracy_below: 46.8 for 'tiny-design1' is no value that 'test_accuracy' can have, whose unit is 'fraction'"),
        ("accuracy_below = { tiny-design1 = 0 }", "greater than 0"),
        ('run_missing = "yes"', "fail_on.run_missing = 'yes' cannot be used"),
        ("runs_missing = true", "unknown key 'runs_missing' in [fail_on]. Known: claim_refuted, verdict_changed, accuracy_below, worse_than, run_missing. Did you mean 'run_missing'?"),
    ],
)  # fmt: skip
def test_a_slip_in_a_gate_is_refused_with_the_file_and_the_choices(
    gated: Callable[[str], Command], gates: str, words: str
) -> None:
    said = gated(gates)(sample() / "runs")
    assert said.exit_code == 2
    assert words in said.stderr
    assert f"{WHY}.toml" in said.stderr
    assert not Path("out").exists()


def test_the_nearest_name_is_offered(gated: Callable[[str], Command]) -> None:
    said = gated('claim_refuted = ["why-augmentatio"]')(sample() / "runs")
    assert said.stderr.endswith("Did you mean 'why-augmentation'?\n")


def page_block(kind: str) -> str:
    """The first block of a kind on the page about continuous integration."""
    page = (Path(__file__).parents[2] / "docs" / "ci.md").read_text(encoding="utf-8")
    return page.split(f"```{kind}\n", maxsplit=1)[1].split("```", maxsplit=1)[0]


def test_the_table_of_gates_on_the_page_is_read_as_it_stands(gated: Callable[[str], Command]) -> None:
    gated(page_block("toml").replace("[fail_on]", ""))
    assert load_study(WHY).fail_on.model_dump() == {
        "claim_refuted": ("why-augmentation",),
        "verdict_changed": True,
        "accuracy_below": {"tiny-design1": 0.40},
        "worse_than": {"tiny-design2": 0.05},
        "run_missing": True,
    }


def test_what_the_page_shows_of_a_gate_is_what_the_command_prints(gated: Callable[[str], Command]) -> None:
    """Over the kept report of the default profile, with a bound of 70 % on design 1."""
    runs = Path(__file__).parents[2] / "reports" / "embedded" / "runs"
    lines = failures(gated("accuracy_below = { tiny-design1 = 0.7 }")(runs))
    [shown] = [line for line in page_block("console").splitlines() if line.startswith("tinyexp: ")]
    assert lines == [shown]
