"""A web server on this machine that misbehaves as told, for tests of downloads."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import re
import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tinyexp.trainers.vision.data.catalogue import CATALOGUE, RemoteFile

ZIP = "/tiny-imagenet-200.zip"


@dataclass
class Server:
    """What is served, and how. Lists are used up from the front, one entry a request."""

    files: dict[str, bytes] = field(default_factory=dict)
    """Content by path, as in ``{"/a.zip": b"..."}``."""
    url: str = ""
    ranges: bool = True
    cut_after: list[int] = field(default_factory=list)
    """Close the connection after so many bytes of the body."""
    resets: bool = False
    """Cut connections are reset, and not closed in good order."""
    statuses: list[int] = field(default_factory=list)
    """Answer with these before serving."""
    redirect: str = ""
    range_offset: int = 0
    """Go on from so many bytes further than asked."""
    requests: list[tuple[str, str]] = field(default_factory=list)
    """Path and Range header of every request."""


@contextlib.contextmanager
def running() -> Iterator[Server]:
    """Serve in a thread for as long as the context lasts."""
    server = Server()
    with ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"behaviour": server})) as http:
        server.url = f"http://127.0.0.1:{http.server_port}"
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            http.shutdown()
            thread.join()


def serve_as_tiny_imagenet(server: Server, content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put an archive in Tiny ImageNet's place: on the server, and with size and digest in the catalogue."""
    server.files[ZIP] = content
    file = RemoteFile(
        url=f"https://data.example{ZIP}", bytes=len(content), sha256=hashlib.sha256(content).hexdigest()
    )
    entry = dataclasses.replace(
        CATALOGUE["tiny-imagenet"],
        files=(file,),
        classes=3,
        train_images=12,
        test_images=6,
        unpacked_bytes=1_000_000,
        unpacked_files=100,
    )
    monkeypatch.setitem(CATALOGUE, "tiny-imagenet", entry)


class _Handler(BaseHTTPRequestHandler):
    behaviour: Server

    def do_GET(self) -> None:
        behaviour = self.behaviour
        asked = self.headers.get("Range", "")
        behaviour.requests.append((self.path, asked))
        if behaviour.redirect:
            self.send_response(302)
            self.send_header("Location", behaviour.redirect)
            self.end_headers()
            return
        status = behaviour.statuses.pop(0) if behaviour.statuses else 200
        content = behaviour.files.get(self.path)
        if status != 200 or content is None:
            self.send_error(status if status != 200 else 404)
            return
        match = re.fullmatch(r"bytes=(\d+)-", asked) if behaviour.ranges else None
        start = int(match[1]) + behaviour.range_offset if match else 0
        if start and start >= len(content):
            self.send_error(416)
            return
        self.send_response(206 if match else 200)
        self.send_header("Content-Length", str(len(content) - start))
        if match:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        body = content[start:]
        if not behaviour.cut_after:
            self.wfile.write(body)
            return
        self.wfile.write(body[: behaviour.cut_after.pop(0)])
        if behaviour.resets:
            # A close without lingering drops what is unsent and answers with a reset.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass
