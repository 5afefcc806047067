from __future__ import annotations

import dataclasses
import hashlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from data_folders import archive_of, inventory, make_fashion_mnist, make_tiny_imagenet
from data_server import ZIP, Server, serve_as_tiny_imagenet
from filelock import FileLock

from tinyexp.errors import TinyexpError, UserError
from tinyexp.ownership import MARK
from tinyexp.trainers.vision.data.build import open_dataset
from tinyexp.trainers.vision.data.catalogue import CATALOGUE, RemoteFile
from tinyexp.trainers.vision.data.fetch import fetch
from tinyexp.trainers.vision.data.make_small import WHOLE_FINGERPRINT
from tinyexp.trainers.vision.data.verify import verify
from tinyexp.trainers.vision.settings import Data

ARRIVED = ("tiny-imagenet", f"tiny-imagenet/{MARK}", f"tiny-imagenet{ZIP}")
"""Below the folder of downloads, where the archive has arrived and is not unpacked."""
DEBIAN = Path("/usr/share/datasets/fashion-mnist")


def test_a_data_set_is_fetched_unpacked_and_opened(tiny: Server, tmp_path: Path) -> None:
    place = fetch("tiny-imagenet", tmp_path / "data", tiny.url)
    assert place == tmp_path / "data" / "tiny-imagenet-200"
    dataset = open_dataset(Data(dataset="tiny-imagenet"), tmp_path / "data")
    assert (len(dataset.train), len(dataset.test)) == (12, 6)
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["downloads", "tiny-imagenet-200"]
    assert inventory(tmp_path / "data" / "downloads") == []


def test_a_complete_data_set_is_not_fetched_again(tiny: Server, tmp_path: Path) -> None:
    first = fetch("tiny-imagenet", tmp_path, tiny.url)
    asked = len(tiny.requests)
    assert fetch("tiny-imagenet", tmp_path, tiny.url) == first
    assert len(tiny.requests) == asked


def test_several_files_become_one_folder(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_fashion_mnist(tmp_path / "made")
    files = []
    for path in sorted(made.iterdir()):
        content = path.read_bytes()
        server.files[f"/{path.name}"] = content
        digest = hashlib.sha256(content).hexdigest()
        files.append(RemoteFile(url=f"https://data.example/{path.name}", bytes=len(content), sha256=digest))
    entry = dataclasses.replace(CATALOGUE["fashion-mnist"], files=tuple(files), elsewhere=())
    monkeypatch.setitem(CATALOGUE, "fashion-mnist", entry)
    server.files[f"/{files[3].name}"] = b"x" * files[3].bytes
    with pytest.raises(TinyexpError, match="its sha256 is"):
        fetch("fashion-mnist", tmp_path / "data", server.url)
    assert not (tmp_path / "data" / "fashion-mnist").exists(), "three of four files are no data set"
    server.files[f"/{files[3].name}"] = (made / files[3].name).read_bytes()
    fetch("fashion-mnist", tmp_path / "data", server.url)
    assert len(server.requests) == 5
    assert len(open_dataset(Data(dataset="fashion-mnist"), tmp_path / "data").train) == 40


@pytest.mark.skipif(not DEBIAN.is_dir(), reason="Debian's package dataset-fashion-mnist is not installed")
def test_the_published_digests_are_those_of_the_published_files(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Debian's files are upstream's but for the gzip header; with the header put back, size and digests agree."""
    entry = dataclasses.replace(CATALOGUE["fashion-mnist"], elsewhere=())
    monkeypatch.setitem(CATALOGUE, "fashion-mnist", entry)
    for file in entry.files:
        made_s = 1_504_176_606 if file.name.startswith("train") else 1_504_176_627
        head = (
            b"\x1f\x8b\x08\x08"
            + made_s.to_bytes(4, "little")
            + b"\x00\x03"
            + file.name[:-3].encode()
            + b"\x00"
        )
        content = head + (DEBIAN / file.name).read_bytes()[10:]
        assert hashlib.md5(content).hexdigest() == file.md5  # noqa: S324  (what is published)
        server.files[f"/{file.name}"] = content
    fetch("fashion-mnist", tmp_path, server.url)
    result = verify("fashion-mnist", tmp_path)
    assert result.problems == ()
    assert (result.train_images, result.test_images) == (60_000, 10_000)
    assert result.fingerprint == WHOLE_FINGERPRINT


def test_a_data_set_elsewhere_is_used(tiny: Server, tmp_path: Path) -> None:
    own = make_tiny_imagenet(tmp_path / "tiny-imagenet")
    assert fetch("tiny-imagenet", tmp_path, tiny.url) == own
    assert tiny.requests == []


def test_what_is_in_the_way_is_left_alone(tiny: Server, tmp_path: Path) -> None:
    target = tmp_path / "tiny-imagenet-200"
    target.mkdir()
    (target / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match=r"exists and is not Tiny ImageNet.* Move it away"):
        fetch("tiny-imagenet", tmp_path, tiny.url)
    assert (target / "notes.txt").read_text() == "mine"


def test_an_empty_folder_is_not_in_the_way(tiny: Server, tmp_path: Path) -> None:
    (tmp_path / "tiny-imagenet-200").mkdir()
    assert len(
        open_dataset(
            Data(dataset="tiny-imagenet", root=str(fetch("tiny-imagenet", tmp_path, tiny.url))), tmp_path
        ).train
    )


def test_what_cannot_be_fetched_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"asks for an account.*train/<wnid>/\*\.JPEG"):
        fetch("imagenet", tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_an_unknown_name_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(
        UserError,
        match=r"unknown data set 'tiny-imagnet'\. Known: fashion-mnist, .* Did you mean 'tiny-imagenet'",
    ):
        fetch("tiny-imagnet", tmp_path)


def test_a_second_process_does_not_fetch_into_the_same_place(tiny: Server, tmp_path: Path) -> None:
    (tmp_path / "downloads").mkdir()
    with (
        FileLock(tmp_path / "downloads" / "tiny-imagenet.lock"),
        pytest.raises(UserError, match="another process is fetching"),
    ):
        fetch("tiny-imagenet", tmp_path, tiny.url)


def test_too_little_room_is_said_before_anything_is_fetched(
    tiny: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1_000_000))
    with pytest.raises(UserError, match=r"bytes are needed to fetch Tiny ImageNet and 1,000,000 are free"):
        fetch("tiny-imagenet", tmp_path, tiny.url)
    assert tiny.requests == []


def test_an_archive_of_something_else_is_not_put_in_place(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve_as_tiny_imagenet(server, archive_of({"other/a.txt": b"x"}), monkeypatch)
    with pytest.raises(TinyexpError, match="holds no tiny-imagenet-200/ with Tiny ImageNet in it"):
        fetch("tiny-imagenet", tmp_path, server.url)
    assert inventory(tmp_path) == ["downloads", *(f"downloads/{name}" for name in ARRIVED)]


def test_an_interruption_while_unpacking_leaves_nothing_half_unpacked(tiny: Server, tmp_path: Path) -> None:
    def interrupt(what: str, done: int, total: int) -> None:
        if what.startswith("unpacking") and done > total / 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch("tiny-imagenet", tmp_path, tiny.url, interrupt)
    assert inventory(tmp_path) == ["downloads", *(f"downloads/{name}" for name in ARRIVED)]
    asked = len(tiny.requests)
    fetch("tiny-imagenet", tmp_path, tiny.url)
    assert len(tiny.requests) == asked, "the archive had arrived"
    assert verify("tiny-imagenet", tmp_path).problems == ()


PLACES = ("begun", "written", "named", "done")


@pytest.mark.parametrize(
    "moment",
    [
        "fetching",
        "unpacking",
        "downloads marked",
        "download recorded",
        *(f"{MARK} {place}" for place in PLACES),
        *(f"download {place}" for place in PLACES[1:]),
        "unpacking marked",
        *(f"data set {place}" for place in PLACES),
    ],
)
def test_a_kill_at_any_moment_leaves_nothing_that_is_taken_for_complete(
    tiny: Server, tmp_path: Path, moment: str
) -> None:
    """SIGKILL in the middle, in another process; the next fetch ends with the same data set as an untouched one."""
    program = f"""
import dataclasses, os, signal, sys
from pathlib import Path
from tinyexp.trainers.vision.data import catalogue, download, fetch
file = catalogue.RemoteFile(url="https://data.example{ZIP}", bytes={len(tiny.files[ZIP])},
                            sha256="{hashlib.sha256(tiny.files[ZIP]).hexdigest()}")
entry = dataclasses.replace(catalogue.CATALOGUE["tiny-imagenet"], files=(file,), unpacked_bytes=10**6, unpacked_files=100)
catalogue.CATALOGUE["tiny-imagenet"] = entry
download._CHUNK = 1000
def kill(what, done, total):
    if what.startswith("{moment}") and done > total / 2:
        os.kill(os.getpid(), signal.SIGKILL)
fetch.fetch("tiny-imagenet", Path(sys.argv[1]), sys.argv[2], kill)
"""
    killed = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "data"), tiny.url],
        env={**os.environ, "TINYEXP_END_AT": f"{moment}@1"},
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    named = moment in {"data set named", "data set done"}
    assert (tmp_path / "data" / "tiny-imagenet-200").exists() == named
    if named:
        assert verify("tiny-imagenet", tmp_path / "data").problems == ()
    begun = {
        "fetching": f"downloads/tiny-imagenet{ZIP}.part",
        "unpacking": ".tiny-imagenet-200.unpacking-*/*",
    }
    assert any((tmp_path / "data").glob(begun.get(moment, "*"))), "it was killed in the middle"
    fetch("tiny-imagenet", tmp_path / "data", tiny.url)
    fetch("tiny-imagenet", tmp_path / "whole", tiny.url)
    assert inventory(tmp_path / "data") == inventory(tmp_path / "whole")
    assert verify("tiny-imagenet", tmp_path / "data") == dataclasses.replace(
        verify("tiny-imagenet", tmp_path / "whole"), root=str(tmp_path / "data" / "tiny-imagenet-200")
    )


def test_a_hostile_archive_on_the_server_leaves_nothing_behind(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serve_as_tiny_imagenet(
        server, archive_of({"tiny-imagenet-200/wnids.txt": b"x", "../../evil": b"x"}), monkeypatch
    )
    with pytest.raises(TinyexpError, match="a path that leaves the folder"):
        fetch("tiny-imagenet", tmp_path / "data", server.url)
    assert inventory(tmp_path) == ["data", "data/downloads", *(f"data/downloads/{name}" for name in ARRIVED)]


# What is the user's


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in inventory(folder) if (folder / name).is_file()}


def test_an_archive_that_the_user_brought_is_used_and_kept(tiny: Server, tmp_path: Path) -> None:
    arrived = tmp_path / "downloads" / "tiny-imagenet"
    arrived.mkdir(parents=True)
    (arrived / ZIP[1:]).write_bytes(tiny.files[ZIP])
    (arrived / "notes.txt").write_text("where I have it from")
    mine = contents(arrived)
    fetch("tiny-imagenet", tmp_path, tiny.url)
    assert tiny.requests == []
    assert verify("tiny-imagenet", tmp_path).problems == ()
    fetch("tiny-imagenet", tmp_path, tiny.url)
    assert contents(arrived) == mine


def test_an_archive_that_the_user_brings_after_a_download_failed_is_kept(
    tiny: Server, tmp_path: Path
) -> None:
    tiny.cut_after = [1000] + [0] * 20
    with pytest.raises(TinyexpError, match="the connection failed"):
        fetch("tiny-imagenet", tmp_path, tiny.url)
    arrived = tmp_path / "downloads" / "tiny-imagenet"
    (arrived / ZIP[1:]).write_bytes(tiny.files[ZIP])
    fetch("tiny-imagenet", tmp_path, tiny.url)
    assert contents(arrived) == {ZIP[1:]: tiny.files[ZIP]}, "the part was ours, and is gone"


def test_an_archive_that_the_user_puts_in_the_place_of_ours_is_kept(tiny: Server, tmp_path: Path) -> None:
    def interrupt(what: str, done: int, total: int) -> None:
        if what.startswith("unpacking"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch("tiny-imagenet", tmp_path, tiny.url, interrupt)
    arrived = tmp_path / "downloads" / "tiny-imagenet"
    (tmp_path / "mine.zip").write_bytes(tiny.files[ZIP])
    (tmp_path / "mine.zip").replace(arrived / ZIP[1:])
    fetch("tiny-imagenet", tmp_path, tiny.url)
    assert contents(arrived) == {ZIP[1:]: tiny.files[ZIP]}


def test_of_the_files_beside_a_download_only_ours_are_removed(tiny: Server, tmp_path: Path) -> None:
    arrived = tmp_path / "downloads" / "tiny-imagenet"
    (arrived / "older").mkdir(parents=True)
    (arrived / "older" / "words.txt").write_text("mine")
    (arrived / "b.zip.part").write_text("mine")
    mine = contents(arrived)
    fetch("tiny-imagenet", tmp_path, tiny.url)
    assert contents(arrived) == mine


@pytest.mark.parametrize(
    "name", [".tiny-imagenet-200.unpacking-mine", ".tiny-imagenet-200.unpacking-abcdefgh"]
)
@pytest.mark.parametrize("mark", ["", "{}", '{"format": "tinyexp-owner-1"}', "[]", None])
def test_a_folder_that_is_called_as_ours_are_and_has_no_mark_of_ours_stays(
    tiny: Server, tmp_path: Path, name: str, mark: str | None
) -> None:
    place = tmp_path / name
    place.mkdir()
    (place / "notes.txt").write_text("mine")
    if mark is not None:
        (place / MARK).write_text(mark)
    mine = contents(place)
    fetch("tiny-imagenet", tmp_path, tiny.url)
    fetch("tiny-imagenet", tmp_path, tiny.url)
    assert contents(place) == mine


def test_something_else_in_the_place_of_our_record_is_refused_and_left_as_it_is(
    tiny: Server, tmp_path: Path
) -> None:
    arrived = tmp_path / "downloads" / "tiny-imagenet"
    arrived.mkdir(parents=True)
    (arrived / MARK).write_text("mine")
    with pytest.raises(UserError, match=r"is needed to note which files are tinyexp's"):
        fetch("tiny-imagenet", tmp_path, tiny.url)
    assert contents(arrived) == {MARK: b"mine"}
