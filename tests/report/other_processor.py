"""The kept reports checked in a process of its own, and a witness of the arithmetic that it was done with.

python tests/report/other_processor.py REPORT ...
"""

from __future__ import annotations

import hashlib
import json
import math
import sys
from pathlib import Path

import numpy as np

from tinyexp.report.check import examine


def witness() -> dict[str, str]:
    """Digests of what depends on a processor: a product by BLAS, numpy's loops, functions of the C library."""
    values = np.random.default_rng(0).random((256, 256))
    # One result in a thousand or fewer differs.
    library = [function(20 * value) for value in values.ravel().tolist() for function in (math.exp, math.sin)]
    found = {"blas": values @ values, "numpy": np.log1p(values.astype(np.float32)), "libm": np.array(library)}
    return {name: hashlib.sha256(array.tobytes()).hexdigest() for name, array in found.items()}


if __name__ == "__main__":
    checked = [examine(Path(name)) for name in sys.argv[1:]]
    told = [[*one.found, *one.notes] for one in checked]
    print(json.dumps({"told": told, "witness": witness()}))  # noqa: T201 - what the test reads
