"""The mail that carries a health document: one patient, one recipient, headers in ASCII, the same Message-ID for the same row.

Source: Referentiel socle MSSante #2 (ECO.2.x); RFC 5322, 2045, 2231, 8098; Segur MSS.08-19, MSS.22.
"""

from __future__ import annotations

import re
import unicodedata
import uuid
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from zoneinfo import ZoneInfo

from ris.domain.errors import InvalidInput
from ris.domain.report.frozen import FrozenReport

TYPE_LABEL = "CR d'imagerie medicale"
LABEL_MAXIMUM = 40
FILE_NAME_MAXIMUM = 56
MESSAGE_IDS = uuid.UUID("6f6f7a52-3b0b-5c0d-9b1e-2f60c7c0a9d1")
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250})[A-Za-z0-9]")


_SPELLED = {
    ord(c): s for c, s in (("œ", "oe"), ("Œ", "OE"), ("æ", "ae"), ("Æ", "AE"), ("’", "'"), ("ß", "ss"), ("ø", "o"), ("Ø", "O"))
}


@dataclass(frozen=True)
class MailSettings:
    """One application mailbox.

    Args:
        address: The mailbox: envelope sender, From, Disposition-Notification-To (equal, else no receipt comes).
        label: Functional name shown beside it; `reply_to` the secretariat's mailbox or empty.
        product: Reference of the product given by Convergence (X-MSS-NIL).
    """

    address: str
    label: str
    reply_to: str
    product: str


@dataclass(frozen=True)
class Letter:
    """What one row sends.

    Args:
        row_id: What the Message-ID is made of: the row's identity, never a patient's value.
        recipient: Mail address.
        kind: `send`, `replace` or `delete`.
        in_reply_to: Message-ID of the first mail, or empty.
        final: The patient may not answer (X-MSS-MES).
    """

    row_id: str
    recipient: str
    kind: str = "send"
    in_reply_to: str = ""
    final: bool = False


def message_id(row_id: str, mailbox: str) -> str:
    """Return the Message-ID of a row: the same each time it is sent."""
    return f"<{uuid.uuid5(MESSAGE_IDS, row_id)}@{mailbox.rpartition('@')[2]}>"


def envelope_id(row_id: str) -> str:
    """Return the ENVID of a row (RFC 3461), without any patient value."""
    return uuid.uuid5(MESSAGE_IDS, "envid:" + row_id).hex


def compose(
    report: FrozenReport, letter: Letter, settings: MailSettings, *, archive: bytes, pdf: bytes, sent_at: datetime
) -> EmailMessage:
    """Return the mail.

    Args:
        archive: IHE_XDM.zip; `pdf` the PDF/A-1 of the same version.
        sent_at: Date of the mail, aware.

    Raises:
        InvalidInput: `address_malformed` when the recipient's or the mailbox's address is none.
    """
    for field, address in (("recipient", letter.recipient), ("mailbox", settings.address)):
        if not _ADDRESS.fullmatch(address):
            raise InvalidInput("address_malformed", field=field)
    mail = EmailMessage(policy=SMTP.clone(max_line_length=998))
    mail["From"] = f'"{ascii_text(settings.label)}" <{settings.address}>'
    mail["To"] = letter.recipient
    if settings.reply_to:
        mail["Reply-To"] = settings.reply_to
    mail["Subject"] = subject(report, kind=letter.kind)
    mail["Date"] = format_datetime(sent_at.astimezone(ZoneInfo(report.time_zone)))
    mail["Message-ID"] = message_id(letter.row_id, settings.address)
    if letter.in_reply_to:
        mail["In-Reply-To"] = letter.in_reply_to
        mail["References"] = letter.in_reply_to
    mail["X-MSS-INS"] = "O" if report.identity is not None else "N"
    mail["X-MSS-CODECDA"] = "18748-4"
    mail["X-MSS-NIL"] = settings.product
    mail["Disposition-Notification-To"] = settings.address
    mail["Return-Receipt-To"] = settings.address
    if letter.final:
        mail["X-MSS-MES"] = "FIN"
    mail.set_content(body_text(report, kind=letter.kind), charset="utf-8", cte="quoted-printable")
    _attach(mail, archive, "application", "zip", "IHE_XDM.zip")
    if letter.kind != "delete":
        _attach(mail, pdf, "application", "pdf", pdf_file_name(report))
    return mail


def subject(report: FrozenReport, *, kind: str) -> str:
    """Return the subject: prefix, label, family name in capitals, given name, birth date; ASCII."""
    traits = report.identity.traits if report.identity is not None else report.traits
    mention = {"replace": "[Annule et remplace] ", "delete": "[Suppression] "}.get(kind, "")
    birth = f" {traits.birth_date:%d/%m/%Y}" if traits.birth_date else ""
    family, given = ascii_text(traits.birth_family).upper(), ascii_text(traits.birth_given)
    return f"XDM/1.0/DDM+{mention}{TYPE_LABEL[:LABEL_MAXIMUM]} {family} {given}{birth}"


def pdf_file_name(report: FrozenReport) -> str:
    """Return `date_type_NOM_prenom.pdf`: ASCII, short enough to stay one parameter (ECO.2.1.6)."""
    traits = report.identity.traits if report.identity is not None else report.traits
    day = report.performed_start.astimezone(ZoneInfo(report.time_zone)).strftime("%Y%m%d")
    family = _file_word(traits.birth_family).upper()
    given = _file_word(traits.birth_given)
    room = FILE_NAME_MAXIMUM - len(f"{day}_CR-IMAGERIE__.pdf")
    given = given[: max(1, min(len(given), room // 3))]
    return f"{day}_CR-IMAGERIE_{family[: room - len(given)]}_{given}.pdf"


def body_text(report: FrozenReport, *, kind: str) -> str:
    """Return the words of the mail, as the person receives them."""
    opening = {
        "send": "Vous trouverez ci-joint un compte rendu d'imagerie.",
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
    return "\n".join(lines)


def ascii_text(text: str) -> str:
    """Return text for a header: unaccented ASCII on one line."""
    spelled = text.translate(_SPELLED)
    plain = unicodedata.normalize("NFKD", spelled).encode("ascii", "ignore").decode()
    return " ".join("".join(c if c.isprintable() and c not in '"\\' else " " for c in plain).split())


def _file_word(text: str) -> str:
    """Return a word of a file name: letters, digits and hyphens."""
    return re.sub(r"[^A-Za-z0-9]+", "-", ascii_text(text)).strip("-") or "X"


def _attach(mail: EmailMessage, content: bytes, maintype: str, subtype: str, name: str) -> None:
    """Attach bytes under a name in both headers."""
    mail.add_attachment(content, maintype=maintype, subtype=subtype, filename=name, params={"name": name})
