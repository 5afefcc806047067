"""A run travels as an archive: equal folders give equal bytes, and nothing that came back is written outside the run's folder."""

import io
import stat
import warnings
import zipfile

import pytest

from tinyexp.errors import DamagedError
from tinyexp.launch.ray.archive import packed, unpacked
from tinyexp.launch.ray.home import bring_home
from tinyexp.runs.folder import RunFolder

FILES = {
    "checkpoints/epoch-000001.ckpt": b"weights",
    "log.txt": b"begun\n",
    "metrics.csv": b"epoch,loss\n",
    "status.json": b"{}\n",
}


def written(folder, files):
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def there(folder):
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items()}


def zipped(*entries):
    """An archive of entries, each a name or a ZipInfo and its content."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that stand twice
        for name, data in entries:
            archive.writestr(name, data)
    return content.getvalue()


def entry(name, mode=stat.S_IFREG | 0o644, method=zipfile.ZIP_STORED):
    made = zipfile.ZipInfo(name)
    made.external_attr, made.compress_type = mode << 16, method
    return made


def test_equal_folders_give_equal_bytes_whatever_their_order_their_clocks_and_their_modes(tmp_path):
    one = written(tmp_path / "one", FILES)
    other = written(tmp_path / "other", dict(reversed(FILES.items())))
    for path in other.rglob("*"):
        path.chmod(0o700)
    assert packed(one) == packed(other)
    assert unpacked(packed(one), "one") == FILES
    assert str(tmp_path).encode() not in packed(one)


def test_locks_marks_files_being_written_and_links_stay_where_they_are(tmp_path):
    folder = written(tmp_path / "run", FILES)
    written(folder, {".lock": b"", ".owner": b"1", "checkpoints/.half.0123-abc.tmp": b"half"})
    (folder / "passwords").symlink_to("/etc/passwd")
    (folder / "everything").symlink_to("/etc")
    assert unpacked(packed(folder), "run") == FILES


def test_of_a_run_that_is_not_there_or_has_nothing_yet_there_are_no_bytes(tmp_path):
    assert packed(tmp_path / "none") == b""
    assert packed(written(tmp_path / "run", {".lock": b""})) == b""


@pytest.mark.parametrize(
    "name",
    ["../out", "/etc/out", "a/../../out", "a//b", "./a", "a/", ".lock", "a/.owner", "C:out", "a\\..\\b", ""],
)
def test_a_name_that_leads_anywhere_but_below_the_folder_is_refused_before_anything_is_written(
    tmp_path, name
):
    folder = tmp_path / "run"
    with pytest.raises(DamagedError, match="run: came back as no archive of ours"):
        bring_home(zipped(("status.json", b"{}"), (entry(name), b"x")), RunFolder(folder))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "entries",
    [
        pytest.param([(entry("link", stat.S_IFLNK | 0o777), b"/etc/passwd")], id="link"),
        pytest.param([(entry("pipe", stat.S_IFIFO | 0o644), b"")], id="pipe"),
        pytest.param([(entry("bomb", method=zipfile.ZIP_DEFLATED), bytes(1_000_000))], id="packed"),
        pytest.param([("a", b"1"), ("a", b"2")], id="twice"),
        pytest.param([("a", b"1"), ("a/b", b"2")], id="file and folder"),
    ],
)
def test_what_is_no_tree_of_ordinary_files_is_refused(entries):
    with pytest.raises(DamagedError):
        unpacked(zipped(*entries), "run")


def test_an_archive_that_was_cut_off_or_changed_is_refused_at_every_byte(tmp_path):
    whole = packed(written(tmp_path / "run", {"status.json": b"{}\n", "metrics.csv": b"epoch\n"}))
    for size in range(len(whole)):
        with pytest.raises(DamagedError):
            unpacked(whole[:size], "run")
    at = whole.index(b"epoch\n")
    with pytest.raises(DamagedError, match="CRC"):
        unpacked(whole[:at] + b"E" + whole[at + 1 :], "run")


def test_the_folder_becomes_what_the_archive_says_and_keeps_its_lock_and_what_is_its_users(tmp_path):
    newer = FILES | {"checkpoints/epoch-000002.ckpt": b"more", "status.json": b'{"n": 2}\n'}
    del newer["checkpoints/epoch-000001.ckpt"]
    came = packed(written(tmp_path / "there", newer))
    folder = written(
        tmp_path / "here", FILES | {".lock": b"", "notes.md": b"mine", "predictions.npz": b"old"}
    )
    lock = (folder / ".lock").stat().st_ino
    bring_home(came, RunFolder(folder))
    assert there(folder) == newer | {".lock": b"", "notes.md": b"mine"}
    assert (folder / ".lock").stat().st_ino == lock


def test_a_log_grows_in_its_place_and_what_is_as_it_was_is_left_alone(tmp_path):
    longer = FILES | {"log.txt": b"begun\nwarning: hot\n"}
    folder = RunFolder(written(tmp_path / "here", FILES))
    before = {path: path.stat() for path in (folder.log, folder.metrics)}
    bring_home(packed(written(tmp_path / "there", longer)), folder)
    assert there(folder.path) == longer
    assert folder.log.stat().st_ino == before[folder.log].st_ino
    assert folder.metrics.stat().st_mtime_ns == before[folder.metrics].st_mtime_ns


def test_an_end_at_any_write_leaves_the_newest_checkpoint_and_a_status_that_is_not_ahead_of_the_records(
    tmp_path, monkeypatch
):
    newer = FILES | {
        "checkpoints/epoch-000002.ckpt": b"more",
        "metrics.csv": b"epoch,loss\n1,2\n",
        "status.json": b'{"n": 2}\n',
    }
    came = packed(written(tmp_path / "there", newer))
    written_names = []
    monkeypatch.setattr(
        "tinyexp.launch.ray.home.write_bytes", lambda path, content: written_names.append(path.name)
    )
    bring_home(came, RunFolder(written(tmp_path / "here", FILES)))
    assert written_names == ["epoch-000002.ckpt", "metrics.csv", "status.json"]
