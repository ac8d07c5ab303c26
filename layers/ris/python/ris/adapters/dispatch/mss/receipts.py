"""What comes back: DSN from operators, MDN and plain answers from recipients, and which row they speak of.

Source: RFC 3464 (DSN), RFC 8098 (MDN); MSSante facts on acknowledgements and their correlation.
"""

from __future__ import annotations

import re
from email import message_from_bytes, policy
from email.message import EmailMessage, Message

from ris.adapters.dispatch.mss.returned_archive import document_in
from ris.application.dispatch.mail_port import Receipt

KO = re.compile(r"\[(90[0-6])\].*XDM/1\.0/DDM\+", re.DOTALL)
_CODE = re.compile(r"\b(90[0-6])\b")
_WORDS_MAXIMUM = 200
_ACTIONS = {"delivered": "delivered", "failed": "failed", "delayed": "delayed", "relayed": "relayed", "expanded": "relayed"}
_DISPOSITIONS = {"displayed": "read", "processed": "processed", "dispatched": "processed", "deleted": "deleted"}


class MailReceipts:
    """Implements `ReceiptReader`."""

    def read(self, content: bytes) -> list[Receipt]:
        """See the port."""
        return read_receipts(content)


def read_receipts(content: bytes) -> list[Receipt]:
    """Return what one mail says, one receipt per recipient it names; a mail that is no receipt says `other`.

    Args:
        content: The mail, or its beginning: the machine's part precedes what is returned.

    Never raises: what cannot be read is `other`, kept for a person.
    """
    try:
        return _read(message_from_bytes(content, policy=policy.default))
    except Exception:  # The parser of the standard library raises at will on what a stranger writes in a header.
        return [Receipt("other")]


def _read(mail: Message) -> list[Receipt]:
    report_type = str(mail.get_param("report-type") or "").lower()
    kinds = {part.get_content_type() for part in _parts(mail)}
    if mail.get_content_type() == "multipart/report":
        if report_type == "delivery-status" or "message/delivery-status" in kinds:
            return _delivery_status(mail) or [_other(mail)]
        if report_type == "disposition-notification" or "message/disposition-notification" in kinds:
            return [_disposition(mail)]
    return [_plain(mail)]


def _parts(mail: Message) -> list[Message]:
    """Return the parts of the mail itself: nothing of a mail it returns."""
    found = [mail]
    inside = mail.get_payload() if mail.get_content_maintype() == "multipart" and mail.is_multipart() else []
    for part in inside if isinstance(inside, list) else []:
        if isinstance(part, Message):
            found += _parts(part)
    return found


def _part(mail: Message, kind: str) -> Message | None:
    return next((part for part in _parts(mail) if part.get_content_type() == kind), None)


def _delivery_status(mail: Message) -> list[Receipt]:
    """Read a DSN: per-message fields, then one group per recipient; only *failed* is final (hard cases, 26)."""
    part = _part(mail, "message/delivery-status")
    groups = part.get_payload() if part is not None and part.is_multipart() else []
    filled = [group for group in groups if isinstance(group, Message) and group.keys()] if isinstance(groups, list) else []
    if not filled:
        return []
    envelope = _field(filled[0], "Original-Envelope-Id")
    original = _returned_message_id(mail)
    found = []
    for group in filled:
        kind = _ACTIONS.get(_field(group, "Action").partition(" ")[0].lower())
        if kind:
            recipient = _address(_field(group, "Original-Recipient") or _field(group, "Final-Recipient"))
            words = _field(group, "Diagnostic-Code")[:_WORDS_MAXIMUM]
            status = _field(group, "Status").partition(" ")[0]
            found.append(Receipt(kind, envelope, original, recipient, "", status, words, _sender(mail)))
    return found


def _disposition(mail: Message) -> Receipt:
    """Read an MDN: *deleted* is neither read nor failed, *processed/Error* is a failure."""
    fields = _fields_of(_part(mail, "message/disposition-notification"))
    said = _field(fields, "Disposition")
    original = _bare(_field(fields, "Original-Message-ID")) or _reply_of(mail) or _returned_message_id(mail)
    recipient = _address(_field(fields, "Original-Recipient") or _field(fields, "Final-Recipient"))
    action, _, modifier = (said.partition(";")[2] if ";" in said else said).strip().partition("/")
    if not modifier.strip().lower().startswith(("error", "failure")):
        return Receipt(_DISPOSITIONS.get(action.strip().lower(), "other"), "", original, recipient, sender=_sender(mail))
    code = _CODE.search(modifier) or _CODE.search(_field(fields, "Error")) or KO.search(_subject(mail))
    words = modifier.partition("^")[2].strip() or modifier.partition(":")[2].strip()
    return Receipt("error", "", original, recipient, "", code.group(1) if code else "", words[:_WORDS_MAXIMUM], _sender(mail))


def _plain(mail: Message) -> Receipt:
    """Read a plain answer: a KO by its subject, correlated by what it returns."""
    found = KO.search(_subject(mail))
    if not found:
        return _other(mail)
    returned = _returned_message_id(mail) or _reply_of(mail)
    return Receipt("ko", "", returned, "", document_in(mail), found.group(1), "", _sender(mail))


def _other(mail: Message) -> Receipt:
    """Return a mail that says nothing of a row."""
    return Receipt("other", message_id=_reply_of(mail), sender=_sender(mail))


def _subject(mail: Message) -> str:
    return str(mail.get("Subject") or "")


def _reply_of(mail: Message) -> str:
    """Return the first Message-ID of In-Reply-To."""
    return _bare(str(mail.get("In-Reply-To") or "").partition(">")[0])


def _returned_message_id(mail: Message) -> str:
    """Return the Message-ID of the original that a receipt carries."""
    for part in _parts(mail):
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


def _fields_of(part: Message | None) -> Message:
    """Return the header-like fields of a machine part, however the parser nested them."""
    if part is None:
        return EmailMessage()
    payload = part.get_payload()
    if part.is_multipart() and isinstance(payload, list):
        return next((inner for inner in payload if isinstance(inner, Message)), EmailMessage())
    content = part.get_payload(decode=True)
    return message_from_bytes((content if isinstance(content, bytes) else b"").lstrip(), policy=policy.default)


def _field(fields: Message, name: str) -> str:
    """Return one field, unfolded."""
    return " ".join(str(fields.get(name) or "").split())


def _address(text: str) -> str:
    """Return the address of `rfc822;address`."""
    return text.rpartition(";")[2].strip().strip("<>").lower()


def _bare(message_id: str) -> str:
    """Return a Message-ID without brackets or spaces."""
    return "".join(message_id.split()).strip("<>")


def _sender(mail: Message) -> str:
    """Return who answered."""
    found = re.search(r"[\w.!#$%&'*+/=?^`{|}~-]+@[\w.-]+", str(mail.get("From") or ""))
    return found.group(0).lower() if found else ""
