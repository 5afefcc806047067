"""A report that is held against an earlier one says what changed, what did not, and what cannot be told."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from page_reader import Page, contents, markdown_text, numbers, sample
from records_maker import SHAPES, make_run, make_runs, make_study, predictions, write_status

from tinyexp.analysis.change import Change
from tinyexp.cli import main
from tinyexp.errors import UserError
from tinyexp.report.baseline import read_baseline
from tinyexp.report.check import examine
from tinyexp.report.evidence import gather
from tinyexp.report.render import write_report
from tinyexp.report.sections.since import since_heading
from tinyexp.report.select import select_runs
from tinyexp.report.since import changes_since
from tinyexp.runs.recorded import read_runs
from tinyexp.runs.records import RunRecord, Status, read_section, write_predictions, write_section

pytestmark = pytest.mark.usefixtures("blank_pictures")
TINY = ("tiny-design1", "tiny-design2")
ROW = {"rose": "rose", "fell": "fell", "within_noise": "no clear change", "equal": "equal"}


def again(runs: Path, *, design1: float, key: str = "again", seeds: range = range(3)) -> None:
    """The tiny designs trained again with other noise, the first of them ending elsewhere."""
    for seed in seeds:
        shape = replace(SHAPES["tiny-design1"], test=design1)
        make_run(runs, "tiny-design1", seed, shape=shape, key=f"{key} 1")
        make_run(runs, "tiny-design2", seed, key=f"{key} 2")


def held(tmp_path: Path, baseline: Path) -> tuple[dict[str, Any], str, str]:
    """The changes as values, the section of the page and that of the summary; all numbers agree."""
    out = tmp_path / "out"
    write_report(tmp_path / "runs", out, baseline=baseline)
    html = (out / "report.html").read_text(encoding="utf-8")
    [section] = re.findall(r'<section id="since".*?</section>', html, re.DOTALL)
    text = re.sub(r"\s+", " ", Page(section).text.replace("\u00a0", " "))
    for name in ("summary.md", "report.md"):
        markdown = (out / name).read_text(encoding="utf-8")
        assert "## What changed since" in markdown
        assert numbers(markdown_text(markdown)) <= numbers(Page(html).text)
    summary = (out / "summary.md").read_text(encoding="utf-8").replace("\u00a0", " ")
    [told] = re.findall(r"## What changed since.*?(?=\n## )", summary, re.DOTALL)
    assert examine(out).found == ()
    values = json.loads((out / "report.json").read_text(encoding="utf-8"))["values"]
    return values["changes"], text, markdown_text(told)


def accuracy(changes: dict[str, Any], name: str) -> dict[str, Any]:
    [found] = [one for one in changes["experiments"] if one["name"] == name]
    return found["change"]


@pytest.mark.parametrize(
    ("design1", "verdict"), [(0.80, "rose"), (0.45, "fell"), (0.62, "within_noise")], ids=str
)
def test_an_accuracy_that_moved_is_told_with_its_interval_and_noise_is_called_noise(
    tmp_path: Path, design1: float, verdict: str
) -> None:
    again(tmp_path / "runs", design1=design1)
    changes, page, summary = held(tmp_path, sample() / "out")
    found = accuracy(changes, "tiny-design1")
    assert found["verdict"] == verdict
    assert found["low"] < found["change"] < found["high"]
    assert found["change"] == pytest.approx(found["here"] - found["before"])
    interval = f"{100 * found['low']:+.1f} to {100 * found['high']:+.1f}".replace("-", "\u2212")
    for text in (page, summary):
        assert interval in text
        assert re.search(rf"Design 1\W+{ROW[verdict]}\W+[\d.]+\W+{re.escape(interval)}", text)


def test_the_difference_of_a_study_moves_with_its_contender(tmp_path: Path) -> None:
    again(tmp_path / "runs", design1=0.45)
    changes, page, _ = held(tmp_path, sample() / "out")
    [study] = [one for one in changes["studies"] if one["study"] == "why-design1-beat-design2"]
    assert study["difference"]["verdict"] == "fell"
    assert study["before"] == "beats"
    before, here = (
        json.loads((path / "report.json").read_text()) for path in (sample() / "out", tmp_path / "out")
    )
    differences = [
        {
            seed: a - b
            for seed, a, b in zip(
                one["contender_runs"]["seeds"],
                one["contender_runs"]["measured"],
                one["baseline_runs"]["measured"],
                strict=True,
            )
        }
        for one in (told["values"]["studies"][0]["comparison"] for told in (before, here))
    ]
    steps = [differences[1][seed] - differences[0][seed] for seed in range(3)]
    assert study["difference"]["change"] == pytest.approx(sum(steps) / 3)
    assert "Design 1 minus Design 2 (test accuracy, points) fell" in page


def test_the_same_runs_are_said_to_be_the_same(tmp_path: Path) -> None:
    shutil.copytree(sample() / "runs", tmp_path / "runs")
    changes, page, summary = held(tmp_path, sample() / "out")
    assert {one["change"]["verdict"] for one in changes["experiments"]} == {"equal"}
    assert not any(one["changed"] for one in (*changes["studies"], *changes["claims"]))
    assert (changes["same_runs"], changes["new_runs"], changes["gone_runs"]) == (12, 0, 0)
    for text in (page, summary):
        assert "What changed since the baseline: nothing, these are the same runs" in text


def test_figures_that_have_no_end_are_equal_to_themselves(tmp_path: Path) -> None:
    """A third of the images right is rounded in report.json, and held against the figure as it was rounded."""
    for seed in range(3):
        for name, thirds in (("tiny-design1", 2), ("tiny-design2", 1)):
            folder = make_run(tmp_path / "runs", name, seed)
            header, *rows = folder.metrics.read_text(encoding="utf-8").splitlines()
            told = predictions(thirds / 3, seed, name, images=999)
            write_predictions(folder.predictions, told)
            record = read_section(folder.record, RunRecord)
            data = record.data.model_copy(update={"test_images": 999})
            write_section(folder.record, record.model_copy(update={"data": data}))
            last = dict(zip(header.split(","), rows[-1].split(","), strict=True))
            last |= {
                "test_accuracy": repr(thirds / 3),
                "test_top5_accuracy": repr(int(told.in_top5.sum()) / 999),
            }
            rows[-1] = ",".join(last.values())
            folder.metrics.write_text("\n".join([header, *rows, ""]), encoding="utf-8")
            write_status(folder, Status(state="finished", epochs_done=len(rows), epochs=len(rows)))
    write_report(tmp_path / "runs", tmp_path / "baseline")
    changes, _, _ = held(tmp_path, tmp_path / "baseline")
    found = [one["change"] for one in changes["experiments"]]
    found += [one["difference"] for one in changes["studies"] if one["study"] == "why-design1-beat-design2"]
    assert [(one["verdict"], one["change"]) for one in found] == [("equal", 0.0)] * 3


def test_a_verdict_that_changed_is_told_with_both_and_a_new_winner_is_a_change(tmp_path: Path) -> None:
    for seed in range(3):
        make_run(tmp_path / "runs", "tiny-design1", seed, shape=SHAPES["tiny-design2"])
        make_run(tmp_path / "runs", "tiny-design2", seed, shape=SHAPES["tiny-design1"], key="other")
    changes, page, summary = held(tmp_path, sample() / "out")
    study = changes["studies"][0]
    assert (study["before"], study["winner_before"]) == ("beats", "tiny-design1")
    assert (study["here"], study["winner_here"], study["changed"]) == ("beats", "tiny-design2", True)
    assert "Design 1 against Design 2 Design 1 beats the other Design 2 beats the other" in page
    assert "| Design 1 against Design 2 | Design 1 beats the other | Design 2 beats the other |" in summary


def test_a_claim_whose_verdict_changed_is_told_with_both(tmp_path: Path) -> None:
    make_study(tmp_path / "before", {"augmentation": 0.2}, seeds=range(4))
    write_report(tmp_path / "before", tmp_path / "baseline")
    make_study(tmp_path / "runs", {"fc-width": 0.2}, seeds=range(4))
    changes, page, _ = held(tmp_path, tmp_path / "baseline")
    [claim] = [one for one in changes["claims"] if one["claim"] == "why-augmentation"]
    assert (claim["before"], claim["here"], claim["changed"]) == (
        "as_predicted_here",
        "not_as_predicted_here",
        True,
    )
    assert (
        "Design 1 worked well because of its data augmentation. as predicted here not as predicted here"
        in page
    )


def test_a_claim_that_the_study_no_longer_has_or_newly_has_is_no_changed_verdict(tmp_path: Path) -> None:
    told = json.loads((sample() / "out" / "report.json").read_text(encoding="utf-8"))
    told["values"]["studies"][0]["claims"][0]["claim"] = "of-old"
    (tmp_path / "report.json").write_text(json.dumps(told), encoding="utf-8")
    shutil.copytree(sample() / "runs", tmp_path / "runs")
    changes, page, _ = held(tmp_path, tmp_path / "report.json")
    found = {one["claim"]: one for one in changes["claims"]}
    assert (found["of-old"]["here"], found["of-old"]["changed"]) == (None, False)
    assert (found["why-augmentation"]["before"], found["why-augmentation"]["changed"]) == (None, False)
    assert "of-old" in page
    assert "no longer there" in page


def test_a_baseline_of_another_profile_is_not_compared_and_the_page_says_why(tmp_path: Path) -> None:
    make_runs(tmp_path / "runs", TINY, profile="desk")
    changes, page, summary = held(tmp_path, sample() / "out")
    assert (changes["comparable"], changes["problem"]) == (False, "other_profile")
    assert changes["studies"] == changes["claims"] == changes["experiments"] == []
    for text in (page, summary):
        assert "cannot be told: it is of another profile" in text
        assert "of profile embedded and this report of profile desk" in text
        assert "points" not in text.split("The baseline said")[0]


def test_other_images_of_one_experiment_are_not_compared(tmp_path: Path) -> None:
    told = json.loads((sample() / "out" / "report.json").read_text(encoding="utf-8"))
    told["values"]["experiments"][0]["data"]["fingerprint"] = "0" * 64
    (tmp_path / "report.json").write_text(json.dumps(told), encoding="utf-8")
    shutil.copytree(sample() / "runs", tmp_path / "runs")
    changes, page, _ = held(tmp_path, tmp_path / "report.json")
    name = told["values"]["experiments"][0]["name"]
    assert accuracy(changes, name)["reason"] == "other_data"
    assert changes["studies"][0]["difference"]["reason"] == "other_data"
    assert "cannot tell: other images then" in page


def test_what_the_baseline_does_not_hold_cannot_be_told(tmp_path: Path) -> None:
    told = json.loads((sample() / "out" / "report.json").read_text(encoding="utf-8"))
    for one in told["values"]["experiments"]:
        one["last"] = {}
    (tmp_path / "old.json").write_text(json.dumps(told), encoding="utf-8")
    shutil.copytree(sample() / "runs", tmp_path / "runs")
    changes, page, _ = held(tmp_path, tmp_path / "old.json")
    assert {one["change"]["reason"] for one in changes["experiments"]} == {"not_recorded"}
    assert "cannot tell: the baseline does not hold it" in page


@pytest.mark.parametrize(("key", "value"), [("unit", "percent"), ("direction", "lower")])
def test_a_metric_that_meant_something_else_then_is_not_compared(
    tmp_path: Path, key: str, value: str
) -> None:
    told = json.loads((sample() / "out" / "report.json").read_text(encoding="utf-8"))
    told["values"]["metrics"]["test_accuracy"][key] = value
    _STUDY(told)["comparison"]["metric"][key] = value
    (tmp_path / "old.json").write_text(json.dumps(told), encoding="utf-8")
    shutil.copytree(sample() / "runs", tmp_path / "runs")
    changes, page, _ = held(tmp_path, tmp_path / "old.json")
    assert {one["change"]["reason"] for one in changes["experiments"]} == {"other_question"}
    assert changes["studies"][0]["difference"]["reason"] == "other_question"
    assert "cannot tell: another question then" in page


def test_too_few_shared_seeds_and_a_missing_experiment_cannot_be_told(tmp_path: Path) -> None:
    again(tmp_path / "runs", design1=0.3, seeds=range(2, 5))
    changes, page, _ = held(tmp_path, sample() / "out")
    assert accuracy(changes, "tiny-design1")["reason"] == "too_few_seeds"
    assert accuracy(changes, "imagenet-design1")["reason"] == "not_here"
    assert "cannot tell: 1 seed in common, and 3 are the fewest" in page


def test_an_experiment_with_other_settings_is_compared_and_marked(tmp_path: Path) -> None:
    make_runs(tmp_path / "runs", TINY, overrides={"model.dropout": 0.25})
    changes, page, _ = held(tmp_path, sample() / "out")
    assert {one["configured"] for one in changes["experiments"][:2]} == {"otherwise"}
    assert (changes["same_runs"], changes["new_runs"]) == (0, 6)
    assert "Design 1, configured otherwise" in page


def test_a_run_of_the_same_identity_with_other_metrics_did_not_repeat(tmp_path: Path) -> None:
    shutil.copytree(sample() / "runs", tmp_path / "runs")
    make_run(tmp_path / "runs", "tiny-design1", 1, key="another machine")
    changes, page, _ = held(tmp_path, sample() / "out")
    [name] = changes["unequal_runs"]
    assert name.startswith("embedded/tiny-design1/1-")
    assert f"did not repeat: the metrics are not the baseline's. {'Another machine type'}" in page
    assert name in page


def test_where_the_baseline_lies_and_how_it_is_named_changes_no_byte(tmp_path: Path) -> None:
    again(tmp_path / "runs", design1=0.5)
    shutil.copytree(sample() / "out", tmp_path / "elsewhere")
    write_report(tmp_path / "runs", tmp_path / "one", baseline=sample() / "out")
    write_report(tmp_path / "runs", tmp_path / "two", baseline=tmp_path / "elsewhere" / "report.json")
    # Nor does it when the kept copy serves, as the page's own command has it.
    write_report(tmp_path / "one" / "runs", tmp_path / "three", baseline=tmp_path / "one" / "baseline.json")
    assert contents(tmp_path / "one") == contents(tmp_path / "two") == contents(tmp_path / "three")
    assert "--baseline baseline.json" in (tmp_path / "one" / "report.md").read_text(encoding="utf-8")


def test_a_report_can_be_held_against_the_one_that_it_replaces(tmp_path: Path) -> None:
    again(tmp_path / "runs", design1=0.5)
    shutil.copytree(sample() / "out", tmp_path / "out")
    write_report(tmp_path / "runs", tmp_path / "out", baseline=tmp_path / "out")
    assert (tmp_path / "out" / "baseline.json").read_bytes() == (
        sample() / "out" / "report.json"
    ).read_bytes()
    assert examine(tmp_path / "out").found == ()
    # One that has a baseline is replaced, and serves as one, as any other.
    write_report(tmp_path / "runs", tmp_path / "out", baseline=tmp_path / "out")
    write_report(tmp_path / "runs", tmp_path / "out")
    assert not (tmp_path / "out" / "baseline.json").exists()


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        (Path.unlink, "baseline.json: there is no such file"),
        (lambda path: path.write_text("{"), "baseline.json: is damaged"),
        (
            lambda path: path.write_bytes(path.read_bytes().replace(b'"beats"', b'"within_margin"', 1)),
            "report.json: differs from what the records give.",
        ),
    ],
    ids=["lost", "torn", "edited"],
)
def test_check_finds_a_baseline_that_is_lost_torn_or_edited(
    tmp_path: Path, spoil: Callable[[Path], object], found: str
) -> None:
    again(tmp_path / "runs", design1=0.5)
    write_report(tmp_path / "runs", tmp_path / "out", baseline=sample() / "out")
    spoil(tmp_path / "out" / "baseline.json")
    assert any(found in line for line in examine(tmp_path / "out").found)


def test_a_baseline_put_beside_a_report_that_was_held_against_none_is_found(tmp_path: Path) -> None:
    shutil.copytree(sample() / "out", tmp_path / "out")
    shutil.copyfile(tmp_path / "out" / "report.json", tmp_path / "out" / "baseline.json")
    assert "report.json: differs from what the records give." in examine(tmp_path / "out").found


def test_without_a_baseline_nothing_is_said_of_one() -> None:
    for name in ("report.html", "report.md", "summary.md"):
        assert "baseline.json" not in (sample() / "out" / name).read_text(encoding="utf-8")
    told = json.loads((sample() / "out" / "report.json").read_text(encoding="utf-8"))
    assert told["values"]["changes"] is None


def report(tmp_path: Path, baseline: Path) -> Result:
    arguments = ["report", "--runs", str(sample() / "runs"), "--out", str(tmp_path / "out")]
    return CliRunner().invoke(main, [*arguments, "--baseline", str(baseline)])


Spoiling = Callable[[dict[str, Any]], object]


def spoiled(change: Spoiling) -> str:
    told = json.loads((sample() / "out" / "report.json").read_text(encoding="utf-8"))
    change(told)
    return json.dumps(told)


_STUDY: Callable[[dict[str, Any]], dict[str, Any]] = lambda told: told["values"]["studies"][0]  # noqa: E731


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "there is no such file or folder"),
        ("", "is damaged or no report of tinyexp: the whole file: invalid JSON"),
        ("{" * 100_000, "is damaged or no report of tinyexp"),
        ("[1, 2]", "is damaged or no report of tinyexp"),
        ('{"a": 1}', "is no report.json of tinyexp"),
        (lambda told: told.update(schema_version=1), "of report format 1, which is no longer read"),
        (lambda told: told.update(schema_version=4), "of report format 4, which is no longer read; this tinyexp reads 5 to 8. Make it again"),
        (lambda told: told.update(schema_version=9), "from a newer tinyexp; this one reads 5 to 8. Update"),
        (lambda told: told.pop("values"), "is damaged: values: field required"),
        (lambda told: _STUDY(told)["comparison"].update(verdict="wins"), "is damaged: values.studies.0.comparison.verdict"),
        (lambda told: _STUDY(told)["comparison"]["contender_runs"]["seeds"].pop(), "seeds and values are not as many"),
        (lambda told: _STUDY(told)["comparison"]["contender_runs"].update(measured=[float("nan")] * 3), "should be a finite number"),
        (lambda told: _STUDY(told)["comparison"]["contender_runs"].update(measured=[1e300] * 3), "is damaged"),
        (lambda told: told["values"]["experiments"][0].update(last={"test_accuracy": [0.1]}), "seeds and values are not as many"),
        (lambda told: told["values"]["experiments"][0].update(seeds=[0, 0, 1]), "a seed stands twice"),
    ],
)  # fmt: skip
def test_what_is_no_baseline_is_refused_with_where_what_and_the_next_step(
    tmp_path: Path, text: str | Spoiling | None, words: str
) -> None:
    file = tmp_path / "report.json"
    if text is not None:
        file.write_text(text if isinstance(text, str) else spoiled(text), encoding="utf-8")
    said = report(tmp_path, file)
    assert (said.exit_code, type(said.exception)) == (2, SystemExit)
    assert str(file) in said.output
    assert words in said.output
    assert any(
        step in said.output for step in ("Give --baseline the folder that", "Make it again", "Update tinyexp")
    )
    assert not (tmp_path / "out").exists(), "nothing is written before the baseline was read"


def test_a_folder_without_a_report_and_a_file_that_is_too_large_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"report\.json: cannot be read \(No such file"):
        read_baseline(tmp_path)
    with (tmp_path / "report.json").open("wb") as file:
        file.truncate(60_000_000)
    with pytest.raises(UserError, match="60,000,000 bytes; at most"):
        read_baseline(tmp_path)


def test_hostile_text_of_a_baseline_comes_out_as_text(tmp_path: Path) -> None:
    attack = "<script>alert(1)</script> | `x` [a](http://evil.example) \u202e {0}"

    def hostile(told: dict[str, Any]) -> None:
        told["verdict"] = attack
        told["made_with"] = {attack: attack}
        _STUDY(told)["comparison"].update(winner=attack)
        _STUDY(told)["claims"][0].update(claim=attack)
        told["values"]["experiments"][0].update(name=attack)

    (tmp_path / "report.json").write_text(spoiled(hostile), encoding="utf-8")
    shutil.copytree(sample() / "runs", tmp_path / "runs")
    write_report(tmp_path / "runs", tmp_path / "out", baseline=tmp_path / "report.json")
    assert examine(tmp_path / "out").found == ()
    page = Page((tmp_path / "out" / "report.html").read_text(encoding="utf-8"))
    assert not page.tags("script")
    assert all(attributes["href"].startswith(("#", "runs/")) for _, attributes in page.tags("a"))
    for name in ("report.html", "report.md", "summary.md", "report.json"):
        assert "\u202e" not in (tmp_path / "out" / name).read_text(encoding="utf-8"), name
    for name in ("report.md", "summary.md"):
        text = (tmp_path / "out" / name).read_text(encoding="utf-8")
        assert not re.search(r"<script|(?<!\\)\]\(http|://", text)
        for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
            assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1


def test_the_command_says_what_changed_in_a_line(tmp_path: Path) -> None:
    said = report(tmp_path, sample() / "out")
    assert said.exit_code == 0
    assert "tinyexp: What changed since the baseline: nothing, these are the same runs" in said.stderr
    assert said.stdout == f"{tmp_path / 'out' / 'report.html'}\n"


def _change(verdict: str) -> Change:
    return Change(verdict, "too_few_seeds" if verdict == "cannot_tell" else "")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("verdicts", "told"),
    [
        (("fell", "rose", "rose"), "1 accuracy fell and 2 accuracies rose"),
        (("equal", "within_noise"), "no verdict, and no accuracy beyond chance"),
        (("within_noise", "cannot_tell"), "as far as can be told no accuracy beyond chance"),
        (("cannot_tell", "cannot_tell"), "too little is known about the accuracies"),
    ],
)
def test_the_heading_says_no_more_than_is_known(tmp_path: Path, verdicts: tuple[str, ...], told: str) -> None:
    again(tmp_path / "runs", design1=0.62)
    evidence = gather(select_runs(read_runs(tmp_path / "runs")))
    changes = changes_since(evidence, read_baseline(sample() / "out"))
    experiments = tuple(
        replace(changes.experiments[0], name=f"e{n}", change=_change(verdict))
        for n, verdict in enumerate(verdicts)
    )
    quiet = replace(changes, experiments=experiments, studies=(), claims=(), unequal_runs=())
    assert told in since_heading(quiet).replace("\u00a0", " ")
    assert "these are the same runs" not in since_heading(quiet)
