"""What shards cost for 10, 100 and 1,000 runs, training left out: sharing them out, merging four folders, and merging again.

The runs are invented ones, as the tests of the report have them: records, no weights. One JSON line for each number; no
peer, as what is measured is to stay small beside any training.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

from many_jobs import COUNTS, jobs_below, processor_s

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "report"))

SHARDS = 4


def measured(count: int) -> dict[str, object]:
    """So many runs in four shards."""
    from records_maker import make_runs

    from tinyexp.launch.merge import merge
    from tinyexp.launch.shard import Shard

    with tempfile.TemporaryDirectory(prefix="tinyexp-bench-") as place:
        folder = Path(place)
        plans = [job.plan for job in jobs_below(folder / "runs", count)]
        began = time.perf_counter()
        shares = [Shard(index, SHARDS).of(plans) for index in range(1, SHARDS + 1)]
        shared_s = time.perf_counter() - began
        assert sum(map(len, shares)) == count
        sources = [folder / f"shard-{index}" for index in range(SHARDS)]
        make_runs(folder / "all", ["tiny-design1"], range(count))
        for number, run in enumerate(sorted((folder / "all").glob("*/*/*"))):
            target = sources[number % SHARDS] / run.relative_to(folder / "all")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(run, target)
        seconds, used = [], []
        for _ in range(2):
            began, before = time.perf_counter(), processor_s()
            outcomes = merge(sources, folder / "merged")
            seconds.append(round(time.perf_counter() - began, 2))
            used.append(round(processor_s() - before, 2))
            assert not any(one.is_problem for one in outcomes)
        files = [path for path in (folder / "merged").rglob("*") if path.is_file()]
        return {
            "benchmark": "many-jobs-shards",
            "jobs": count,
            "sharing_out_s": round(shared_s, 3),
            "merge_s": seconds[0],
            "merge_processor_s": used[0],
            "again_s": seconds[1],
            "again_processor_s": used[1],
            "files": len(files),
            "bytes": sum(path.stat().st_size for path in files),
        }


if __name__ == "__main__":
    for jobs in COUNTS:
        print(json.dumps(measured(jobs)), flush=True)
