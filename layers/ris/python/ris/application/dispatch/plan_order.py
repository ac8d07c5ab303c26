"""Plan what the PACS must know of an exam: its row, before anything is sent, so that a workflow that dies leaves it to be found."""

from __future__ import annotations

from datetime import datetime

from ris.application.conflicts import decide
from ris.application.dispatch.ports import DeliveryStore
from ris.domain.agenda.exam import Exam, ExamState
from ris.domain.dispatch.delivery import Delivery
from ris.domain.dispatch.orders import order_row
from ris.domain.dispatch.transitions import planned

ORDER_CHANNEL = "hl7_pacs_order"
ORDER_RECIPIENT = "PACS"


def plan_order(deliveries: DeliveryStore, exam: Exam, now: datetime) -> Delivery | None:
    """Write what an exam's row to the PACS must say by now; a second time changes nothing.

    Args:
        deliveries: The store.
        exam: Booked, moved or cancelled.
        now: Aware UTC instant.

    Returns:
        The row, or None when the PACS must be told nothing.
    """

    def attempt() -> Delivery | None:
        found = deliveries.get(exam.accession_number, ORDER_CHANNEL, ORDER_RECIPIENT)
        fresh = planned(exam.accession_number, exam.site, ORDER_CHANNEL, ORDER_RECIPIENT, now)
        wanted = order_row(found, fresh, revision=exam.moves, gone=exam.state is ExamState.CANCELLED, now=now)
        return found if wanted is None or wanted == found else deliveries.save(wanted)

    return decide(attempt)


def plan_row(deliveries: DeliveryStore, owner: str, site: str, channel: str, recipient: str, now: datetime) -> Delivery:
    """Return the row, written now if there was none; raises Conflict when another writer was faster."""
    found = deliveries.get(owner, channel, recipient)
    return found or deliveries.save(planned(owner, site, channel, recipient, now))
