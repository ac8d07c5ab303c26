"""The extract of mailboxes of the Annuaire Sante: a file of `|`-separated columns with their names in the first line.

Columns are found by their names, without accents or case, so that a column more or another order changes nothing.

Source: Annuaire Sante, extract of MSSante mailboxes: kind, address, identifiers of the person and of the structure.
"""

from __future__ import annotations

import io
import re
import unicodedata
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

from ris.adapters.dispatch.mss.mail import is_mail_address
from ris.adapters.dynamodb import by_who_must_act
from ris.application.dispatch.mail_port import DirectoryMailbox
from ris.domain.errors import InvalidInput, RemoteUnavailable

PREFIX = "directory/"
NAMES = {
    "kind": ("type de bal",),
    "address": ("adresse bal",),
    "person": ("identification nationale pp", "identifiant pp"),
    "structure": ("identification structure", "identifiant structure"),
    "label": ("service de rattachement", "raison sociale structure bal"),
    "red": ("liste rouge",),
}
REQUIRED = ("kind", "address", "person", "structure")
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
    return DirectoryMailbox(address, kind, rpps if kind == "PER" else "", structure, red, said.get("label", "")[:200])


class S3Extracts:
    """Implements `Extracts`: files under `directory/` of the messages bucket, plain text or one zip of one.

    Args:
        client: Gives `boto3.client("s3")`.
        bucket: The messages bucket.
    """

    def __init__(self, client: Callable[[], Any], bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def newest(self) -> str:
        """See the port."""
        with by_who_must_act():
            answer = self._client().list_objects_v2(Bucket=self._bucket, Prefix=PREFIX)
        listed = sorted((one["LastModified"], one["Key"]) for one in answer.get("Contents", []))
        return str(listed[-1][1]) if listed else ""

    def lines(self, key: str) -> Iterator[str]:
        """See the port."""
        from botocore.exceptions import ClientError

        try:
            with by_who_must_act():
                body = self._client().get_object(Bucket=self._bucket, Key=key)["Body"]
                content = body if not key.endswith(".zip") else io.BytesIO(body.read())
        except ClientError:
            raise RemoteUnavailable("document_unavailable") from None
        return _text_of(content, zipped=key.endswith(".zip"))


def _text_of(content: Any, *, zipped: bool) -> Iterator[str]:
    try:
        raw = _only_entry(content) if zipped else content
        if not zipped:
            for line in raw.iter_lines():
                yield line.decode("utf-8")
            return
        yield from io.TextIOWrapper(raw, "utf-8")
    except (UnicodeDecodeError, zipfile.BadZipFile):
        raise InvalidInput("extract_unreadable", field="extract") from None


def _only_entry(content: Any) -> Any:
    archive = zipfile.ZipFile(content)
    names = [entry for entry in archive.infolist() if not entry.is_dir() and entry.filename.lower().endswith(".txt")]
    if len(names) != 1:
        raise InvalidInput("extract_unreadable", field="archive")
    return archive.open(names[0])
