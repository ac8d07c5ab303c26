"""Note that somebody printed a report and sent it on paper: the row of a recipient who got no mail is settled, by whom and when."""

from __future__ import annotations

from datetime import datetime

from ris.application.conflicts import decide
from ris.application.dispatch.mail_rows import mail_row
from ris.application.dispatch.ports import DeliveryStore
from ris.domain.dispatch.delivery import Delivery, DeliveryState
from ris.domain.dispatch.mail import printed
from ris.domain.errors import Refused


def mark_printed(
    deliveries: DeliveryStore, owner: str, channel: str, recipient: str, report_version: int, by: str, now: datetime
) -> Delivery:
    """Settle a row that waits for paper, or whose mail failed or got no receipt; a second time changes nothing.

    Args:
        deliveries: The store, with the usage table: paper counts too.
        owner: Accession Number.
        channel: `to_print`, or that of a mail.
        recipient: Of the row.
        report_version: Of the row.
        by: Account of who printed.
        now: Aware UTC instant.

    Raises:
        InvalidInput: `unknown_delivery`.
        Refused: `not_to_print`.
    """

    def attempt() -> Delivery:
        row = mail_row(deliveries, owner, channel, recipient, report_version)
        if row.state is DeliveryState.DELIVERED and row.settled_by:
            return row
        after = printed(row, now, by=by)
        if after == row:
            raise Refused("not_to_print")
        return deliveries.save(after)

    return decide(attempt)
