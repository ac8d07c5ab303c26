"""Plan the order message of an exam: its row, before anything is sent, so that a workflow that dies leaves it to be found."""

from __future__ import annotations

from datetime import datetime

from ris.application.conflicts import decide
from ris.application.dispatch.ports import DeliveryStore
from ris.domain.agenda.exam import Exam
from ris.domain.dispatch.delivery import Delivery
from ris.domain.dispatch.transitions import planned

ORDER_CHANNEL = "hl7_pacs_order"
ORDER_RECIPIENT = "PACS"


def plan_order(deliveries: DeliveryStore, exam: Exam, now: datetime) -> Delivery:
    """Write the pending row of an exam's order to the PACS; a second time changes nothing.

    Args:
        deliveries: The store.
        exam: Booked.
        now: Aware UTC instant.

    Returns:
        The row.
    """
    return decide(lambda: plan_row(deliveries, exam.accession_number, exam.site, ORDER_CHANNEL, ORDER_RECIPIENT, now))


def plan_row(deliveries: DeliveryStore, owner: str, site: str, channel: str, recipient: str, now: datetime) -> Delivery:
    """Return the row, written now if there was none; raises Conflict when another writer was faster."""
    found = deliveries.get(owner, channel, recipient)
    return found or deliveries.save(planned(owner, site, channel, recipient, now))
