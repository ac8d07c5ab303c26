"""What comes back to a sender: delivery reports of operators, receipts and refusals of recipients, written line by line.

Each is a step of a plan: `{"answer": kind, …}`. Kinds and their own keys:

| answer | keys |
|---|---|
| `dsn` | `action` (`delivered failed delayed relayed expanded`), `status`, `words`; `fold` (Original-Envelope-Id on two lines), `without` (`envelope_id original_recipient returned`) |
| `mdn` | `disposition` (`processed displayed deleted dispatched`), `code` 900-906 (then `processed/Error`), `brackets` (`yes no spaced`), `without` (`original_message_id in_reply_to original_recipient returned`) |
| `ko` | `code`: a standard mail; `subject` (`usual`, or `example`: as in the guide's, with U+2019), `returned` (`message archive none`), `archive` (`same backslashes outer_folder parent_folder lower_case`), `in_reply_to` (false) |
| `reply` | `text`: a person's answer, no receipt |

All: `sender` (another address than the recipient's), `envelope_id` and `message_id` (others than the mail's: nobody can correlate).

Source: RFC 3462, RFC 3464, RFC 8098; Referentiel socle MSSante #2, ECO.3.1; guide of the LPS flow (courriel standard).
"""

from __future__ import annotations

import io
import uuid
import zipfile
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.header import Header
from email.utils import format_datetime
from typing import Any

LABELS = {
    "900": "Version non supportée",
    "901": "Auteur non autorisé",
    "902": "Patient inconnu",
    "903": "INS absente",
    "904": "INS discordante",
    "905": "INS incomplète",
    "906": "Autre erreur",
}
ACTIONS = {
    "delivered": ("Successful Mail Delivery Report", "2.0.0", "250 2.0.0 Ok"),
    "relayed": ("Successful Mail Delivery Report", "2.0.0", "250 2.0.0 Relayed"),
    "expanded": ("Successful Mail Delivery Report", "2.0.0", "250 2.0.0 Expanded"),
    "delayed": ("Delayed Mail (still being retried)", "4.4.1", "451 4.4.1 No answer from host"),
    "failed": ("Undelivered Mail Returned to Sender", "5.1.1", "550 5.1.1 User unknown"),
}
ARCHIVE = "IHE_XDM.zip"
FOLDED = "\r\n\t"


@dataclass(frozen=True)
class Mail:
    """A mail that was taken for one recipient.

    Args:
        content: The DATA.
        original_recipient: ORCPT, its address decoded, or empty.
        full: The sender asked RET=FULL.
    """

    content: bytes
    sender: str
    recipient: str
    message_id: str
    envelope_id: str
    original_recipient: str
    full: bool
    subject: str


def answer(step: dict[str, Any], mail: Mail, *, operator: str, at: datetime) -> bytes:
    """Return one answer.

    Args:
        operator: Domain of the operator that writes reports.
        at: Date of the answer, aware.

    Raises:
        ValueError: No such answer.
    """
    writer = WRITERS.get(str(step.get("answer")))
    if writer is None:
        raise ValueError(f"an answer is one of {sorted(WRITERS)}")
    return writer(step, mail, operator, at)


def _dsn(step: dict[str, Any], mail: Mail, operator: str, at: datetime) -> bytes:
    action = str(step.get("action", "delivered"))
    if action not in ACTIONS:
        raise ValueError(f"an action is one of {sorted(ACTIONS)}")
    subject, status, words = ACTIONS[action]
    without, envelope = set(step.get("without", ())), str(step.get("envelope_id", mail.envelope_id))
    fields = [f"Reporting-MTA: dns; smtp.{operator}"]
    if envelope and "envelope_id" not in without:
        fields.append(f"Original-Envelope-Id:{FOLDED if step.get('fold') else ' '}{envelope}")
    fields += [f"Arrival-Date: {format_datetime(at)}", "", f"Final-Recipient: rfc822; {mail.recipient}"]
    if mail.original_recipient and "original_recipient" not in without:
        fields.append(f"Original-Recipient: rfc822;{mail.original_recipient}")
    fields += [f"Action: {action}", f"Status: {step.get('status', status)}"]
    fields.append(f"Diagnostic-Code: smtp; {step.get('words', words)}")
    parts = [
        _text(f"{subject}\r\n\r\n<{mail.recipient}>: {step.get('words', words)}\r\n"),
        "Content-Type: message/delivery-status\r\n\r\n" + "\r\n".join(fields) + "\r\n",
    ]
    if "returned" not in without:
        headers = _head(_returned(step, mail))
        whole = f"Content-Type: message/rfc822\r\n\r\n{_returned(step, mail).decode('latin-1')}"
        parts.append(whole if mail.full else f"Content-Type: text/rfc822-headers\r\n\r\n{headers}\r\n")
    sender = f"Mail Delivery System <MAILER-DAEMON@{operator}>"
    return _mail(
        sender, mail, at, subject, "multipart/report; report-type=delivery-status", parts, {"Auto-Submitted": "auto-replied"}
    )


def _mdn(step: dict[str, Any], mail: Mail, operator: str, at: datetime) -> bytes:
    code, without = str(step.get("code", "")), set(step.get("without", ()))
    said = str(step.get("disposition", "processed"))
    disposition = f"automatic-action/MDN-sent-automatically; {said}"
    if said in {"displayed", "deleted"} and not code:
        disposition = f"manual-action/MDN-sent-manually; {said}"
    fields = [f"Reporting-UA: lps.{operator}; LPS 1.0"]
    if mail.original_recipient and "original_recipient" not in without:
        fields.append(f"Original-Recipient: rfc822;{mail.original_recipient}")
    fields.append(f"Final-Recipient: rfc822;{mail.recipient}")
    shaped = _bracketed(str(step.get("message_id", mail.message_id)), str(step.get("brackets", "yes")))
    if "original_message_id" not in without:
        fields.append(f"Original-Message-ID: {shaped}")
    # The label has accents: UTF-8 in the field, as recipients do send it.
    label = LABELS[code].encode().decode("latin-1") if code else ""
    fields.append(f"Disposition: {disposition}{f'/Error: {code}^{label}' if code else ''}")
    words = f"{code} {LABELS[code]}" if code else "Votre document a été pris en charge."
    parts = [
        _text(words + "\r\n"),
        "Content-Type: message/disposition-notification\r\n\r\n" + "\r\n".join(fields) + "\r\n",
    ]
    if "returned" not in without:
        parts.append(f"Content-Type: message/rfc822\r\n\r\n{_returned(step, mail).decode('latin-1')}")
    subject = f"{f'[KO Intégration système !][{code}] ' if code else ''}{mail.subject}"
    more = {} if "in_reply_to" in without else {"In-Reply-To": str(step.get("message_id", mail.message_id))}
    kind = "multipart/report; report-type=disposition-notification"
    return _mail(str(step.get("sender", mail.recipient)), mail, at, subject, kind, parts, more)


def _ko(step: dict[str, Any], mail: Mail, _: str, at: datetime) -> bytes:
    code = str(step.get("code", "906"))
    opening = "[Erreur d\u2019intégration !]" if step.get("subject") == "example" else "[KO Intégration système !]"
    parts = [_text(f"{code} {LABELS[code]}\r\n")]
    returned = str(step.get("returned", "message"))
    if returned == "message":
        parts.append(f"Content-Type: message/rfc822\r\n\r\n{_returned(step, mail).decode('latin-1')}")
    if returned == "archive":
        parts.append(_attached(ARCHIVE, "application/zip", reshaped(archive_of(mail.content), str(step.get("archive", "same")))))
    more = {"In-Reply-To": str(step.get("message_id", mail.message_id))} if step.get("in_reply_to") else {}
    subject = f"{opening}[{code}] {mail.subject}"
    return _mail(str(step.get("sender", mail.recipient)), mail, at, subject, "multipart/mixed", parts, more)


def _reply(step: dict[str, Any], mail: Mail, _: str, at: datetime) -> bytes:
    parts = [_text(f"{step.get('text', 'Bien reçu.')}\r\n")]
    more = {"In-Reply-To": mail.message_id, "References": mail.message_id}
    return _mail(str(step.get("sender", mail.recipient)), mail, at, f"Re: {mail.subject}", "multipart/mixed", parts, more)


WRITERS: dict[str, Callable[[dict[str, Any], Mail, str, datetime], bytes]] = {
    "dsn": _dsn,
    "mdn": _mdn,
    "ko": _ko,
    "reply": _reply,
}


def archive_of(content: bytes) -> bytes:
    """Return the archive a mail carried, or nothing."""
    for part in message_from_bytes(content, policy=policy.default).walk():
        if part.get_content_type() == "application/zip":
            body = part.get_payload(decode=True)
            return body if isinstance(body, bytes) else b""
    return b""


def reshaped(archive: bytes, how: str) -> bytes:
    """Return an archive whose names another software wrote otherwise.

    Args:
        how: `same`, `backslashes`, `outer_folder`, `lower_case`, or `parent_folder` (names that leave the folder).
    """
    if how == "same" or not archive:
        return archive
    shapes: dict[str, Callable[[str], str]] = {
        "backslashes": lambda name: name.replace("/", "\\"),
        "outer_folder": lambda name: f"retour/{name}",
        "lower_case": str.lower,
        "parent_folder": lambda name: f"../../{name}",
    }
    written = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as before, zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as after:
        for entry in before.infolist():
            after.writestr(shapes[how](entry.filename), before.read(entry))
    return written.getvalue()


def _returned(step: dict[str, Any], mail: Mail) -> bytes:
    """Return the original that an answer carries; another Message-ID when nobody is to correlate it."""
    other = str(step.get("message_id", mail.message_id))
    return mail.content.replace(mail.message_id.encode(), other.encode(), 1) if other != mail.message_id else mail.content


def _bracketed(message_id: str, brackets: str) -> str:
    bare = message_id.strip("<>")
    return {"yes": f"<{bare}>", "no": bare, "spaced": f"<{bare} >"}[brackets]


def _head(content: bytes) -> str:
    return content.split(b"\r\n\r\n", 1)[0].decode("latin-1")


def _text(words: str) -> str:
    return f"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n{_lines(words.encode())}"


def _attached(name: str, kind: str, content: bytes) -> str:
    head = f'Content-Type: {kind}; name={name}\r\nContent-Disposition: attachment; filename="{name}"'
    return f"{head}\r\nContent-Transfer-Encoding: base64\r\n\r\n{_lines(content)}"


def _lines(content: bytes) -> str:
    text = b64encode(content).decode()
    return "\r\n".join(text[at : at + 76] for at in range(0, len(text), 76)) + "\r\n"


def _mail(sender: str, mail: Mail, at: datetime, subject: str, kind: str, parts: list[str], more: dict[str, str]) -> bytes:
    """Return one mail to the sender of the original; parts hold octets as Latin-1 or are UTF-8 text."""
    boundary = f"=_{uuid.uuid4().hex}"
    head = {
        "From": sender,
        "To": mail.sender,
        "Subject": subject if subject.isascii() else Header(subject, "utf-8", header_name="Subject").encode(linesep="\r\n"),
        "Date": format_datetime(at),
        "Message-ID": f"<{uuid.uuid4()}@{sender.rstrip('>').rpartition('@')[2]}>",
        **more,
        "MIME-Version": "1.0",
        "Content-Type": f'{kind};\r\n\tboundary="{boundary}"',
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    body = "".join(f"--{boundary}\r\n{part}\r\n" for part in parts)
    return b"".join((lines.encode(), b"\r\n", _octets(body), f"--{boundary}--\r\n".encode()))


def _octets(body: str) -> bytes:
    """Return the octets of parts: Latin-1 text stands for octets."""
    return body.encode("latin-1", "replace")
