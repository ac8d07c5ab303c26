"""Real HTTP servers for the simulators: the standard library's, one thread a connection, Nagle off, TLS when asked."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

MAX_BODY_BYTES = 1 << 20


@dataclass(frozen=True)
class Request:
    """What came in.

    Args:
        query: Pairs in their order, repeated ones kept.
        form: The same for an urlencoded body; empty for any other content type.
        headers: Names in lower case.
    """

    method: str
    path: str
    query: list[tuple[str, str]] = field(default_factory=list)
    form: list[tuple[str, str]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def is_form(self) -> bool:
        """Tell whether the body says it is an urlencoded form."""
        return self.headers.get("content-type", "").split(";")[0].strip().lower() == "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Reply:
    """What goes out; `cut` closes the connection without an answer."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False


Answer = Callable[[Request], Reply]


def json_reply(content: Any, status: int = 200, **headers: str) -> Reply:
    """Return JSON that no cache keeps."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, json.dumps(content).encode(), {"Content-Type": "application/json", "Cache-Control": "no-store", **named})


def html_reply(page: str, status: int = 200) -> Reply:
    """Return a page that no cache keeps."""
    return Reply(status, page.encode(), {"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store"})


def redirect(address: str) -> Reply:
    """Send the browser elsewhere with GET."""
    return Reply(303, b"", {"Location": address, "Cache-Control": "no-store"})


class _Handler(BaseHTTPRequestHandler):
    disable_nagle_algorithm = True
    protocol_version = "HTTP/1.1"
    server_version = "simulator"
    sys_version = ""
    timeout = 30
    answer: Answer

    def _serve(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > MAX_BODY_BYTES:
            self.close_connection = True
            self.send_error(413)
            return
        reply = type(self).answer(self._request(self.rfile.read(int(length))))
        if reply.cut:
            self.close_connection = True
            return
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)

    do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 (http.server's names)

    def _request(self, body: bytes) -> Request:
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, parts.path, parse_qsl(parts.query, keep_blank_values=True), [], headers, body)
        if request.is_form:
            request.form.extend(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
        return request

    def log_message(self, *_: object) -> None:
        """Say nothing: the evidence is the log."""


class DoorServer(ThreadingHTTPServer):
    """One daemon thread a connection; silent about peers that go."""

    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_: object) -> None:
        """A peer that hangs up or refuses our certificate is not our fault."""


class HttpDoor:
    """A listening door on 127.0.0.1, served by a thread until `close`."""

    def __init__(self, answer: Answer, port: int = 0, *, tls: ssl.SSLContext | None = None) -> None:
        handler = type("Handler", (_Handler,), {"answer": staticmethod(answer)})
        self._server = DoorServer(("127.0.0.1", port), handler)
        if tls is not None:
            # The handshake happens in the connection's own thread: a silent peer does not close the door for the others.
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.port: int = self._server.server_address[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, args=(0.1,), name=f"door-{self.port}", daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


def server_tls(certificate: str, key: str) -> ssl.SSLContext:
    """Return the TLS settings of a server with that chain (PEM files); TLS 1.2 at least."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    return context
