from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import data_server
import pytest
from data_folders import inventory
from data_server import Server

from tinyexp.errors import TinyexpError, UserError
from tinyexp.ownership import MARK
from tinyexp.trainers.vision.data import download as downloads
from tinyexp.trainers.vision.data.arrivals import Arrivals
from tinyexp.trainers.vision.data.catalogue import RemoteFile
from tinyexp.trainers.vision.data.download import address, download

CONTENT = bytes(range(256)) * 2000  # 512,000 bytes


@pytest.fixture(autouse=True)
def _served(server: Server) -> None:
    server.files["/some/a.bin"] = CONTENT


@pytest.fixture
def remote() -> RemoteFile:
    digest = hashlib.sha256(CONTENT).hexdigest()
    return RemoteFile(url="https://data.example/some/a.bin", bytes=len(CONTENT), sha256=digest)


def begun(folder: Path, content: bytes) -> Path:
    """What a download of ours left that was killed."""
    Arrivals(folder).claim("a.bin.part")
    part = folder / "a.bin.part"
    part.write_bytes(content)
    return part


def test_a_file_is_fetched_and_has_its_name_only_when_it_is_right(
    server: Server, remote: RemoteFile, tmp_path: Path
) -> None:
    seen: list[tuple[str, int, int]] = []
    path = download(remote, tmp_path, base_url=server.url, progress=lambda *step: seen.append(step))
    assert path.read_bytes() == CONTENT
    assert inventory(tmp_path) == [MARK, "a.bin"]
    assert seen[-1] == ("fetching a.bin", len(CONTENT), len(CONTENT))
    assert server.requests == [("/some/a.bin", "")]


def test_a_whole_file_is_not_asked_for_again(server: Server, remote: RemoteFile, tmp_path: Path) -> None:
    download(remote, tmp_path, base_url=server.url)
    download(remote, tmp_path, base_url=server.url)
    assert len(server.requests) == 1


def test_a_file_may_be_known_by_md5(server: Server, tmp_path: Path) -> None:
    digest = hashlib.md5(CONTENT).hexdigest()  # noqa: S324  (what is published)
    remote = RemoteFile(url="https://data.example/some/a.bin", bytes=len(CONTENT), md5=digest)
    assert download(remote, tmp_path, base_url=server.url).read_bytes() == CONTENT
    with pytest.raises(TinyexpError, match="its md5 is"):
        download(dataclasses.replace(remote, md5="0" * 32), tmp_path / "b", base_url=server.url)


def test_a_partial_file_is_gone_on_with(server: Server, remote: RemoteFile, tmp_path: Path) -> None:
    begun(tmp_path, CONTENT[:1000])
    assert download(remote, tmp_path, base_url=server.url).read_bytes() == CONTENT
    assert server.requests == [("/some/a.bin", "bytes=1000-")]


def test_a_server_that_ignores_ranges_is_read_from_the_start(
    server: Server, remote: RemoteFile, tmp_path: Path
) -> None:
    server.ranges = False
    begun(tmp_path, CONTENT[:1000])
    assert download(remote, tmp_path, base_url=server.url).read_bytes() == CONTENT
    assert len(server.requests) == 1


def test_a_range_other_than_asked_is_not_used(server: Server, remote: RemoteFile, tmp_path: Path) -> None:
    server.range_offset = 5
    begun(tmp_path, CONTENT[:1000])
    assert download(remote, tmp_path, base_url=server.url).read_bytes() == CONTENT
    assert [asked for _, asked in server.requests] == ["bytes=1000-", ""]


def test_a_refused_range_starts_over(server: Server, remote: RemoteFile, tmp_path: Path) -> None:
    begun(tmp_path, CONTENT[:1000])
    server.statuses = [416]
    assert download(remote, tmp_path, base_url=server.url).read_bytes() == CONTENT
    assert [asked for _, asked in server.requests] == ["bytes=1000-", ""]


def test_a_partial_file_that_is_already_all_of_it_is_only_checked(
    server: Server, remote: RemoteFile, tmp_path: Path
) -> None:
    begun(tmp_path, CONTENT)
    assert download(remote, tmp_path, base_url=server.url).read_bytes() == CONTENT
    assert server.requests == []


@pytest.mark.parametrize("size", [1000, 512_000])
def test_a_partial_file_of_something_else_is_fetched_whole(
    server: Server, remote: RemoteFile, tmp_path: Path, size: int
) -> None:
    begun(tmp_path, b"x" * size)
    assert download(remote, tmp_path, base_url=server.url).read_bytes() == CONTENT
    assert server.requests[-1] == ("/some/a.bin", "")


def test_cut_connections_are_gone_on_with(server: Server, remote: RemoteFile, tmp_path: Path) -> None:
    server.cut_after = [100_000, 1, 0, 200_000]
    assert download(remote, tmp_path, base_url=server.url).read_bytes() == CONTENT
    assert [asked for _, asked in server.requests] == [
        "",
        "bytes=100000-",
        "bytes=100001-",
        "bytes=100001-",
        "bytes=300001-",
    ]


def test_a_reset_connection_is_tried_again(server: Server, remote: RemoteFile, tmp_path: Path) -> None:
    server.resets, server.cut_after = True, [100_000, 100_000]
    assert download(remote, tmp_path, base_url=server.url).read_bytes() == CONTENT
    assert len(server.requests) == 3


def test_a_partial_file_that_is_too_long_is_not_gone_on_with(
    server: Server, remote: RemoteFile, tmp_path: Path
) -> None:
    begun(tmp_path, CONTENT + b"x")
    assert download(remote, tmp_path, base_url=server.url).read_bytes() == CONTENT
    assert server.requests == [("/some/a.bin", "")]


def test_passing_faults_of_the_server_are_tried_again(
    server: Server, remote: RemoteFile, tmp_path: Path
) -> None:
    server.statuses = [503, 429, 500]
    assert download(remote, tmp_path, base_url=server.url).read_bytes() == CONTENT


def test_it_is_given_up_after_a_few_tries_and_the_part_is_kept(
    server: Server, remote: RemoteFile, tmp_path: Path
) -> None:
    server.cut_after = [1000] + [0] * 20
    waits: list[float] = []
    with pytest.raises(
        TinyexpError,
        match=r"failed 5 times in a row .* 1,000 of 512,000 bytes are there\. The same command goes on",
    ):
        download(remote, tmp_path, base_url=server.url, pause=waits.append)
    assert inventory(tmp_path) == [MARK, "a.bin.part"]
    assert (tmp_path / "a.bin.part").read_bytes() == CONTENT[:1000]
    assert waits == [1.0, 2.0, 4.0, 8.0]


def test_a_server_that_is_not_there_is_given_up(remote: RemoteFile, tmp_path: Path) -> None:
    with data_server.running() as gone:
        url = gone.url
    with pytest.raises(TinyexpError, match="the connection failed 5 times in a row"):
        download(remote, tmp_path, base_url=url)


@pytest.mark.parametrize("status", [403, 404, 410])
def test_a_file_that_the_server_does_not_have_is_not_asked_for_twice(
    server: Server, remote: RemoteFile, tmp_path: Path, status: int
) -> None:
    server.statuses = [status] * 9
    with pytest.raises(
        TinyexpError, match=rf"answered {status} .*--mirror URL.*a\.bin \(512,000 bytes, sha256 "
    ):
        download(remote, tmp_path, base_url=server.url)
    assert len(server.requests) == 1


def test_wrong_bytes_are_removed_and_said(server: Server, remote: RemoteFile, tmp_path: Path) -> None:
    server.files["/some/a.bin"] = CONTENT[:-1] + b"x"
    with pytest.raises(
        TinyexpError,
        match=rf"its sha256 is [0-9a-f]{{64}}, {remote.sha256} is expected; what came was removed",
    ):
        download(remote, tmp_path, base_url=server.url)
    assert inventory(tmp_path) == []


@pytest.mark.parametrize("content", [b"<html>Please log in</html>", CONTENT + b"x"])
def test_another_size_is_refused_before_it_is_fetched(
    server: Server, remote: RemoteFile, tmp_path: Path, content: bytes
) -> None:
    server.files["/some/a.bin"] = content
    with pytest.raises(TinyexpError, match=rf"the server has {len(content):,} bytes, 512,000 are expected"):
        download(remote, tmp_path, base_url=server.url)
    assert "a.bin" not in inventory(tmp_path)


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://a.example/b", "/etc/passwd", "http:///x", "data:,x", ""]
)
def test_only_http_and_https_are_asked(url: str) -> None:
    with pytest.raises(UserError, match=r"only http:// and https:// addresses"):
        address("https://data.example/a.bin", url)
    with pytest.raises(UserError, match=r"only http:// and https:// addresses"):
        address(url)


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/a"])
def test_no_redirect_leads_to_another_scheme(
    server: Server, remote: RemoteFile, tmp_path: Path, target: str
) -> None:
    server.redirect = target
    with pytest.raises(TinyexpError, match=r"Redirection to url .* is not allowed|unknown url type"):
        download(remote, tmp_path, base_url=server.url)
    assert inventory(tmp_path) == []


def test_an_interruption_leaves_the_part_and_the_next_time_goes_on(
    server: Server, remote: RemoteFile, tmp_path: Path
) -> None:
    server.cut_after = [300_000]

    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(remote, tmp_path, base_url=server.url, pause=interrupt)
    assert (tmp_path / "a.bin.part").stat().st_size == 300_000
    assert download(remote, tmp_path, base_url=server.url).read_bytes() == CONTENT
    assert server.requests[-1] == ("/some/a.bin", "bytes=300000-")


def test_a_full_disk_is_not_taken_for_the_networks_fault(
    server: Server, remote: RemoteFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> Iterator[bytes]:
        yield CONTENT[:10]
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(downloads, "_chunks", full)
    with pytest.raises(TinyexpError, match=r"a\.bin\.part: cannot be written \(No space left on device\)"):
        download(remote, tmp_path, base_url=server.url)
    assert len(server.requests) == 1


# What is the user's


@pytest.mark.parametrize("content", [b"", CONTENT[:1000], CONTENT, CONTENT + b"x"], ids=len)
def test_a_partial_file_that_we_did_not_begin_is_refused_and_left_as_it_is(
    server: Server, remote: RemoteFile, tmp_path: Path, content: bytes
) -> None:
    part = tmp_path / "a.bin.part"
    part.write_bytes(content)
    with pytest.raises(
        UserError, match=r"a\.bin\.part: was not begun by tinyexp.* Move it away.*call it a\.bin"
    ):
        download(remote, tmp_path, base_url=server.url)
    assert part.read_bytes() == content
    assert inventory(tmp_path) == ["a.bin.part"]
    assert server.requests == []


def test_a_file_of_the_right_name_that_is_another_is_refused_and_left_as_it_is(
    server: Server, remote: RemoteFile, tmp_path: Path
) -> None:
    (tmp_path / "a.bin").write_bytes(b"mine")
    with pytest.raises(UserError, match=r"a\.bin: was not downloaded by tinyexp and is not the known file"):
        download(remote, tmp_path, base_url=server.url)
    assert (tmp_path / "a.bin").read_bytes() == b"mine"
    assert server.requests == []


def test_a_file_of_ours_that_was_damaged_is_fetched_anew(
    server: Server, remote: RemoteFile, tmp_path: Path
) -> None:
    path = download(remote, tmp_path, base_url=server.url)
    moments = path.stat()
    with path.open("r+b") as damaged:
        damaged.write(b"x")
    os.utime(path, ns=(moments.st_atime_ns, moments.st_mtime_ns))  # by the disk, and by nobody
    assert download(remote, tmp_path, base_url=server.url).read_bytes() == CONTENT
    assert len(server.requests) == 2


def test_what_the_user_brings_while_it_is_downloaded_is_not_overwritten(
    server: Server, remote: RemoteFile, tmp_path: Path
) -> None:
    def brought(*_: object) -> None:
        (tmp_path / "a.bin").write_bytes(b"mine")

    with pytest.raises(UserError, match=r"a\.bin: appeared while it was downloaded, and is left as it is"):
        download(remote, tmp_path, base_url=server.url, progress=brought)
    assert (tmp_path / "a.bin").read_bytes() == b"mine"
