"""The compiled kernel reads no byte before or behind an image: where the memory ends, such a read ends the process."""

import sys
from pathlib import Path

import pytest
import warm

pytest.importorskip("numba")


def in_a_process_of_its_own(way: str) -> int:
    """Its exit code, which is below zero where a signal ended it."""
    driver = Path(__file__).with_name("beside_no_memory.py")
    return warm.run([sys.executable, str(driver), way], check=False).returncode


@pytest.mark.skipif(sys.platform == "win32", reason="there a page is protected in another way")
@pytest.mark.parametrize("at", ["begin", "end"])
def test_no_byte_outside_of_an_image_is_read(at: str) -> None:
    assert in_a_process_of_its_own("beyond") < 0, "else this test could not fail"
    assert in_a_process_of_its_own(at) == 0
