"""Delivery rows in French: what was sent to whom, and where it stands."""

from __future__ import annotations

from dataclasses import dataclass

from ris.domain.dispatch.delivery import Delivery, DeliveryState
from ris.portal import french
from ris.portal.pages import moment


@dataclass(frozen=True)
class DeliveryLine:
    """One row of the exam's page.

    Args:
        kind: State for the mark's colour; `unknown` when it was perhaps received.
    """

    row: Delivery
    kind: str
    label: str
    text: str


def line_of(row: Delivery, zone: str) -> DeliveryLine:
    """Return the row with its state's word and its sentence."""
    kind = "unknown" if row.state is DeliveryState.PENDING and row.unknown else row.state.value
    return DeliveryLine(row, kind, french.word("delivery", kind), _sentence(row, kind, zone))


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
