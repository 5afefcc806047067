"""Every fuzzer by its name."""

from __future__ import annotations

from fuzz_checkpoint import CHECKPOINTS
from fuzz_data import ARCHIVES, IDX_FILES, IMAGES, PACKS
from fuzz_logs import LOG_FUZZERS
from fuzz_records import PAGES, RECORDS, REPORT_FILES
from fuzz_spec import EXPERIMENTS, STUDY_FILES
from harness import Fuzzer

FUZZERS: dict[str, Fuzzer] = {
    "experiments": EXPERIMENTS,
    "studies": STUDY_FILES,
    "images": IMAGES,
    "idx": IDX_FILES,
    "packs": PACKS,
    "archives": ARCHIVES,
    "records": RECORDS,
    "checkpoints": CHECKPOINTS,
    "pages": PAGES,
    "report-json": REPORT_FILES,
    **LOG_FUZZERS,
}
