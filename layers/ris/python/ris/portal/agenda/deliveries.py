"""Delivery rows in French: what was sent to whom, and where it stands."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ris.domain.dispatch.delivery import Delivery, DeliveryState
from ris.domain.dispatch.dmp import CHANNEL as DMP
from ris.domain.dispatch.dmp import CLOSED
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
    """

    row: Delivery
    kind: str
    label: str
    text: str
    remote: str = ""
    when: str = ""


def line_of(row: Delivery, zone: str) -> DeliveryLine:
    """Return the row with its state's word and its sentence."""
    kind = "unknown" if row.state is DeliveryState.PENDING and row.unknown else row.state.value
    label = french.word("delivery", kind)
    if row.channel == DMP:
        return DeliveryLine(row, kind, label, _of_the_dmp(row, kind), _remote(row), _when(row, zone))
    return DeliveryLine(row, kind, label, _sentence(row, kind, zone))


def _of_the_dmp(row: Delivery, kind: str) -> str:
    """Return the sentence of the row's code: the remote's own where it gave one we know, else of the reason."""
    known = next((ROW_SENTENCES[code] for code in (row.remote_code, row.reason) if code in ROW_SENTENCES), "")
    match kind:
        case "delivered":
            return "Le compte rendu est dans le DMP du patient."
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


def _remote(row: Delivery) -> str:
    code = f"code {row.remote_code}" if row.remote_code else ""
    words = f"« {row.remote_words} »" if row.remote_words else ""
    return (
        f"Réponse du DMP : {' '.join(each for each in (words, f'({code})' if words and code else code) if each)}"
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
