"""How much `pip install .` weighs: a new environment, the checkout installed without extras, its folder added up.

Prints a line of JSON: megabytes (2**20 bytes on disk, compiled files included) with and without pip and setuptools,
which a new environment has from the start, and the largest parts.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import venv
from collections import Counter
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
GOAL = 300
GIVEN = ("pip", "setuptools", "pkg_resources", "_distutils_hack", "distutils-precedence.pth")
"""What `python -m venv` lays down itself; newer Pythons bring pip alone."""
SHOWN = 8


def installed(folder: Path) -> Path:
    """Where the packages are in a new environment that the checkout was installed into, under the constraints."""
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    pip = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--quiet"]
    subprocess.run([*pip, "--constraint", str(PROJECT / "constraints.txt"), str(PROJECT)], check=True)
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    return Path(
        subprocess.run([python, "-c", where], check=True, capture_output=True, text=True).stdout.strip()
    )


def weights(packages: Path) -> Counter[str]:
    """Bytes on disk of each entry of a folder of packages, with all below it."""
    found: Counter[str] = Counter()
    for path in packages.rglob("*"):
        about = path.lstat()
        # As `du` counts: whole blocks, where the system tells them.
        found[path.relative_to(packages).parts[0]] += getattr(about, "st_blocks", 0) * 512 or about.st_size
    return found


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = weights(installed(Path(folder) / "venv"))
    given = sum(
        size for name, size in found.items() if name in GIVEN or name.startswith(("pip-", "setuptools-"))
    )
    whole = sum(found.values())
    print(
        json.dumps(
            {
                "benchmark": "installed-size",
                "without_pip_mb": round((whole - given) / 2**20),
                "with_pip_mb": round(whole / 2**20),
                "goal_mb": GOAL,
                "largest_mb": {name: round(size / 2**20) for name, size in found.most_common(SHOWN)},
            }
        )
    )


if __name__ == "__main__":
    main()
