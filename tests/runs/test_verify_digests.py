"""The digests that a status gets: never fewer than it must have."""

import errno

import pytest
from refusals import refuse

from tinyexp.errors import UnreadableError
from tinyexp.runs.folder import RunFolder
from tinyexp.runs.verify import record_digests


def test_a_finished_run_never_gets_a_status_that_leaves_out_what_could_not_be_read(tmp_path, monkeypatch):
    folder = RunFolder(tmp_path)
    folder.record.write_text("{}")
    folder.metrics.write_text("epoch\n")
    refuse(monkeypatch, folder.metrics, errno.EMFILE)
    assert list(record_digests(folder, "running")) == ["run.json"], "an old one is left for its writer"
    with pytest.raises(UnreadableError, match=r"metrics\.csv: cannot be read"):
        record_digests(folder, "finished")
