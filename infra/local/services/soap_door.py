"""The door of a national service: mutual TLS 1.2 with revocation, and every byte of an exchange kept as it crossed the wire.

A client certificate that is expired, revoked, not of the chain or not for client authentication ends in the handshake, as it
does at the real services; the script's list says so (`tls_refused`).
"""

from __future__ import annotations

import io
import ssl
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.x509.oid import NameOID

from infra.local.services.http_door import DoorServer

MAX_BODY_BYTES = 32 << 20


@dataclass(frozen=True)
class Call:
    """One request as it came.

    Args:
        headers: Names in lower case.
        raw: Start line, headers and body, byte for byte.
        certificate: The client's, verified in the handshake.
    """

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    raw: bytes
    certificate: x509.Certificate

    @property
    def common_name(self) -> str:
        """Return the CN of the client's certificate."""
        return subject_part(self.certificate, NameOID.COMMON_NAME)

    @property
    def structure(self) -> str:
        """Return the OU of the client's certificate: its Struct_IdNat."""
        return subject_part(self.certificate, NameOID.ORGANIZATIONAL_UNIT_NAME)


@dataclass(frozen=True)
class Answer:
    """What goes out.

    Args:
        cut: `""` for a whole answer, `"none"` for a connection closed without one, `"half"` for one closed in the middle of its body.
    """

    status: int
    content_type: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    cut: str = ""


CUT = Answer(0, "", b"", cut="none")
CRASHED = Answer(500, "text/plain; charset=utf-8", b"the simulator is wrong\n")


@dataclass(frozen=True)
class Rules:
    """What the door asks of the service behind it.

    Args:
        answer: Gives the answer to a whole call; runs in the connection's thread.
        refuse_unread: Asked with the path before the body is read; True closes the connection at once.
        finished: Told the call and the bytes of the answer (empty for none), just before they leave.
        refused: Told why a handshake failed.
    """

    answer: Callable[[Call], Answer]
    refuse_unread: Callable[[str], bool]
    finished: Callable[[Call, bytes], None]
    refused: Callable[[str], None]


class Trust:
    """The server's side of mutual TLS; the revocation list is read again whenever its file has changed.

    Args:
        certificate, key: Chain and key of the server, PEM files.
        ca: PEM file of root and issuing authority of the clients.
        crl: PEM file of the issuing authority's list.
    """

    def __init__(self, *, certificate: str, key: str, ca: str, crl: str) -> None:
        self._files = (certificate, key, ca, crl)
        self._lock = threading.Lock()
        self._stamp: tuple[int, int] = (0, 0)
        self._context: ssl.SSLContext | None = None

    def context(self) -> ssl.SSLContext:
        """Return the context of now."""
        certificate, key, ca, crl = self._files
        status = Path(crl).stat()
        stamp = (status.st_mtime_ns, status.st_ino)
        with self._lock:
            if self._context is None or stamp != self._stamp:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
                context.load_cert_chain(certificate, key)
                context.load_verify_locations(ca)
                context.load_verify_locations(crl)
                context.verify_mode = ssl.CERT_REQUIRED
                context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF | ssl.VERIFY_X509_STRICT
                self._context, self._stamp = context, stamp
            return self._context


class _Tee:
    """A stream that keeps what was read from it."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.kept = bytearray()

    def readline(self, size: int = -1) -> bytes:
        line: bytes = self._stream.readline(size)
        self.kept += line
        return line

    def read(self, size: int = -1) -> bytes:
        content: bytes = self._stream.read(size)
        self.kept += content
        return content

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class _Handler(BaseHTTPRequestHandler):
    disable_nagle_algorithm = True
    protocol_version = "HTTP/1.1"
    server_version = "simulator"
    sys_version = ""
    timeout = 30
    rules: Rules
    trust: Trust

    def setup(self) -> None:
        """Shake hands in the connection's own thread, so that a silent peer does not close the door for the others."""
        self.request.settimeout(self.timeout)
        try:
            self.request = type(self).trust.context().wrap_socket(self.request, server_side=True)
        except OSError as refused:
            type(self).rules.refused(
                getattr(refused, "verify_message", "") or getattr(refused, "reason", "") or type(refused).__name__
            )
            raise
        super().setup()
        self.certificate = x509.load_der_x509_certificate(self.request.getpeercert(binary_form=True))
        self.rfile: Any = _Tee(self.rfile)

    def _serve(self) -> None:
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > MAX_BODY_BYTES:
            self.close_connection = True
            self.send_error(411 if not length else 413)
            return
        if type(self).rules.refuse_unread(self.path):
            self.close_connection = True
            return
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            self.close_connection = True  # the peer hung up in the middle of its request: nothing was asked
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        call = Call(self.command, self.path, headers, body, bytes(self.rfile.kept), self.certificate)
        self.rfile.kept.clear()
        reply = self._answered(call)
        sent = self._encoded(reply)
        self.close_connection = self.close_connection or bool(reply.cut)
        type(self).rules.finished(call, sent)
        self.wfile.write(sent)

    def _answered(self, call: Call) -> Answer:
        """Ask the service; a fault of its own is an answer too, and shows on stderr."""
        try:
            return type(self).rules.answer(call)
        except Exception:  # whatever it is, a server answers
            traceback.print_exc()
            return CRASHED

    do_GET = do_POST = do_PUT = _serve  # noqa: N815 (http.server's names)

    def _encoded(self, reply: Answer) -> bytes:
        """Return the bytes of an answer, or as many of them as were asked."""
        if reply.cut == "none":
            return b""
        stream, self.wfile = self.wfile, io.BytesIO()
        try:
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.content_type)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            head = self.wfile.getvalue()
        finally:
            self.wfile = stream
        return head + (reply.body[: len(reply.body) // 2] if reply.cut == "half" else reply.body)

    def log_message(self, *_: object) -> None:
        """Say nothing: the evidence is the log."""


class SoapDoor:
    """A listening door on 127.0.0.1, served by threads until `close`."""

    def __init__(self, rules: Rules, trust: Trust, port: int = 0) -> None:
        trust.context()
        handler = type("Handler", (_Handler,), {"rules": rules, "trust": trust})
        self._server = DoorServer(("127.0.0.1", port), handler)
        self.port: int = self._server.server_address[1]
        self.url = f"https://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, args=(0.1,), name=f"soap-{self.port}", daemon=True).start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


def subject_part(certificate: x509.Certificate, part: x509.ObjectIdentifier) -> str:
    """Return one attribute of a subject, or an empty string."""
    found = certificate.subject.get_attributes_for_oid(part)
    return str(found[0].value) if found else ""
