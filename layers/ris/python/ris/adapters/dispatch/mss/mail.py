"""The mail that carries a health document: one patient, one recipient, headers in ASCII, the same Message-ID for the same row.

Source: Referentiel socle MSSante #2 (ECO.2.x); RFC 5322, 2045, 2231, 8098; Segur MSS.08-19, MSS.22.
"""

from __future__ import annotations

import re
import unicodedata
import uuid
from datetime import datetime
from email.message import EmailMessage, Message, MIMEPart
from email.policy import SMTP
from email.utils import format_datetime
from zoneinfo import ZoneInfo

from ris.adapters.dispatch.dmp.settings import DmpSettings
from ris.adapters.dispatch.mss.xdm import xdm_archive
from ris.application.dispatch.mail_port import Letter, Mailbox, ReportDocuments
from ris.domain.errors import InvalidInput
from ris.domain.report.frozen import FrozenReport
from ris.domain.report.version import CDA, PDF

TYPE_LABEL = "CR d'imagerie medicale"
LABEL_MAXIMUM = 40
FILE_NAME_MAXIMUM = 56
ACTIONS = {"create": "", "replace": "C", "delete": "D"}
"""The extra metadatum of an archive that replaces or asks for a deletion."""
HEADER_LINE, ENCODED_LINE = 998, 76
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"(?=[^@]{{1,64}}@.{{1,253}}\Z){_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})+")

# What NFKD does not take apart.
_SPELLED = str.maketrans(
    {
        "œ": "oe", "Œ": "OE", "æ": "ae", "Æ": "AE", "ß": "ss", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D",
        "ð": "d", "Ð": "D", "þ": "th", "Þ": "TH", "ı": "i", "ħ": "h", "Ħ": "H", "’": "'", "‘": "'", "‐": "-", "‑": "-", "–": "-", "—": "-",
    }
)  # fmt: skip


class XdmMailWriter:
    """Implements `MailWriter`: the CDA in IHE_XDM.zip, the PDF beside it.

    Args:
        settings: Codes and the identifier of this installation, for METADATA.XML.
    """

    def __init__(self, settings: DmpSettings) -> None:
        self._settings = settings

    def write(self, documents: ReportDocuments, letter: Letter, mailbox: Mailbox, *, sent_at: datetime) -> bytes:
        """See the port."""
        archive = xdm_archive(documents.report, documents.files[CDA], self._settings, action=ACTIONS[letter.kind])
        mail = compose(documents.report, letter, mailbox, archive=archive, pdf=documents.files[PDF], sent_at=sent_at)
        return mail.as_bytes()


def is_mail_address(text: str) -> bool:
    """Tell whether a text is a mail address in ASCII, of a domain with at least two names (RFC 5321, §4.1.2, without quotes)."""
    return _ADDRESS.fullmatch(text) is not None


def message_id(number: str, mailbox: str) -> str:
    """Return the Message-ID of a row: the same each time it is sent."""
    return f"<{uuid.UUID(number)}@{mailbox.rpartition('@')[2]}>"


def compose(
    report: FrozenReport, letter: Letter, settings: Mailbox, *, archive: bytes, pdf: bytes, sent_at: datetime
) -> EmailMessage:
    """Return the mail.

    Args:
        archive: IHE_XDM.zip; `pdf` the PDF/A-1 of the same version.
        sent_at: Date of the mail, aware.

    Raises:
        InvalidInput: `address_malformed` when the recipient's, the mailbox's or the return address is none.
    """
    addresses = {"recipient": letter.recipient, "mailbox": settings.address, "reply_to": settings.reply_to or settings.address}
    for field, address in addresses.items():
        if not is_mail_address(address):
            raise InvalidInput("address_malformed", field=field)
    mail = EmailMessage(policy=SMTP.clone(max_line_length=HEADER_LINE))
    label = ascii_text(settings.label) or ascii_text(report.structure.name) or settings.address.partition("@")[0]
    mail["From"] = f'"{label}" <{settings.address}>'
    mail["To"] = letter.recipient
    if settings.reply_to:
        mail["Reply-To"] = settings.reply_to
    mail["Subject"] = subject(report, kind=letter.kind)
    mail["Date"] = format_datetime(sent_at.astimezone(ZoneInfo(report.time_zone)))
    mail["Message-ID"] = message_id(letter.number, settings.address)
    if letter.in_reply_to:
        mail["In-Reply-To"] = mail["References"] = message_id(letter.in_reply_to, settings.address)
    mail["MIME-Version"] = "1.0"
    mail["X-MSS-INS"] = "O" if report.identity is not None else "N"
    mail["X-MSS-CODECDA"] = "18748-4"
    if product := ascii_text(settings.product):
        mail["X-MSS-NIL"] = product
    mail["Disposition-Notification-To"] = settings.address
    mail["Return-Receipt-To"] = settings.address
    if letter.final:
        mail["X-MSS-MES"] = "FIN"
    text = MIMEPart(policy=SMTP.clone(max_line_length=ENCODED_LINE))
    text.set_content(body_text(report, kind=letter.kind), charset="utf-8", cte="quoted-printable")
    parts: list[Message | str] = [text, _attachment(archive, "application", "zip", "IHE_XDM.zip")]
    if letter.kind != "delete":
        parts.append(_attachment(pdf, "application", "pdf", pdf_file_name(report)))
    # No part holds "=_": quoted-printable escapes the equals sign, base64 has no underscore.
    mail.make_mixed(boundary=f"=_{letter.number}")
    mail.set_payload(parts)
    return mail


def subject(report: FrozenReport, *, kind: str) -> str:
    """Return the subject: prefix, label, family name in capitals, given name, birth date; ASCII on one line."""
    traits = report.identity.traits if report.identity is not None else report.traits
    mention = {"replace": "[Annule et remplace] ", "delete": "[Suppression] "}.get(kind, "")
    birth = f"{traits.birth_date:%d/%m/%Y}" if traits.birth_date else ""
    words = (TYPE_LABEL[:LABEL_MAXIMUM], ascii_text(traits.birth_family).upper(), ascii_text(traits.birth_given), birth)
    return f"XDM/1.0/DDM+{mention}{' '.join(filter(None, words))}"


def pdf_file_name(report: FrozenReport) -> str:
    """Return `date_type_NOM_prenom.pdf`: ASCII, short enough to stay one parameter (ECO.2.1.6)."""
    traits = report.identity.traits if report.identity is not None else report.traits
    day = report.performed_start.astimezone(ZoneInfo(report.time_zone)).strftime("%Y%m%d")
    room = FILE_NAME_MAXIMUM - len(f"{day}_CR-IMAGERIE__.pdf")
    given = _cut(_file_word(traits.birth_given), room // 3)
    family = _cut(_file_word(traits.birth_family).upper(), room - len(given))
    return f"{day}_CR-IMAGERIE_{family}_{given}.pdf"


def body_text(report: FrozenReport, *, kind: str) -> str:
    """Return the words of the mail, as the person receives them."""
    opening = {
        "create": "Vous trouverez ci-joint un compte rendu d'imagerie.",
        "replace": "Vous trouverez ci-joint un compte rendu d'imagerie qui annule et remplace celui envoyé précédemment.",
        "delete": "Le compte rendu d'imagerie joint a été supprimé par son auteur : merci de le supprimer de votre dossier.",
    }[kind]
    lines = [
        "Bonjour,",
        "",
        opening,
        f"Examen : {report.title}",
        "",
        report.structure.name,
        *report.structure.address,
        "",
        "Message envoyé automatiquement ; merci de ne pas répondre à l'adresse d'envoi.",
        "",
    ]
    return "\n".join("".join(c if c.isprintable() else " " for c in line) for line in lines)


def ascii_text(text: str) -> str:
    """Return text for a header: unaccented ASCII on one line, without quotes or backslashes."""
    plain = unicodedata.normalize("NFKD", text.translate(_SPELLED)).encode("ascii", "ignore").decode()
    return " ".join("".join(c if c.isprintable() and c not in '"\\' else " " for c in plain).split())


def _file_word(text: str) -> str:
    """Return a word of a file name: letters and hyphens, `X` when nothing is left."""
    return re.sub(r"[^A-Za-z]+", "-", ascii_text(text)).strip("-") or "X"


def _cut(word: str, length: int) -> str:
    return word[:length].rstrip("-")


def _attachment(content: bytes, maintype: str, subtype: str, name: str) -> MIMEPart:
    """Return bytes under a name in both headers, in lines of base64 that RFC 2045 allows."""
    part = MIMEPart(policy=SMTP.clone(max_line_length=ENCODED_LINE))
    part.set_content(content, maintype=maintype, subtype=subtype, disposition="attachment", filename=name, params={"name": name})
    return part
