"""When runs stopped, and when their rates moved: what was watched on held-out images, and which epoch counts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from tinyexp.analysis.design import DesignPoint
from tinyexp.config.metric import Metric, metric_of
from tinyexp.config.trainers import TakenBy, settings_rules
from tinyexp.report.evidence import Evidence
from tinyexp.report.sentences import STOPPED_COUNTS, STOPPED_WATCHES, STOPPED_WHY
from tinyexp.report.view import LONG_TABLE, Block, Paragraph, Section, Table
from tinyexp.runs.recorded import RecordedRun
from tinyexp.words import NOTHING, counted, first_upper, level, listing, significant, some

_ARROW = " \u2192 "


@dataclass(frozen=True)
class _Watching:
    """A finished run whose course goes by held-out images."""

    point: DesignPoint
    run: RecordedRun
    metric: Metric
    """What it watches."""
    by: TakenBy


def stopped_section(evidence: Evidence) -> Section | None:
    """A row a run; None where no run may stop early and none has rates that move."""
    early, moved = list(_watching(evidence, "taken_by")), list(_watching(evidence, "moved_by"))
    if not early and not moved:
        return None
    blocks: list[Block] = [Paragraph(" ".join(_lead(evidence, early, moved)))]
    if early:
        blocks.append(_early_table(evidence, early))
    if moved:
        blocks.append(_rates_table(evidence, moved))
    return Section("stopped", _heading(evidence, early, moved), tuple(blocks), summary=tuple(blocks))


def taken_note(evidence: Evidence, names: Sequence[str]) -> str:
    """That of some experiments the epoch taken is compared; empty where no run of theirs may stop early."""
    own = [
        evidence.titles[point.name]
        for point in evidence.finished(tuple(names))
        if any(evidence.measured.taken_epoch(run.record.identity) for run in point.finished)
    ]
    return STOPPED_COUNTS.format(titles=some(own)) if own else ""


def _watching(evidence: Evidence, rule: str) -> Iterator[_Watching]:
    for point in evidence.selection.everything:
        rules, settings = settings_rules(point.experiment.trainer), point.experiment.settings
        by: TakenBy | None = getattr(rules, rule)(settings)
        if by:
            metric = evidence.measured.metrics.get(by.metric) or metric_of(by.metric)
            yield from (_Watching(point, run, metric, by) for run in point.finished)


def _lead(evidence: Evidence, early: list[_Watching], moved: list[_Watching]) -> Iterator[str]:
    watched: dict[tuple[str, int], list[str]] = {}
    for one in (*early, *moved):
        key = (one.metric.label, one.point.data.holdout_images)
        watched.setdefault(key, []).append(evidence.titles[one.point.name])
    for (label, images), titles in watched.items():
        yield STOPPED_WATCHES["all" if len(watched) == 1 else "some"].format(
            titles=some(list(dict.fromkeys(titles))), metric=label, images=counted(images, "training image")
        )
    yield STOPPED_WATCHES["not_test"]
    if early:
        yield STOPPED_WATCHES["early"].format(index=evidence.measured.index)


def _heading(evidence: Evidence, early: list[_Watching], moved: list[_Watching]) -> str:
    parts = []
    if early:
        stopped = sum(one.run.status.epochs_done < one.run.status.epochs for one in early)
        parts.append(f"{_share(stopped, len(early))} stopped early")
    if moved:
        times = sum(len(_moves(evidence, one)) > 0 for one in moved)
        parts.append(f"the rates moved in {_share(times, len(moved))}")
    return first_upper("; ".join(parts))


def _share(part: int, whole: int) -> str:
    """``2 of 3 runs``, or ``none of 3 runs``."""
    return f"{part:,} of {counted(whole, 'run')}" if part else f"none of {counted(whole, 'run')}"


def _early_table(evidence: Evidence, early: list[_Watching]) -> Table:
    labels = dict.fromkeys(one.metric.label for one in early)
    there = next(iter(labels)) if len(labels) == 1 else "watched value"
    rows = tuple(_early_row(evidence, one) for one in early)
    return Table(
        "Runs that may stop early: the epoch taken, and why it is that one",
        ("", "seed", "epoch taken", f"{there} there", "trained", "why"),
        rows,
        ("text", "number", "number", "number", "number", "text"),
        folded=len(rows) > LONG_TABLE,
    )


def _early_row(evidence: Evidence, one: _Watching) -> tuple[str, ...]:
    status, identity = one.run.status, one.run.record.identity
    taken = evidence.measured.taken_epoch(identity)
    assert taken is not None, "its settings say that it may stop early"
    rows = evidence.measured.run_rows(identity)
    value = float(rows.loc[rows["epoch"] == taken, one.by.metric].iloc[0])
    done = status.epochs_done
    key = "stopped" if done < status.epochs else "last" if taken == done else "ended"
    why = STOPPED_WHY[key].format(done=done, taken=taken, more=counted(done - taken, "epoch"))
    title = evidence.titles[one.point.name]
    seed, trained = str(one.run.record.seed), f"{done:,} of {status.epochs:,}"
    return title, seed, f"{taken:,}", level(one.metric, value), trained, why


def _rates_table(evidence: Evidence, moved: list[_Watching]) -> Table:
    rows = tuple(_rates_row(evidence, one) for one in moved)
    return Table(
        "Runs whose rates move: after which epochs, and what they were from then on",
        ("", "seed", "moved after epoch", "learning rate", "weight decay"),
        rows,
        ("text", "number", "text", "text", "text"),
        folded=len(rows) > LONG_TABLE,
    )


def _rates_row(evidence: Evidence, one: _Watching) -> tuple[str, ...]:
    moves = _moves(evidence, one)
    rows = evidence.measured.run_rows(one.run.record.identity)
    told = partial(_course, places=[0, *moves])
    epochs = rows["epoch"].tolist()
    after = listing(f"{epochs[place - 1]:,}" for place in moves) if moves else NOTHING
    rates = (told(rows[name].tolist()) for name in ("learning_rate", "weight_decay"))
    return evidence.titles[one.point.name], str(one.run.record.seed), after, *rates


def _moves(evidence: Evidence, one: _Watching) -> list[int]:
    """The places of the rows from which on a run has other rates."""
    rows = evidence.measured.run_rows(one.run.record.identity)
    rates = list(zip(rows["learning_rate"].tolist(), rows["weight_decay"].tolist(), strict=True))
    return [place for place in range(1, len(rates)) if rates[place] != rates[place - 1]]


def _course(values: list[float], places: list[int]) -> str:
    """A rate's values one after the other."""
    return _ARROW.join(significant(values[place], 3) for place in places)
