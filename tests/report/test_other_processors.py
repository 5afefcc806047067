"""A report's bytes are the same on other processors, as far as one can play another.

OpenBLAS, numpy and glibc each choose their code by the processor and can be told to choose for a lesser one. That each
was told with effect is seen by digests of what does depend on it.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import other_processor
import pytest
from numpy._core import _multiarray_umath as numpy_core
from thinned import thinned

REPORTS = Path(__file__).parents[2] / "reports"
KEPT = ("embedded", "desk")
HAS = {name for name, there in numpy_core.__cpu_features__.items() if there}
OPTIONAL = " ".join(name for name in numpy_core.__cpu_dispatch__ if name in HAS)
"""What numpy can be told to do without here; of other names it would complain."""
LESS = ",".join(f"-{name}" for name in ("AVX2", "FMA", "FMA4", "AVX512F"))
OLDER_NAMES = ",".join(f"-{name}_Usable" for name in ("AVX2", "FMA", "FMA4", "AVX512F"))
"""As glibc before 2.33 calls them; unknown names are passed over."""

OTHERS: Mapping[str, Mapping[str, str]] = {
    "none": {},
    "haswell": {"OPENBLAS_CORETYPE": "Haswell"},
    "sandybridge": {"OPENBLAS_CORETYPE": "Sandybridge"},
    "numpy": {"NPY_DISABLE_CPU_FEATURES": OPTIONAL},
    "glibc": {"GLIBC_TUNABLES": f"glibc.cpu.hwcaps={LESS},{OLDER_NAMES}"},
}
CAN_PLAY = platform.machine() == "x86_64" and platform.libc_ver()[0] == "glibc" and {"AVX2", "FMA3"} <= HAS
"""Code for a processor that has more than this one would end the process."""

pytestmark = pytest.mark.skipif(
    not CAN_PLAY, reason="only a processor that has AVX2 and FMA can play one without"
)


@cache
def checked(name: str) -> Any:
    """What a process of its own finds in the kept reports, and what its arithmetic gives."""
    asked = {key: value for others in OTHERS.values() for key, value in others.items()}
    environment = {key: value for key, value in os.environ.items() if key not in asked} | OTHERS[name]
    command = [
        sys.executable,
        "-W",
        "error",
        other_processor.__file__,
        *(str(REPORTS / kept) for kept in KEPT),
    ]
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, timeout=120)
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", thinned(OTHERS, ["numpy"]))
def test_the_kept_reports_are_to_the_byte_what_their_records_give(name: str) -> None:
    """Not even a last digit differs, of which a check would only tell."""
    assert dict(zip(KEPT, checked(name)["told"], strict=True)) == {kept: [] for kept in KEPT}


@pytest.mark.parametrize(
    ("name", "other", "what"),
    thinned(
        [("haswell", "sandybridge", "blas"), ("none", "numpy", "numpy"), ("none", "glibc", "libm")],
        [],
    ),
)
def test_the_arithmetic_was_another_processors(name: str, other: str, what: str) -> None:
    assert checked(name)["witness"][what] != checked(other)["witness"][what]
