"""What it costs to try the nets of the embedded profile on this processor before they are trained, and the digest of its arithmetic.

Both are seconds by the clock on this machine, as they have no peer: trying is done once for a processor, the digest once a
process that trains.
"""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from tinyexp.config.load import experiment_names, load_profile
from tinyexp.launch.prepare import planned
from tinyexp.launch.wanted import designs, studies_over, wanted
from tinyexp.trainers.vision.settings import vision_settings
from tinyexp.trainers.vision.training.arithmetic import arithmetic_digest
from tinyexp.trainers.vision.training.layout import try_layouts

ROUNDS = 5


def seconds(run: Callable[[], object]) -> float:
    """By the clock."""
    before = time.perf_counter()
    run()
    return time.perf_counter() - before


if __name__ == "__main__":
    names, profile = experiment_names(), load_profile("embedded")
    studies = studies_over(names, profile.studies)
    found = wanted(designs(names, "embedded", None), studies, [0], None)
    specs = [vision_settings(plan.experiment) for plan in planned(found, Path("runs"), Path("data"))]
    torch.set_num_threads(1)
    tried, again, digests, trials = [], [], [], []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as cache:
            os.environ["XDG_CACHE_HOME"] = cache
            tried.append(seconds(lambda: try_layouts(specs, trials.append)))
            again.append(seconds(lambda: try_layouts(specs, trials.append)))
        arithmetic_digest.cache_clear()
        digests.append(seconds(lambda: arithmetic_digest("cpu", 1)))
    for what, values in (
        ("nets tried in one process", tried),
        ("the same, answers kept", again),
        ("digest of the arithmetic", digests[1:]),  # the first one also loads the libraries
    ):
        told = {
            name: round(function(values), 4)
            for name, function in (("median_s", statistics.median), ("min_s", min), ("max_s", max))
        }
        print(json.dumps({"benchmark": f"self-check: {what}", "nets": trials[0], **told}))
