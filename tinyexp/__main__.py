"""`python -m tinyexp`, and the program `tinyexp`."""

import sys

from tinyexp import stopping

# A process that trains for this program loads its file as well, and has handlers of its own.
if "multiprocessing" not in sys.modules:
    stopping.hear()

from tinyexp.cli import main

if __name__ == "__main__":
    main()
