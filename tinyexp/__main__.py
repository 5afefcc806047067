"""`python -m tinyexp`, and the program `tinyexp`."""

from tinyexp import stopping

stopping.hear_first()

from tinyexp.cli import main  # noqa: E402 - a signal that comes while this is loaded is heard

if __name__ == "__main__":
    main()
