"""The processor, and the variables that choose its code: each can change the bits of a sum while nothing else has changed."""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

SWITCHES = (
    "ATEN_CPU_CAPABILITY",
    "CUBLAS_WORKSPACE_CONFIG",
    "DNNL_CPU_ISA_HINTS",
    "DNNL_DEFAULT_FPMATH_MODE",
    "DNNL_MAX_CPU_ISA",
    "GLIBC_TUNABLES",
    "MKL_CBWR",
    "MKL_DEBUG_CPU_TYPE",
    "MKL_DISABLE_FAST_MM",
    "MKL_ENABLE_INSTRUCTIONS",
    "NPY_DISABLE_CPU_FEATURES",
    "NPY_ENABLE_CPU_FEATURES",
    "NVIDIA_TF32_OVERRIDE",
    "ONEDNN_CPU_ISA_HINTS",
    "ONEDNN_DEFAULT_FPMATH_MODE",
    "ONEDNN_MAX_CPU_ISA",
    "OPENBLAS_CORETYPE",
    "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
    "TORCH_MKLDNN_MATMUL_MIN_DIM",
)
"""Variables by which torch, oneDNN, MKL, OpenBLAS, numpy, the C library and CUDA choose among their kernels, as their
manuals name them. Those that only set a number of threads are left out: a run sets its own."""

_VECTORS = re.compile(r"^(sse|ssse|avx|fma|f16c|amx|vnni|asimd|neon|sve|sme(\d|$|_)|bf16|i8mm|fphp|v$|zv)")
_CPU_INFO = Path("/proc/cpuinfo")


class Processor(NamedTuple):
    """What decides which of its kernels a library takes."""

    name: str
    instructions: str
    """Vector instructions, as the system names them: sorted, a space between; empty where it does not say."""


def processors() -> int:
    """How many processors this process may use; of a system that does not say which, all."""
    allowed = getattr(os, "sched_getaffinity", None)  # Linux alone has it
    return len(allowed(0)) if allowed else os.cpu_count() or 1


@lru_cache(maxsize=1)
def processor() -> Processor:
    """The processor of this machine."""
    try:
        text = _CPU_INFO.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return Processor(platform.processor() or platform.machine(), "")
    return parsed_cpu_info(text) or Processor(platform.processor() or platform.machine(), "")


def parsed_cpu_info(text: str) -> Processor | None:
    r"""The first processor of a ``/proc/cpuinfo``; None where it names none.

    >>> parsed_cpu_info("model name : Some CPU\nflags : fpu sse2 avx2 fma\n")
    Processor(name='Some CPU', instructions='avx2 fma sse2')
    """
    found: dict[str, str] = {}
    for line in text.splitlines():
        key, _, value = line.partition(":")
        found.setdefault(key.strip().lower(), value.strip())
    name = found.get("model name") or "-".join(
        found[key] for key in ("cpu implementer", "cpu part") if key in found
    )
    flags = found.get("flags") or found.get("features", "")
    vectors = sorted(flag for flag in flags.split() if _VECTORS.match(flag))
    return Processor(name, " ".join(vectors)) if name or vectors else None


def switches(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Those of :data:`SWITCHES` that are set, with their values."""
    return {name: environment[name] for name in SWITCHES if environment.get(name)}


def kind() -> dict[str, str]:
    """Everything above as one table, for a digest."""
    return {"system": sys.platform, "machine": platform.machine(), **processor()._asdict(), **switches()}
