"""What may not be looked into is named: half of somebody's logs left out in silence would be another comparison."""

from pathlib import Path

import pytest
from permissions import permissions_hold

from tinyexp.errors import UserError
from tinyexp.logs.walk import read_paths

TABLE = "epoch,accuracy\n1,0.5\n2,0.75\n"


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "log.csv").write_text(TABLE.replace("5", str(ord(name) % 10)))
    return tmp_path


@pytest.mark.parametrize(
    ("name", "mode", "why"),
    [
        ("b", 0o000, "cannot be listed (Permission denied)."),
        ("b", 0o600, "cannot be read (Permission denied)."),
        ("b/log.csv", 0o000, "cannot be read (Permission denied)."),
    ],
)
def test_what_may_not_be_looked_into_is_named_beside_what_was_read(logs, name, mode, why):
    closed = logs / name
    closed.chmod(mode)
    try:
        with permissions_hold() as hold:
            if not hold:
                pytest.skip("permissions hold for nobody here")
            reading = read_paths([logs])
            with pytest.raises(UserError) as caught:
                read_paths([logs / "b"])
    finally:
        closed.chmod(0o700)
    assert reading.names == ("a/log.csv",)
    assert [one.why for one in reading.left_out] == [why]
    assert reading.left_out[0].where.is_relative_to(closed)
    assert "Permission denied" in str(caught.value)


def test_a_link_that_leads_nowhere_is_nothing(logs):
    (logs / "c").symlink_to(logs / "gone")
    (logs / "d.csv").symlink_to(logs / "gone.csv")
    assert len(read_paths([logs]).runs) == 2
