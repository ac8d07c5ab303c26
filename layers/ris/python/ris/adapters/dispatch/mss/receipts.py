"""What comes back: DSN from operators, MDN and plain answers from recipients, and which row they speak of.

Source: RFC 3464 (DSN), RFC 8098 (MDN); MSSante facts on acknowledgements and their correlation.
"""

from __future__ import annotations

import io
import re
import zipfile
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage, Message

KO = re.compile(r"\[(90[0-6])\].*XDM/1\.0/DDM\+", re.DOTALL)
_UNIQUE_ID = re.compile(rb'identificationScheme="urn:uuid:2e82c1f6-a085-4c72-9da3-8640a32e42ab"[^>]*value="([^"]{1,128})"')
_UNIQUE_ID_BACK = re.compile(rb'value="([^"]{1,128})"[^>]*identificationScheme="urn:uuid:2e82c1f6-a085-4c72-9da3-8640a32e42ab"')
_ARCHIVE_MAXIMUM = 4 * 1024 * 1024


@dataclass(frozen=True)
class Receipt:
    """One receipt.

    Args:
        kind: `delivered failed delayed relayed` (DSN), `read processed deleted error` (MDN), `ko` (plain answer), `other`.
        envelope_id: ENVID of a DSN; `message_id` without brackets; `recipient` lower case; `document_id` from a returned archive.
        code: DSN status (`5.1.1`) or application code (`902`); `words` the sender's own.
    """

    kind: str
    envelope_id: str = ""
    message_id: str = ""
    recipient: str = ""
    document_id: str = ""
    code: str = ""
    words: str = ""
    sender: str = ""


def read_receipts(content: bytes) -> list[Receipt]:
    """Return what one mail says, one receipt per recipient it names; a mail that is no receipt says `other`.

    Never raises: what cannot be read is `other`, kept for a person.
    """
    mail = message_from_bytes(content, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    kind = mail.get_content_type()
    report_type = str(mail.get_param("report-type") or "").lower()
    if kind == "multipart/report" and report_type == "delivery-status":
        return _delivery_status(mail) or [_other(mail)]
    if kind == "multipart/report" and report_type == "disposition-notification":
        return [_disposition(mail)]
    return [_plain(mail)]


def _delivery_status(mail: EmailMessage) -> list[Receipt]:
    """Read a DSN: per-message fields, then one group per recipient; only *failed* is final (hard cases, 26)."""
    part = next((p for p in mail.walk() if p.get_content_type() == "message/delivery-status"), None)
    groups = [p for p in part.get_payload() if isinstance(p, Message)] if part is not None and part.is_multipart() else []
    if not groups:
        return []
    envelope = _field(groups[0], "Original-Envelope-Id")
    original = _returned_message_id(mail)
    found = []
    for group in groups[1:]:
        action = _field(group, "Action").lower()
        kind = {
            "delivered": "delivered",
            "failed": "failed",
            "delayed": "delayed",
            "relayed": "relayed",
            "expanded": "relayed",
        }.get(action)
        if kind:
            recipient = _address(_field(group, "Original-Recipient") or _field(group, "Final-Recipient"))
            words = _field(group, "Diagnostic-Code")
            found.append(Receipt(kind, envelope, original, recipient, "", _field(group, "Status"), words, _sender(mail)))
    return found


def _disposition(mail: EmailMessage) -> Receipt:
    """Read an MDN: *deleted* is neither read nor failed, *processed/Error* is a failure."""
    part = next((p for p in mail.walk() if p.get_content_type() == "message/disposition-notification"), None)
    fields = _fields_of(part)
    disposition = _field(fields, "Disposition")
    original = _bare(_field(fields, "Original-Message-ID")) or _bare(str(mail.get("In-Reply-To") or ""))
    recipient = _address(_field(fields, "Original-Recipient") or _field(fields, "Final-Recipient"))
    action, _, modifier = disposition.rpartition(";")[2].strip().partition("/")
    code = re.search(r"\b(90[0-6])\b", modifier)
    words = modifier.partition("^")[2].strip() or modifier.partition(":")[2].strip()
    kind = {"displayed": "read", "processed": "processed", "dispatched": "processed", "deleted": "deleted"}.get(
        action.strip().lower(), "other"
    )
    if modifier.strip().lower().startswith(("error", "failure")):
        kind = "error"
    return Receipt(kind, "", original, recipient, "", code.group(1) if code else "", words[:200], _sender(mail))


def _plain(mail: EmailMessage) -> Receipt:
    """Read a plain answer: a KO by its subject, correlated by what it returns."""
    subject = str(mail.get("Subject") or "")
    found = KO.search(subject)
    if not found:
        return _other(mail)
    returned = _returned_message_id(mail) or _bare(str(mail.get("In-Reply-To") or ""))
    return Receipt("ko", "", returned, "", _document_in_archive(mail), found.group(1), "", _sender(mail))


def _other(mail: EmailMessage) -> Receipt:
    """Return a mail that says nothing of a row."""
    return Receipt("other", message_id=_bare(str(mail.get("In-Reply-To") or "")), sender=_sender(mail))


def _returned_message_id(mail: EmailMessage) -> str:
    """Return the Message-ID of the original that a receipt carries."""
    for part in mail.walk():
        kind = part.get_content_type()
        if kind == "message/rfc822":
            inner = part.get_payload(0) if part.is_multipart() else None
            if isinstance(inner, Message):
                return _bare(str(inner.get("Message-ID") or ""))
        if kind == "text/rfc822-headers":
            content = part.get_payload(decode=True)
            if isinstance(content, bytes):
                return _bare(str(message_from_bytes(content, policy=policy.default).get("Message-ID") or ""))
    return ""


def _document_in_archive(mail: EmailMessage) -> str:
    """Return the uniqueId in the METADATA of a returned archive; entry names are never written anywhere."""
    for part in mail.walk():
        content = part.get_payload(decode=True)
        if not isinstance(content, bytes) or not content.startswith(b"PK"):
            continue
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                for entry in archive.infolist():
                    name = entry.filename.replace("\\", "/").upper()
                    if name.endswith("METADATA.XML") and entry.file_size <= _ARCHIVE_MAXIMUM:
                        text = archive.read(entry)
                        match = _UNIQUE_ID.search(text) or _UNIQUE_ID_BACK.search(text)
                        return match.group(1).decode("utf-8", "replace") if match else ""
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, ValueError):
            continue
    return ""


def _fields_of(part: Message | None) -> Message:
    """Return the header-like fields of a machine part, however the parser nested them."""
    if part is None:
        return Message()
    if part.is_multipart():
        payload = part.get_payload()
        return payload[0] if isinstance(payload, list) and payload and isinstance(payload[0], Message) else Message()
    content = part.get_payload(decode=True)
    return message_from_bytes(content if isinstance(content, bytes) else b"", policy=policy.default)


def _field(fields: Message, name: str) -> str:
    """Return one field, unfolded."""
    return " ".join(str(fields.get(name) or "").split())


def _address(text: str) -> str:
    """Return the address of `rfc822;address`."""
    return text.rpartition(";")[2].strip().strip("<>").lower()


def _bare(message_id: str) -> str:
    """Return a Message-ID without brackets or spaces."""
    return "".join(message_id.split()).strip("<>")


def _sender(mail: EmailMessage) -> str:
    """Return who answered."""
    found = re.search(r"[\w.!#$%&'*+/=?^`{|}~-]+@[\w.-]+", str(mail.get("From") or ""))
    return found.group(0).lower() if found else ""
