"""Runs of several types of machine may stand in one report, and it says so; where they divide the designs, on the first screen."""

from __future__ import annotations

import re
from pathlib import Path

from page_reader import Page
from records_maker import ENVIRONMENT, make_run

from tinyexp.report.render import write_report
from tinyexp.runs.environment import machine_type

HERE = ENVIRONMENT.model_copy(
    update={"processor": "One CPU", "arithmetic": "00aa" * 4, "memory_format": "channels_last"}
)
ELSEWHERE = HERE.model_copy(update={"processor": "Another CPU", "arithmetic": "11bb" * 4})
BESIDE = "designs alone make the difference"
SEVERAL = "trained on 2 types of machine"


def page(folder: Path, **where: list[object]) -> str:
    """The page of three seeds of two designs, each trained in the environment given for it."""
    for name, environments in where.items():
        for seed, environment in enumerate(environments):
            make_run(folder / "runs", name.replace("_", "-"), seed, environment=environment)
    write_report(folder / "runs", folder / "out")
    source = (folder / "out" / "report.html").read_text(encoding="utf-8")
    return re.sub(r"\s+", " ", Page(source).text.replace("\u00a0", " "))


def test_designs_trained_on_unlike_machines_are_told_on_the_first_screen(tmp_path: Path) -> None:
    text = page(tmp_path, tiny_design1=[HERE] * 3, tiny_design2=[ELSEWHERE] * 3)
    assert BESIDE in text
    assert SEVERAL in text


def test_seeds_shared_out_over_machines_alike_are_told_below(tmp_path: Path) -> None:
    both = [HERE, HERE, ELSEWHERE]
    text = page(tmp_path, tiny_design1=both, tiny_design2=both)
    assert BESIDE not in text
    assert SEVERAL in text


def test_runs_of_one_machine_need_no_word(tmp_path: Path) -> None:
    text = page(tmp_path, tiny_design1=[HERE] * 3, tiny_design2=[HERE] * 3)
    assert BESIDE not in text
    assert "types of machine" not in text.replace("one type of machine", "")


def test_machines_are_listed_with_all_that_decides_their_bits(tmp_path: Path) -> None:
    plain = HERE.model_copy(
        update={"memory_format": "contiguous", "switches": {"ONEDNN_MAX_CPU_ISA": "AVX2"}}
    )
    text = page(tmp_path, tiny_design1=[HERE] * 3, tiny_design2=[plain] * 3)
    assert "Linux, x86_64, One CPU, AVX2, cpu, 1 thread, channels-last layout, arithmetic 00aa00aa" in text
    assert "1 thread, plain memory layout, ONEDNN_MAX_CPU_ISA=AVX2, arithmetic 00aa00aa" in text


def test_processors_of_other_names_that_compute_alike_are_one_type() -> None:
    assert machine_type(HERE) == machine_type(HERE.model_copy(update={"processor": "A third CPU"}))
    assert machine_type(HERE) != machine_type(ELSEWHERE)
    assert machine_type(HERE) != machine_type(HERE.model_copy(update={"memory_format": "contiguous"}))
    # Of runs recorded before the digest was, what torch chose is all that is known.
    assert machine_type(ENVIRONMENT) != machine_type(
        ENVIRONMENT.model_copy(update={"cpu_capability": "AVX512"})
    )
