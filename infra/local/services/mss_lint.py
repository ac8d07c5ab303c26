"""What a mail with a health document must be: the operator's linter. Every refusal names its rule.

| rule | says |
|---|---|
| `CRLF LINE_LENGTH NUL HEADER_ASCII EIGHT_BIT ENCODED_LINE` | octets and lines (`mss_wire`) |
| `HEADER_* MESSAGE_ID MIME FROM_LABEL SUBJECT X_MSS_NIL X_MSS_MES` | headers of every mail |
| `SENDER RECEIPTS REPLY_TO RECIPIENT` | headers and envelope agree: From, Return-Receipt-To and Disposition-Notification-To are the mailbox that sends |
| `PARTS TEXT ATTACHMENT_NAME` | one text, one IHE_XDM.zip, one PDF a document, names that every reader shows |
| `XDM_* ONE_PATIENT` | the archive (`mss_archive`) |
| `X_MSS_INS X_MSS_CODECDA SUBJECT PDF_NAME PDF_A PDF_SAME PATIENT_ADDRESS` | mail and document agree |

Source: Referentiel socle MSSante #2, ECO.1.1.1-2.4.3; RFC 2046, RFC 2183, RFC 8098; ISO 19005-1 §6.7.11.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from zoneinfo import ZoneInfo

from infra.local.services import mss_archive
from infra.local.services.mss_archive import Archive, Document, Wrong, must
from infra.local.services.mss_wire import Headers, check_encoded, check_headers, check_lines

ARCHIVE = "IHE_XDM.zip"
PREFIX = "XDM/1.0/DDM+"
MENTION = re.compile(r"\[[^\[\]]{1,40}\] ?")
LABEL_MAXIMUM = 40
PDF_NAME = re.compile(r"(\d{8})_([A-Z0-9-]+)_([A-Z-]+)_([A-Za-z-]+)(_[A-Za-z0-9-]+)?\.pdf\Z")
PDF_A_1 = re.compile(rb"pdfaid:part(?:>|=[\"'])1")
HERE = ZoneInfo("Europe/Paris")


@dataclass(frozen=True)
class Sent:
    """What the envelope said.

    Args:
        mailbox: Who logged in and sends.
        domains: Kind of each recipient's domain, by address (lower case).
    """

    mailbox: str
    recipients: list[str]
    domains: dict[str, str]
    eight_bit: bool = False


def findings(content: bytes, sent: Sent, trusted: Iterable[str] = ()) -> list[Wrong]:
    """Return what is wrong with a mail, stage by stage; a stage stops at its first finding, and the next needs it sound."""
    try:
        check_lines(content, eight_bit=sent.eight_bit)
        headers = Headers(content)
        check_headers(headers)
        _check_envelope(headers, sent, frozenset(trusted))
        text, archive, pdfs = _parts(content)
        _check_text(text)
        if archive is None:
            _check_bare(headers)
        else:
            _check_document_mail(headers, sent, mss_archive.read(archive), pdfs)
    except Wrong as wrong:
        return [wrong]
    return []


def _check_envelope(headers: Headers, sent: Sent, trusted: frozenset[str]) -> None:
    """Compare headers and envelope."""
    senders = [address for _, address in headers.addresses("From")]
    must(senders == [sent.mailbox.lower()], "SENDER", "From is the mailbox that sends, and no other")
    for name in ("Return-Receipt-To", "Disposition-Notification-To"):
        must(headers.get(name), "RECEIPTS", f"{name} is missing")
        asked = [address for _, address in headers.addresses(name)]
        must(asked == senders, "RECEIPTS", f"{name} differs from the sender: no receipt would come")
    shown = {address for name in ("To", "Cc") for _, address in headers.addresses(name)}
    must(set(sent.recipients) <= shown, "RECIPIENT", "a recipient of the envelope stands neither in To nor in Cc")
    must(shown <= set(sent.recipients), "RECIPIENT", "To or Cc names somebody the envelope does not")
    for _, address in headers.addresses("Reply-To"):
        must(address.rpartition("@")[2] in trusted, "REPLY_TO", "Reply-To is no MSSante address")
        must(address not in senders, "REPLY_TO", "Reply-To is the sending mailbox itself")


def _parts(content: bytes) -> tuple[EmailMessage, bytes | None, list[tuple[str, bytes]]]:
    """Return the text, the archive and the PDFs (name and bytes)."""
    mail = message_from_bytes(content, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    must(mail.get_content_type() == "multipart/mixed", "PARTS", "the mail is no multipart/mixed")
    must(not any(part.defects for part in mail.walk()), "PARTS", "a part is malformed")
    inside = [part for part in mail.iter_parts() if isinstance(part, EmailMessage)]
    must(inside, "PARTS", "the mail has no part")
    archives, pdfs = [], []
    for part in inside[1:]:
        name, body = _attachment(part)
        if part.get_content_type() == "application/zip":
            must(name == ARCHIVE, "ATTACHMENT_NAME", f"the archive is named {ARCHIVE}")
            archives.append(body)
        else:
            must(part.get_content_type() == "application/pdf", "PARTS", "an attachment is neither the archive nor a PDF")
            pdfs.append((name, body))
    must(len(archives) <= 1, "PARTS", "more than one archive")
    must(archives or not pdfs, "PARTS", "PDFs without the archive")
    return inside[0], archives[0] if archives else None, pdfs


def _attachment(part: EmailMessage) -> tuple[str, bytes]:
    """Return name and bytes of an attachment whose name every reader shows."""
    written = " ".join(str(value) for said, value in part.raw_items() if said.lower().startswith("content-"))
    name = str(part.get_filename() or "")
    must(part.get_content_disposition() == "attachment", "ATTACHMENT_NAME", "a part beside the text is no attachment")
    must(name and part.get_param("name") == name, "ATTACHMENT_NAME", "name and filename of an attachment differ")
    must(re.fullmatch(r"[A-Za-z0-9_.-]+", name), "ATTACHMENT_NAME", "the name of an attachment is not plain ASCII")
    must(not re.search(r"name\*", written), "ATTACHMENT_NAME", "a name is cut in pieces (RFC 2231)")
    encoding = str(part.get("Content-Transfer-Encoding", "")).lower()
    must(encoding == "base64", "PARTS", "an attachment is not in base64")
    check_encoded("an attachment", encoding, _raw(part))
    body = part.get_payload(decode=True)
    must(isinstance(body, bytes) and body, "PARTS", "an attachment is empty")
    return name, bytes(body)


def _raw(part: EmailMessage) -> bytes:
    payload = part.get_payload()
    return payload.encode("ascii", "replace").replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") if isinstance(payload, str) else b""


def _check_text(part: EmailMessage) -> None:
    """Check the body: plain text in UTF-8, alone or with the same in HTML."""
    plain = part
    if part.get_content_type() == "multipart/alternative":
        kinds = [inner.get_content_type() for inner in part.iter_parts()]
        must(kinds == ["text/plain", "text/html"], "TEXT", "an alternative is plain text, then HTML")
        plain = next(inner for inner in part.iter_parts() if isinstance(inner, EmailMessage))
    must(plain.get_content_type() == "text/plain", "TEXT", "the first part is no plain text")
    must(str(plain.get_content_charset() or "").lower() == "utf-8", "TEXT", "the text is not in UTF-8")
    check_encoded("the text", str(plain.get("Content-Transfer-Encoding", "")).lower(), _raw(plain))
    must(str(plain.get_content()).strip(), "TEXT", "the text is empty")


def _check_bare(headers: Headers) -> None:
    """Check a mail without a document: a notice."""
    for name, rule in (("X-MSS-INS", "X_MSS_INS"), ("X-MSS-CODECDA", "X_MSS_CODECDA")):
        must(not headers.has(name), rule, f"{name} without a CDA")
    must(not headers.get("Subject").startswith("XDM/"), "SUBJECT", "the subject announces an archive that is not there")


def _check_document_mail(headers: Headers, sent: Sent, archive: Archive, pdfs: list[tuple[str, bytes]]) -> None:
    """Compare the mail with the document it carries."""
    must(headers.get("X-MSS-INS") == ("O" if archive.qualified else "N"), "X_MSS_INS", "X-MSS-INS is not what the CDA says")
    codes = sorted(code.strip() for code in headers.get("X-MSS-CODECDA").split(","))
    must(codes == sorted(d.type_code for d in archive.documents), "X_MSS_CODECDA", "X-MSS-CODECDA is not that of the CDA")
    _check_subject(headers.get("Subject"), archive)
    for address in sent.recipients:
        if sent.domains.get(address) == "patient":
            mine = address.rpartition("@")[0].upper() == archive.matricule
            must(mine, "PATIENT_ADDRESS", "the address is not that of the document's patient")
    must(archive.action == "D" or len(pdfs) == len(archive.documents), "PARTS", "one PDF a document beside the archive")
    left = list(archive.documents)
    for name, body in pdfs:
        left.remove(_check_pdf(name, body, left))


def _check_subject(subject: str, archive: Archive) -> None:
    """Check prefix, label, names and birth date; a mention may stand before or after the prefix."""
    said = MENTION.sub("", subject, count=1) if subject.startswith("[") else subject
    must(said.startswith(PREFIX), "SUBJECT", f"the subject does not begin with {PREFIX}")
    first = archive.documents[0]
    born = f" {first.birth[6:8]}/{first.birth[4:6]}/{first.birth[:4]}" if first.birth else ""
    who = f" {_plain(first.family).upper()} {_plain(first.given)}"
    rest = said.removeprefix(PREFIX)
    rest = MENTION.sub("", rest, count=1) if rest.startswith("[") else rest
    must(born == "" or rest.endswith((who + born, who)), "SUBJECT", "the subject does not end with NOM prenom and birth date")
    must(rest.removesuffix(born).endswith(who), "SUBJECT", "the subject does not name the document's patient")
    label = rest.removesuffix(born).removesuffix(who)
    must(0 < len(label) <= LABEL_MAXIMUM, "SUBJECT", "the label has 1 to 40 characters")
    several = re.fullmatch(r"(\d+) documents", label)
    must(not several or int(several[1]) == len(archive.documents), "SUBJECT", "the label counts other documents")


def _check_pdf(name: str, body: bytes, left: list[Document]) -> Document:
    """Return the document a PDF shows."""
    found = PDF_NAME.match(name)
    must(found, "PDF_NAME", "a PDF is named date_type_NOM_prenom.pdf")
    assert found is not None
    must(body.startswith(b"%PDF-1.") and PDF_A_1.search(body), "PDF_A", "a PDF is no PDF/A-1")
    same = next((d for d in left if not d.cda.pdf or d.cda.pdf == body), None)
    must(same is not None, "PDF_SAME", "a PDF differs from the one inside the CDA")
    assert same is not None
    began = datetime.strptime(same.entry.slot("serviceStartTime"), "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    must(found[1] == began.astimezone(HERE).strftime("%Y%m%d"), "PDF_NAME", "the date is not that of the act")
    for said, trait, what in ((found[3], _word(same.family).upper(), "NOM"), (found[4], _word(same.given), "prenom")):
        must(trait.startswith(said.rstrip("-")) and (said or not trait), "PDF_NAME", f"the {what} is not that of the patient")
    return same


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().split())


def _word(text: str) -> str:
    return re.sub(r"[^A-Za-z]+", "-", _plain(text)).strip("-")
