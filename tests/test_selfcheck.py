"""What can end a process is tried in another one, whose end is an answer."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

import numpy as np
import pytest

from tinyexp import selfcheck
from tinyexp.selfcheck import Answer, Trial, answers


def trial(name, argument=""):
    return Trial(f"test_selfcheck:{name}", argument, ("numpy",))


# What the trials below do, in a process of their own.


def work(argument):
    """Where this runs is written down, so that a test can count."""
    if argument:
        with open(argument, "a") as told:  # noqa: PTH123
            told.write(f"{os.getpid()}\n")
    return ""


def disagree(_argument):
    return "two and two are five"


def abort(_argument):
    os.abort()


def touch_nothing(_argument):
    ctypes.string_at(0)


def write_beside(_argument):
    """A byte, into the padding behind an array; nothing notices for as long as nobody looks."""
    array = np.empty(100_004, np.uint8)
    ctypes.memset(array.ctypes.data + len(array), 0x55, 1)
    del array
    return ""


def raise_something(_argument):
    raise MemoryError("too large")


def be_killed(_argument):
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "tinyexp" / "selfcheck"


def test_what_works_works_and_a_disagreement_is_given_with_its_reason():
    assert answers([trial("work"), trial("disagree")]) == [
        Answer("works"),
        Answer("fails", "two and two are five"),
    ]


@pytest.mark.parametrize(("name", "how"), [("abort", "SIGABRT"), ("touch_nothing", "SIGSEGV")])
def test_a_crash_is_an_answer_and_the_trials_after_it_are_made_all_the_same(name, how):
    found = answers([trial("work"), trial(name), trial("disagree")])
    assert found[1] == Answer("ends the process", f"ended by {how}")
    assert [answer.outcome for answer in found] == ["works", "ends the process", "fails"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux's C library checks its heap when asked")
def test_writing_beside_an_allocation_is_noticed_where_it_would_have_gone_well():
    assert write_beside("") == ""  # it does go well
    assert answers([trial("write_beside")])[0].outcome == "ends the process"


def test_what_is_not_found_out_is_no_answer_and_is_not_kept(cache):
    raised, killed = answers([trial("raise_something"), trial("be_killed")])
    assert raised == Answer("unknown", "MemoryError: too large")
    assert killed == Answer("unknown", "it could not be tried")  # as for want of memory, or by a user
    assert not cache.exists() or not list(cache.iterdir())


def test_an_answer_is_kept_and_the_trial_is_not_made_again(tmp_path):
    counted, told = tmp_path / "made", []
    asked = trial("work", str(counted))
    for _ in range(3):
        assert answers([asked, asked], told.append) == [Answer("works")] * 2
    assert len(counted.read_text().splitlines()) == 1
    assert told == [1]


def test_another_processor_version_or_switch_is_another_trial(monkeypatch):
    key = trial("work").key
    assert key != trial("work", "x").key
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "SSE41")
    assert key != trial("work").key
    monkeypatch.undo()
    monkeypatch.setattr(selfcheck, "_version", lambda name: f"another {name}")
    assert key != trial("work").key


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"outcome": "perhaps", "reason": ""}', '{"outcome": 1}', "[" * 9000]
)
def test_a_damaged_answer_is_tried_again(cache, content):
    asked = trial("disagree")
    answers([asked])
    (cache / f"{asked.key}.json").write_text(content)
    assert answers([asked])[0].outcome == "fails"


def test_a_cache_that_cannot_be_written_costs_time_alone(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert answers([trial("work")])[0].outcome == "works"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(selfcheck.Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("no home")))
    assert answers([trial("work")])[0].outcome == "works"


def test_a_child_that_cannot_be_started_leaves_it_unknown(monkeypatch):
    monkeypatch.setattr(selfcheck.sys, "executable", "/nowhere/python")
    assert answers([trial("work")])[0].outcome == "unknown"
