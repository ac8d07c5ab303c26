"""The extract of mailboxes of the Annuaire Sante: a file of `|`-separated columns with their names in the first line.

Columns are found by their names, without accents or case, so that a column more or another order changes nothing.

Source: Annuaire Sante, extract of MSSante mailboxes: kind, address, identifiers of the person and of the structure.
"""

from __future__ import annotations

import hashlib
import http.client
import io
import re
import unicodedata
import urllib.parse
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from ris.adapters.dispatch.mss.mail import is_mail_address
from ris.adapters.keys.revocation import code_of
from ris.adapters.keys.server_trust import server_context
from ris.application.dispatch.mail_port import DirectoryMailbox
from ris.domain.errors import InvalidInput, RemoteUnavailable

LARGEST, LARGEST_TEXT = 300_000_000, 1_500_000_000
"""Octets of an extract as it is fetched, and of its text."""
NAMES = {
    "kind": ("type de bal",),
    "address": ("adresse bal",),
    "person": ("identification nationale pp", "identifiant pp"),
    "structure": ("identification structure", "identifiant structure"),
    "label": ("service de rattachement", "raison sociale structure bal"),
    "red": ("liste rouge",),
}
REQUIRED = ("kind", "address", "person", "structure")
PERSONAL = frozenset({"PER", "CAB"})
"""A practice's mailbox stands at the person who answers for it."""
KINDS = {"PER": "PER", "ORG": "ORG", "APP": "APP", "CAB": "CAB"}


class PipedExtract:
    """Implements `ExtractReader`."""

    def mailboxes(self, lines: Iterator[str]) -> Iterator[DirectoryMailbox | None]:
        """See the port."""
        header = next(lines, "")
        columns = _columns(header)
        if any(name not in columns for name in REQUIRED):
            raise InvalidInput("extract_unreadable", field="columns")
        for line in lines:
            if line.strip():
                yield _mailbox(line.rstrip("\r\n").split("|"), columns)


def _columns(header: str) -> dict[str, int]:
    stated = [_plain(name) for name in header.lstrip("\ufeff").rstrip("\r\n").split("|")]
    found = {}
    for name, spellings in NAMES.items():
        place = next((stated.index(one) for one in spellings if one in stated), None)
        if place is not None:
            found[name] = place
    return found


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower().replace("'", " ").split())


def _mailbox(values: list[str], columns: dict[str, int]) -> DirectoryMailbox | None:
    said = {name: values[place].strip() if place < len(values) else "" for name, place in columns.items()}
    kind, address = KINDS.get(said["kind"].upper()[:3], ""), said["address"].lower()
    person = said["person"]
    rpps = person[-11:] if re.fullmatch(r"8?[0-9]{11}", person) else ""
    structure = re.sub(r"[^0-9A-Za-z]", "", said["structure"])
    if len(structure) == 10 and structure[0] == "1":
        structure = structure[1:]  # Struct_IdNat of a FINESS
    if not kind or not is_mail_address(address) or not (rpps or structure) or len(structure) > 14:
        return None
    red = _plain(said.get("red", "")) in ("o", "oui", "true", "1")
    return DirectoryMailbox(address, kind, rpps if kind in PERSONAL else "", structure, red, said.get("label", "")[:200])


@dataclass
class WebExtract:
    """Implements `Extracts`: the address of one extract, plain text or a zip of one text, fetched whole before it is read.

    Args:
        url: `https://…`; what is there is the newest.
        ca_pem: What the server's certificate must descend from; empty takes the machine's trust.
    """

    url: str
    ca_pem: str = ""
    timeout_s: float = 60.0
    _content: bytes = b""

    def newest(self) -> str:
        """See the port: the key is the content's digest, so that the same extract is taken up once."""
        if not self.url:
            return ""
        self._content = self._fetched()
        return hashlib.sha256(self._content).hexdigest()

    def lines(self, key: str) -> Iterator[str]:
        """See the port."""
        if hashlib.sha256(self._content).hexdigest() != key:
            raise RemoteUnavailable("directory_unavailable", detail="another extract")
        return _lines(self._content)

    def _fetched(self) -> bytes:
        parts = urllib.parse.urlsplit(self.url)
        if parts.scheme != "https" or not parts.hostname:
            raise InvalidInput("directory_not_configured", field="DIRECTORY_URL")
        context = server_context(self.ca_pem)
        connection = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=self.timeout_s, context=context)
        try:
            connection.request("GET", parts.path or "/")
            answer = connection.getresponse()
            content = answer.read(LARGEST + 1)
        except (OSError, http.client.HTTPException) as error:
            raise RemoteUnavailable(code_of(error, "directory_unavailable"), detail=type(error).__name__) from None
        finally:
            connection.close()
        if answer.status != 200 or len(content) > LARGEST:
            raise RemoteUnavailable("directory_unavailable", detail=f"status {answer.status}, {len(content)} octets")
        return content


def _lines(content: bytes) -> Iterator[str]:
    """Yield the lines of an extract; one that ends in the middle of a line was cut, and is none."""
    try:
        text = _only_entry(content) if content.startswith(b"PK") else io.BytesIO(content)
        last = "\n"
        for last in io.TextIOWrapper(text, "utf-8", newline="\n"):
            yield last
    except (UnicodeDecodeError, zipfile.BadZipFile, EOFError, zlib.error):
        raise InvalidInput("extract_unreadable", field="extract") from None
    if not last.endswith("\n"):
        raise InvalidInput("extract_unreadable", field="last line")


def _only_entry(content: bytes) -> IO[bytes]:
    archive = zipfile.ZipFile(io.BytesIO(content))
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    if len(entries) != 1 or entries[0].file_size > LARGEST_TEXT:
        raise InvalidInput("extract_unreadable", field="archive")
    return archive.open(entries[0])
