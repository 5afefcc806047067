"""Where the processor time of `tinyexp report` over 1,000 runs of 200 epochs goes, stage by stage; no comparison."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

from fair import one_thread

one_thread()
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "report"))

RUNS = 1_000
STAGES = {
    "tinyexp.report.render": {
        "read_runs": "specs, environments and states read and validated",
        "select_runs": "runs chosen, twice",
        "copy_records": "records read, verified and copied",
        "draw_panels": "figures drawn",
        "html_page": "report.html",
        "markdown_page": "report.md",
        "summary_page": "summary.md",
        "json_text": "report.json",
    },
    "tinyexp.report.build": {
        "gather": "comparisons, attributions and claims computed, metrics parsed",
        "values_of": "values for programs",
    },
    "tinyexp.report.evidence": {"Measured": "metrics parsed (part of the line above)"},
}


def main(place: Path) -> None:
    start = time.process_time()
    import tinyexp.report.render

    spent = {"imports": time.process_time() - start}
    for module, functions in STAGES.items():
        for name, told in functions.items():
            _clock(sys.modules[module], name, told, spent)
    from many_runs import make_many_runs

    made = make_many_runs(place / "runs")
    assert len(made) == RUNS
    start = time.process_time()
    tinyexp.report.render.write_report(place / "runs", place / "out")
    whole = time.process_time() - start + spent["imports"]
    figures = len(list((place / "out" / "figures").iterdir()))
    seconds = {name: round(value, 2) for name, value in {**spent, "everything": whole}.items()}
    print(json.dumps({"benchmark": "report-stages", "runs": RUNS, "figures": figures, "cpu_s": seconds}))


def _clock(module, name, told, spent):
    """Count the processor time of a function of a module under a name."""
    function = getattr(module, name)

    def clocked(*given, **named):
        start = time.process_time()
        try:
            return function(*given, **named)
        finally:
            spent[told] = spent.get(told, 0.0) + time.process_time() - start

    setattr(module, name, clocked)


if __name__ == "__main__":
    memory = Path("/dev/shm")  # noqa: S108 - a folder of our own below it
    folder = Path(tempfile.mkdtemp(prefix="tinyexp-bench-", dir=memory if memory.is_dir() else None))
    try:
        main(folder)
    finally:
        shutil.rmtree(folder)
