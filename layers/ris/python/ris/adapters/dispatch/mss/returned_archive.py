"""The archive that an answer returns: other software wrote its names, so only its METADATA.XML is read, in memory.

Names are never used as paths: letter case, backslashes, an outer folder or `..` change nothing. Links, encrypted entries, an entry that stands
twice and whatever unpacks to more than metadata may are not read.

Source: IHE ITI TF-2 §3.32; hard cases of archives that come back.
"""

from __future__ import annotations

import io
import stat
import zipfile
import zlib
from email.message import Message

from ris.adapters.dispatch.xds import DOCUMENT_SCHEMES

METADATA_MAXIMUM = 4 * 1024 * 1024
ENTRIES_MAXIMUM = 1000
_IDENTIFIER = "{urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0}ExternalIdentifier"


def document_in(mail: Message) -> str:
    """Return the uniqueId of the one document of a returned archive; empty when there is none or more than one."""
    for part in mail.walk():
        content = part.get_payload(decode=True)
        if isinstance(content, bytes) and content.startswith(b"PK"):
            return document_of(content)
    return ""


def document_of(archive: bytes) -> str:
    """Return the uniqueId in an archive's METADATA.XML; empty when it cannot be told."""
    from lxml import etree

    metadata = _metadata(archive)
    if not metadata:
        return ""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(metadata, parser)
    except (etree.XMLSyntaxError, ValueError):
        return ""
    found = {
        str(node.get("value") or "")
        for node in root.iter(_IDENTIFIER)
        if node.get("identificationScheme") == DOCUMENT_SCHEMES["uniqueId"]
    } - {""}
    return found.pop() if len(found) == 1 else ""


def _metadata(archive: bytes) -> bytes:
    """Return METADATA.XML, or nothing."""
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            entries = [entry for entry in opened.infolist()[:ENTRIES_MAXIMUM] if _is_metadata(entry)]
            return opened.read(entries[0]) if len(entries) == 1 else b""
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, OSError, ValueError, EOFError):
        return b""


def _is_metadata(entry: zipfile.ZipInfo) -> bool:
    name = entry.filename.replace("\\", "/").upper().rpartition("/")[2]
    plain = not stat.S_ISLNK(entry.external_attr >> 16) and not entry.flag_bits & 1
    return name == "METADATA.XML" and plain and entry.file_size <= METADATA_MAXIMUM
