"""`python -m tinyexp`."""

from tinyexp.cli import main

main()
