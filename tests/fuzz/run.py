"""Each fuzzer for a stated time: ``python tests/fuzz/run.py --seconds 600 [NAME ...]``, as ``make fuzz`` does.

Prints for each fuzzer a line with the inputs tried, accepted and refused, and whatever was found: the
exception, where it was raised, and the smallest input found that raises it. Ends with 1 if anything was found.
"""

from __future__ import annotations

import argparse
import faulthandler
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "report")]

from bounds import HangError  # noqa: E402
from fuzzers import FUZZERS  # noqa: E402 - the folders above have what it imports
from harness import Fuzzer, Tally, try_one  # noqa: E402
from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings  # noqa: E402
from hypothesis.errors import HypothesisWarning  # noqa: E402

_CHUNK = 300
_STUCK_S = 300
"""A call that no signal ends: the traceback is printed and the process ends."""


def main() -> int:
    """Run the fuzzers that were named, or all of them, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(FUZZERS)}")
    parser.add_argument("--seconds", type=float, default=600.0, help="for each fuzzer [600]")
    parser.add_argument("--seed", type=int, default=0, help="where the random inputs begin [0]")
    chosen = parser.parse_args()
    unknown = set(chosen.names) - set(FUZZERS)
    if unknown:
        parser.error(f"unknown fuzzer '{min(unknown)}'. Known: {', '.join(FUZZERS)}.")
    failed = False
    for name in chosen.names or FUZZERS:
        begun = time.monotonic()
        tally = fuzz(FUZZERS[name], chosen.seconds, chosen.seed)
        spent = time.monotonic() - begun
        print(  # noqa: T201 - this is the result
            f"{name}: {spent:.0f} s, {tally.tried:,} inputs tried: {tally.accepted:,} accepted, "
            f"{tally.refused:,} refused, {tally.failed:,} wrong in {len(tally.found)} ways",
            flush=True,
        )
        for what, how in tally.found.items():
            print(f"  {what}\n    {how}", flush=True)  # noqa: T201
        failed = failed or bool(tally.found)
    return int(failed)


def fuzz(fuzzer: Fuzzer, seconds: float, first_seed: int) -> Tally:
    """Feed random inputs until the time is over; a failure is shrunk, noted once, and the search goes on."""
    tally, end = Tally(), time.monotonic() + seconds
    warnings.simplefilter("error")
    warnings.simplefilter("ignore", HypothesisWarning)
    warnings.filterwarnings("ignore", category=UserWarning, module=r"torch\b")
    with tempfile.TemporaryDirectory(prefix="tinyexp-fuzz-") as place:
        prepared = fuzzer.prepare(Path(place))
        number = first_seed
        while time.monotonic() < end:
            _chunk(fuzzer, prepared, tally, number, end)
            number += 1
    return tally


def _chunk(fuzzer: Fuzzer, prepared: Any, tally: Tally, number: int, end: float) -> None:
    shrinking: list[str] = []

    @seed(number)
    @settings(
        max_examples=_CHUNK,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        print_blob=False,
        report_multiple_bugs=False,
        verbosity=Verbosity.quiet,
    )
    @given(fuzzer.inputs)
    def one(value: Any) -> None:
        if time.monotonic() > end and not shrinking:
            return
        faulthandler.dump_traceback_later(_STUCK_S, exit=True)
        try:
            try_one(fuzzer, prepared, value, tally)
        except (Exception, HangError) as error:
            tally.failed += 1
            what = _place(error)
            if what in tally.found and what not in shrinking:
                return
            shrinking.append(what)
            tally.found[what] = _shown(value)
            raise AssertionError(what) from error
        finally:
            faulthandler.cancel_dump_traceback_later()

    try:
        one()
    except Exception as error:  # noqa: BLE001 - it is noted; what hypothesis itself makes of it is noted too
        if not shrinking:
            tally.found.setdefault(f"hypothesis: {type(error).__name__}", str(error)[:600])


def _place(error: BaseException) -> str:
    """The exception and the last place of this project that it came through."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if "/tinyexp/" in frame.filename] or frames
    last = own[-1]
    words = str(error).splitlines()[0][:160] if str(error) else ""
    kind = type(error).__name__
    if kind == "AssertionError":
        return f"{kind}: {words}"
    return f"{kind} at {Path(last.filename).name}:{last.lineno} ({frames[-1].name}): {words[:60]}"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 600 else f"{text[:400]} ... {text[-200:]}"


if __name__ == "__main__":
    sys.exit(main())
