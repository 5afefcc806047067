"""What experiments, profiles and studies may be called. It loads nothing, so that a shell that completes them need not wait."""

from __future__ import annotations

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$"
"""What experiments, profiles and studies may be called, as their files are."""
NAME_RULE = "A name begins with a letter or a digit and has up to 80 letters (a to z, A to Z), digits, '-', '_' and '.'."
SOURCE = "source"
"""Name of the file beside the experiments that is none of them."""
NO_PROFILE = "default"
"""What the profile of a folder without ``profiles/`` is called; it changes nothing."""
