"""A few hundred damaged and hostile inputs for every reader of files; ``make fuzz`` feeds them for longer."""

from __future__ import annotations

import time
from typing import Any

import pytest
from bounds import HangError, bounded
from fuzzers import FUZZERS
from harness import Tally, try_one
from hypothesis import HealthCheck, given, settings

EXAMPLES = {"pages": 15, "report-json": 40, "packs": 60}


@pytest.mark.filterwarnings("ignore:.*pickle protocol.*:UserWarning", "ignore:.*sparse.*:UserWarning")
@pytest.mark.parametrize("name", FUZZERS)
def test_an_input_is_read_or_refused_by_name(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    fuzzer = FUZZERS[name]
    place = fuzzer.prepare(tmp_path_factory.mktemp(name))
    tally = Tally()

    @settings(
        max_examples=EXAMPLES.get(name, 120),
        database=None,
        derandomize=True,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(fuzzer.inputs)
    def feed(value: Any) -> None:
        try_one(fuzzer, place, value, tally)

    feed()
    assert tally.accepted, "no input was valid, so nothing behind the first check was reached"
    assert tally.refused, "no input was refused"


def test_a_reader_that_hangs_is_noticed() -> None:
    with pytest.raises(HangError), bounded(seconds=0.05):
        time.sleep(60)


def test_a_reader_that_takes_memory_without_end_is_noticed() -> None:
    with pytest.raises(MemoryError), bounded(more=1 << 28):
        bytearray(1 << 29)
