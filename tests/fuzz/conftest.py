"""Puts what fuzzers share with the report's tests on the import path."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / "report"))
