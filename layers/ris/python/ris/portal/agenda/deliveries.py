"""Delivery rows in French: what was sent to whom, and where it stands."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ris.application.dispatch.retry import may_double
from ris.domain.dispatch.channels import HL7_REPORT, MAIL
from ris.domain.dispatch.channels import TO_PRINT as PAPER
from ris.domain.dispatch.delivery import DELETE, REPLACE, Delivery, DeliveryState
from ris.domain.dispatch.dmp import CHANNEL as DMP
from ris.domain.dispatch.dmp import CLOSED, NO_DMP
from ris.domain.dispatch.mail import may_be_printed, overdue
from ris.portal import french
from ris.portal.pages import moment
from ris.portal.sentences import ROW_SENTENCES

_DAY = re.compile(r"(\d{4})(\d\d)(\d\d)(?!\d)", re.ASCII)


@dataclass(frozen=True)
class DeliveryLine:
    """One row of the exam's page.

    Args:
        kind: State for the mark's colour; `unknown` when it was perhaps received.
        text: What happened and who does what.
        remote: What the other side said, with its own code; empty when it said nothing.
        when: Since when it stands so, and when it is looked at again.
        action: What a person may do about it, as in the policy; `path` is where its form goes.
        paper: Paper settles it too: a second button.
    """

    row: Delivery
    kind: str
    label: str
    text: str
    remote: str = ""
    when: str = ""
    action: str = ""
    path: str = ""
    paper: bool = False


def lines_of(rows: Sequence[Delivery], zone: str, now: datetime) -> list[DeliveryLine]:
    """Return an exam's rows, each with what a person may do about it by hand."""
    lines = [line_of(row, zone) for row in rows]
    newest: dict[tuple[str, str], int] = {}
    for row in rows:
        newest[row.channel, row.recipient] = max(newest.get((row.channel, row.recipient), 0), row.report_version)
    return [_with_button(each, now) if _is_newest(each.row, newest) else each for each in lines]


def _is_newest(row: Delivery, newest: dict[tuple[str, str], int]) -> bool:
    return row.report_version == newest[row.channel, row.recipient]


def _with_button(line: DeliveryLine, now: datetime) -> DeliveryLine:
    """Return the line with its buttons: what may go again without any effect doubled, and paper; one past its time says so."""
    row = line.row
    if overdue(row, now):
        line = replace(line, kind="overdue", label=french.word("delivery", "overdue"))
    line = replace(line, paper=may_be_printed(row))
    tried = row.state is DeliveryState.REJECTED or (row.state is DeliveryState.PENDING and row.attempts > 0)
    if (tried or row.reason == NO_DMP) and not may_double(row, now):
        return replace(line, action="retry_delivery", path="retry")
    return line


def line_of(row: Delivery, zone: str) -> DeliveryLine:
    """Return the row with its state's word and its sentence."""
    kind = "unknown" if row.state is DeliveryState.PENDING and row.unknown else row.state.value
    label = french.word("delivery", kind)
    if row.channel == DMP:
        return DeliveryLine(row, kind, label, _of_the_dmp(row, kind), _remote(row, "du DMP"), _when(row, zone))
    if row.report_version and row.channel in _LETTERS:
        remote = _remote(row, "du destinataire" if row.channel == HL7_REPORT else "de la messagerie")
        return DeliveryLine(row, kind, label, f"{_does(row)} {_of_a_letter(row, kind)}", remote, _when(row, zone))
    return DeliveryLine(row, kind, label, _sentence(row, kind, zone))


def _of_the_dmp(row: Delivery, kind: str) -> str:
    """Return the sentence of the row's code: the remote's own where it gave one we know, else of the reason."""
    known = next((ROW_SENTENCES[code] for code in (row.remote_code, row.reason) if code in ROW_SENTENCES), "")
    match kind:
        case "delivered" if row.operation == DELETE:
            return "Le compte rendu n’est plus dans le DMP du patient."
        case "delivered":
            return "Le compte rendu est dans le DMP du patient."
        case "pending" if not known and row.operation == DELETE:
            return "La suppression dans le DMP part d’elle-même."
        case "pending" if not known:
            return "Le dépôt part de lui-même dès que les documents sont signés."
        case "unknown" if not known:
            return ROW_SENTENCES["dmp_outcome_unknown"]
        case _:
            return (known or ROW_SENTENCES["dmp_unknown_code"]) + _closed_on(row)


def _closed_on(row: Delivery) -> str:
    """Return since when the record is closed, where the DMP said so: its words begin with that day."""
    day = _DAY.match(row.remote_words) if row.reason == CLOSED else None
    return f" Fermé le {day[3]}/{day[2]}/{day[1]}." if day else ""


_LETTERS = MAIL | {HL7_REPORT, PAPER}


def _does(row: Delivery) -> str:
    """Return to whom it goes, and whether it replaces or deletes what they have."""
    whom = french.word("recipient", row.recipient)
    whom = f"au professionnel RPPS {whom}" if whom.isdecimal() else whom
    what = {REPLACE: "Annule et remplace", DELETE: "Suppression"}.get(row.operation, "Compte rendu")
    return f"{what}, {whom}."


def _of_a_letter(row: Delivery, kind: str) -> str:
    """Return what became of a mail, a message or a letter."""
    match kind:
        case "delivered" if row.settled_by:
            return f"Imprimé et envoyé par {row.settled_by}."
        case "delivered":
            return "Lu par le destinataire." if row.read_at else "Arrivé."
        case "delegated":
            return "Envoi confié à la plateforme de l’établissement."
    known = next((ROW_SENTENCES[code] for code in (row.reason, row.remote_code) if code in ROW_SENTENCES), "")
    if known or kind not in ("pending", "unknown"):
        return known or french.sentence(row.reason or row.remote_code or "refused_by_peer")
    return "L’envoi part de lui-même dès que les documents sont signés."


def _remote(row: Delivery, whose: str) -> str:
    code = f"code {row.remote_code}" if row.remote_code else ""
    words = f"« {row.remote_words} »" if row.remote_words else ""
    return (
        f"Réponse {whose} : {' '.join(each for each in (words, f'({code})' if words and code else code) if each)}"
        if code or words
        else ""
    )


def _when(row: Delivery, zone: str) -> str:
    since = f"Depuis le {moment(row.changed_at, zone)}." if row.changed_at else ""
    again = f"Prochain essai le {moment(row.due_at, zone)}." if row.due_at else ""
    return " ".join(each for each in (since, again) if each)


def _sentence(row: Delivery, kind: str, zone: str) -> str:
    changed, due = moment(row.changed_at, zone), moment(row.due_at, zone)
    code = f" (code {row.remote_code})" if row.remote_code else ""
    said = f" : « {row.remote_words} »" if row.remote_words else "."
    why = f" ({french.word('delivery_reason', row.reason)})" if row.reason else ""
    again = f" Prochain contrôle le {due}." if due else ""
    match kind:
        case "pending":
            return f"Pas encore acceptée par {row.recipient}{why}." + again
        case "unknown":
            return f"Envoyée à {row.recipient}, sans réponse à ce jour{why}." + again
        case "delivered":
            return f"Acceptée par {row.recipient} le {changed}{code}."
        case "rejected":
            return f"Refusée par {row.recipient} le {changed}{code}{said}"
        case "held":
            return f"Retenue : {french.sentence(row.reason)}" if row.reason else "Retenue."
        case "delegated":
            return "Envoi confié à l’établissement."
        case _:
            return "Retirée : plus rien n’est à envoyer."
