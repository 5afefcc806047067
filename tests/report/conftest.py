"""The tests of reports draw a picture once."""

import drawn_once  # noqa: F401 - by being loaded
