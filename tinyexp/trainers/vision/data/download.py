"""One file from the network: resumed where it was cut off, and checked before it has its name.

What has arrived lies in ``NAME.part``. It gets its name when its size and digest are right. The folder may hold files of the
user's as well, the one that is wanted among them: which are ours is recorded beside them before they are made. pooch
checks and retries, but begins anew each time, a missing file's and a wrong one's too, and writes over what is there.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from tinyexp import files
from tinyexp.errors import TinyexpError, UserError
from tinyexp.failpoints import failpoint
from tinyexp.ownership import stamp_of
from tinyexp.trainers.vision.data.arrivals import Arrivals
from tinyexp.trainers.vision.data.catalogue import RemoteFile

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and of how much."""

ATTEMPTS = 5
"""Tries in a row that bring nothing before it is given up; one that brings something starts the count anew."""
_MAX_TRIES = 200

_CHUNK = 1 << 20
_TIMEOUT_S = 60.0
_PASSING = frozenset((408, 425, 429, 500, 502, 503, 504))
_WORTH_COUNTING = 1 << 16


class _ConnectionFault(Exception):  # noqa: N818  (never leaves this module)
    """The network's, and worth another try."""


def download(
    file: RemoteFile,
    folder: Path,
    *,
    base_url: str | None = None,
    progress: Progress = lambda _what, _done, _total: None,
    pause: Callable[[float], None] | None = None,
) -> Path:
    """Bring a file into a folder, or go on with it; a whole one that is there is used, and left as it is.

    Parameters
    ----------
    base_url
        Put in place of the URL's scheme and host: a mirror, as in ``"https://mirror.example/data"``.
    pause
        Waits that many seconds between tries; ``time.sleep`` unless given.

    Raises
    ------
    TinyexpError
        The network fails for good, the server does not have the file, or its content is not the known one.
    UserError
        The URL is no http or https URL, or a file that we did not download is in the way.
    """
    url, target, pause = address(file.url, base_url), folder / file.name, pause or time.sleep
    if target.is_file() and _is_right(target, file):
        return target
    part = folder / part_name(file)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        arrivals = Arrivals(folder)
        _refuse_strangers(arrivals, target, part, file)
        arrivals.claim(part.name)
        try:
            resumed = _size(part) > 0
            _bring(url, part, file, progress, pause)
            if resumed and not _is_right(part, file):
                # The beginning may be of another time or place: the whole is fetched before it is judged.
                part.unlink()
                _bring(url, part, file, progress, pause)
            _accept(url, part, target, file, arrivals)
        finally:
            if not part.exists():
                arrivals.release(part.name)
    except OSError as error:
        raise TinyexpError(
            f"{part}: cannot be written ({error.strerror}). Free some space or choose another --data-folder;"
            " the same command then goes on where it stopped."
        ) from error
    return target


def part_name(file: RemoteFile) -> str:
    """What a file is called as long as it is not whole."""
    return f"{file.name}.part"


def _refuse_strangers(arrivals: Arrivals, target: Path, part: Path, file: RemoteFile) -> None:
    if os.path.lexists(target) and not arrivals.claims(target):
        raise UserError(
            f"{target}: was not downloaded by tinyexp and is not the known file: {file} is wanted."
            " Move it away, then fetch again; it is left as it is."
        )
    if os.path.lexists(part) and not arrivals.claims(part):
        raise UserError(
            f"{part}: was not begun by tinyexp, so it is neither gone on with nor removed. Move it away, then fetch again;"
            f" if it is whole, call it {target.name}."
        )


def address(url: str, base_url: str | None = None) -> str:
    """The URL that is asked, on the mirror where one is named.

    >>> address("https://a.example/b/c.zip", "http://127.0.0.1:8000/d/")
    'http://127.0.0.1:8000/d/b/c.zip'
    """
    if base_url is not None:
        url = base_url.rstrip("/") + urlsplit(url).path
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise UserError(
            f"'{url}': only http:// and https:// addresses are fetched from. Name one, or leave --mirror out."
        )
    return url


def _bring(
    url: str, part: Path, file: RemoteFile, progress: Progress, pause: Callable[[float], None]
) -> None:
    """Ask for the rest until all of it is there."""
    failures = 0
    for tries in range(1, _MAX_TRIES + 1):
        before = _size(part)
        if before > file.bytes:
            part.unlink()
            before = 0
        if before == file.bytes:
            return
        try:
            _ask(url, part, before, file, progress)
        except _ConnectionFault as fault:
            failures = 1 if _size(part) - before >= _WORTH_COUNTING else failures + 1
            if failures >= ATTEMPTS or tries == _MAX_TRIES:
                raise TinyexpError(
                    f"{url}: the connection failed {failures} times in a row ({fault});"
                    f" {_size(part):,} of {file.bytes:,} bytes are there. The same command goes on from there;"
                    " --mirror URL takes it from elsewhere."
                ) from fault
            pause(2.0 ** (failures - 1))


def _ask(url: str, part: Path, offset: int, file: RemoteFile, progress: Progress) -> None:
    """One request, for everything from ``offset`` on."""
    with _opened(url, offset, part, file) as response:
        if response.status != http.HTTPStatus.PARTIAL_CONTENT:
            offset = 0  # the server ignores ranges: what comes is the whole file
        elif not _starts_at(response, offset):
            part.unlink(missing_ok=True)
            raise _ConnectionFault("the server went on from another place than asked")
        announced = response.headers.get("Content-Length")
        if announced and announced.isdigit() and offset + int(announced) != file.bytes:
            raise _wrong(
                url, f"the server has {offset + int(announced):,} bytes, {file.bytes:,} are expected"
            )
        with part.open("r+b" if offset else "wb") as out:
            out.seek(offset)
            out.truncate()
            for chunk in _chunks(response):
                out.write(chunk)
                offset += len(chunk)
                if offset > file.bytes:
                    raise _wrong(url, f"more than the expected {file.bytes:,} bytes came")
                progress(f"fetching {file.name}", offset, file.bytes)
    if offset < file.bytes:
        raise _ConnectionFault(f"closed after {offset:,} bytes")


def _opened(url: str, offset: int, part: Path, file: RemoteFile) -> http.client.HTTPResponse:
    headers = {"User-Agent": "tinyexp", "Accept-Encoding": "identity"}
    if offset:
        headers["Range"] = f"bytes={offset}-"
    try:
        response: http.client.HTTPResponse = _opener().open(
            urllib.request.Request(url, headers=headers),  # noqa: S310  (address() lets only http and https pass)
            timeout=_TIMEOUT_S,
        )
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            part.unlink(missing_ok=True)  # what is there is no beginning of what the server has
            raise _ConnectionFault("the server refused to go on from there") from error
        if error.code in _PASSING:
            raise _ConnectionFault(f"HTTP {error.code} {error.reason}") from error
        raise TinyexpError(
            f"{url}: the server answered {error.code} {error.reason}. Name another source with --mirror URL,"
            f" or bring {file} yourself and put it into {part.parent}."
        ) from error
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        raise _ConnectionFault(str(getattr(error, "reason", "") or error)) from error
    return response


def _opener() -> urllib.request.OpenerDirector:
    """What follows http and https and nothing else: no file:, no ftp:, not by a redirect either."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener


def _chunks(response: IO[bytes]) -> Iterator[bytes]:
    """The body; only what the network does wrong is taken for the network's fault, a full disk is not."""
    while True:
        try:
            chunk = response.read(_CHUNK)
        except (http.client.HTTPException, OSError) as error:
            raise _ConnectionFault(str(error) or type(error).__name__) from error
        if not chunk:
            return
        yield chunk


def _starts_at(response: Any, offset: int) -> bool:
    match = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    return match is not None and int(match[1]) == offset


def _accept(url: str, part: Path, target: Path, file: RemoteFile, arrivals: Arrivals) -> None:
    algorithm, wanted = file.digest
    got = _digest(part, algorithm)
    if got != wanted:
        part.unlink()
        raise _wrong(url, f"its {algorithm} is {got}, {wanted} is expected; what came was removed")
    with part.open("rb+") as content:
        os.fsync(content.fileno())
    failpoint("download written")
    if arrivals.claims(target):
        target.unlink()  # ours of an earlier time, and not whole any more
    arrivals.claim(target.name, stamp_of(part))
    failpoint("download recorded")
    try:
        files.rename_anew(part, target)
    except FileExistsError as error:
        raise UserError(
            f"{target}: appeared while it was downloaded, and is left as it is. Give the same command again: it is used if"
            " it is the known file."
        ) from error
    failpoint("download named")
    files.sync_folder(target.parent)
    failpoint("download done")


def _wrong(url: str, reason: str) -> TinyexpError:
    return TinyexpError(
        f"{url}: this is not the known file: {reason}. Perhaps a proxy or a login page answered."
        " Try again, or name another source with --mirror URL."
    )


def _is_right(path: Path, file: RemoteFile) -> bool:
    algorithm, wanted = file.digest
    return _size(path) == file.bytes and _digest(path, algorithm) == wanted


def _digest(path: Path, algorithm: str) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, algorithm).hexdigest()


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
