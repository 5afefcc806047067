"""`tinyexp report` as a whole process beside a plain pandas and matplotlib script, over 1,000 runs of 200 epochs.

Five lines: the whole report beside the script's page; the long table of all epochs alone, read by both; two bounds on
what any program could gain, the script beside itself with its table already parsed, and beside the imports of pandas
and matplotlib alone; and how our processor time and memory grow with the number of runs. The runs are invented, their
records written as a training writes them, and kept in memory where the machine has such a folder. Before anything is
timed the tables of both are asserted to be equal to the last bit.

    python benchmarks/report.py [whole] [growth]
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from itertools import pairwise
from pathlib import Path

from fair import Side, command, compare, one_thread

one_thread()

import pandas as pd
import plain_table

import tinyexp

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "report"))
from many_runs import STUDIES_RUNS, make_many_runs, make_pair

EPOCHS = 200
SIZES = (10, 100, 1_000, 10_000)
SCRIPT, PLAIN_TABLE = (Path(__file__).with_name(name) for name in ("plain_report.py", "plain_table.py"))
TABLE = "import sys, tinyexp; tinyexp.load_runs(sys.argv[1])"
IMPORTS = "import pandas, matplotlib.figure, matplotlib.backends.backend_svg"
METER = """
import json, os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, used = os.wait4(process.pid, 0)
print(json.dumps([status, used.ru_utime + used.ru_stime, used.ru_maxrss]))
"""
# A process's peak begins with that of the one that starts it, so that a small one has to.
MOST_MEMORY_KB = 1_000_000


def make(place: Path, count: int) -> Path:
    """So many runs: all that the studies ask for, and others, with twenty seeds or two; of ten, the two designs alone."""
    runs, seeds = place / f"runs-{count}", 20 if count >= 1_000 else 2
    if count < 100:
        made = make_pair(runs, seeds=count // 2, epochs=EPOCHS)
    else:
        made = make_many_runs(runs, seeds=seeds, others=count // seeds - STUDIES_RUNS, epochs=EPOCHS)
    assert len(made) == count, (len(made), count)
    return runs


def spent(*arguments: str) -> tuple[float, int]:
    """Processor seconds and peak memory in kB of one whole process."""
    meter = [sys.executable, "-S", "-c", METER, sys.executable, *arguments]
    status, seconds, memory = json.loads(subprocess.check_output(meter))
    assert status == 0, arguments
    return seconds, memory


def growth(place: Path) -> None:
    """One line: what reports of more and more runs take, and how much more each takes than the one before."""
    found = []
    for count in SIZES:
        runs, out = make(place, count), place / "grown"
        times = 3 if count <= 1_000 else 1
        ours = min(
            spent("-m", "tinyexp", "report", "--runs", str(runs), "--out", str(out)) for _ in range(times)
        )
        size = (out / "report.html").stat().st_size
        shutil.rmtree(out)
        plain = min(spent(str(SCRIPT), str(runs), str(place / "plain")) for _ in range(times))
        shutil.rmtree(runs)
        told = {"cpu_s": round(ours[0], 2), "memory_kb": ours[1], "html_bytes": size}
        found.append({"runs": count, **told, "plain_cpu_s": round(plain[0], 2), "plain_memory_kb": plain[1]})
    ratios = [round(b["cpu_s"] / a["cpu_s"], 2) for a, b in pairwise(found)]
    within = all(one["memory_kb"] < MOST_MEMORY_KB for one in found)
    linear = all(ratio <= 10 for ratio in ratios)
    line = {
        "benchmark": "report-growth",
        "epochs": EPOCHS,
        "sizes": found,
        "ratio_of_processor_time_for_ten_times_the_runs": ratios,
        "goal": "at most 10 times the processor time for 10 times the runs; memory under 1 GB",
        "reached": linear and within,
        "load": round(os.getloadavg()[0], 2),
    }
    print(json.dumps(line))


def whole(place: Path) -> None:
    """The report and the table, ours beside the plain script's."""
    runs = make(place, 1_000)
    ours, plain = tinyexp.load_runs(runs), plain_table.read(runs)
    pd.testing.assert_frame_equal(ours, plain, check_exact=True)
    fresh = iter(range(10_000))

    def report() -> None:
        out = place / f"out-{next(fresh)}"
        command("-m", "tinyexp", "report", "--runs", str(runs), "--out", str(out))()

    compare(
        "report",
        Side("tinyexp report, records verified and copied", report),
        Side(
            "a plain script, read_csv a file and 10 figures",
            command(str(SCRIPT), str(runs), str(place / "page")),
        ),
        goal=3,
        runs=1_000,
        epochs=EPOCHS,
        rows=len(ours),
    )
    compare(
        "report-table",
        Side("tinyexp.load_runs", command("-c", TABLE, str(runs))),
        Side("read_csv a file and concat", command(str(PLAIN_TABLE), str(runs))),
        goal=3,
        runs=1_000,
        rows=len(ours),
    )
    parsed = place / "table.pickle"
    plain.to_pickle(parsed)
    script = Side("the plain script", command(str(SCRIPT), str(runs), str(place / "page")))
    drawing = command(str(SCRIPT), str(runs), str(place / "page"), str(parsed))
    bounds = {"parsed": Side("the plain script, its table already parsed", drawing)}
    bounds["imports"] = Side("import pandas, matplotlib's figures and SVG", command("-c", IMPORTS))
    for name, bound in bounds.items():
        compare(f"report-bound-{name}", bound, script, goal=3, runs=1_000, rows=len(ours))
    parsed.unlink()
    for folder in place.iterdir():
        shutil.rmtree(folder)


if __name__ == "__main__":
    memory = Path("/dev/shm")  # noqa: S108 - a folder of our own below it
    folder = Path(tempfile.mkdtemp(prefix="tinyexp-bench-", dir=memory if memory.is_dir() else None))
    parts = {"whole": whole, "growth": growth}
    try:
        for name in sys.argv[1:] or parts:
            parts[name](folder)
    finally:
        shutil.rmtree(folder)
