"""Start the dispatch of a version again from the facts: when the sweep finds its row due, or when a person asks."""

from __future__ import annotations

from datetime import datetime

from ris.application.conflicts import decide
from ris.application.dispatch.dmp_facts import REMOTE, row_of
from ris.application.dispatch.services import RestartServices
from ris.domain.dispatch.delivery import Delivery
from ris.domain.dispatch.dmp import reopened, started_again, waits_out


def restart_dispatch(s: RestartServices, delivery: Delivery, now: datetime, *, by_person: bool = False) -> Delivery:
    """Start the next execution of a due row; what it does is decided there, on the row.

    The execution is written on the row first, so that two sweeps at once start one, and its name is never one that was used. While the
    DMP is known to be down nothing is started: an outage is one alarm, not a thousand executions.

    Args:
        s: The ports.
        delivery: The row as a list showed it, perhaps behind.
        now: Aware UTC instant.
        by_person: A rejected row goes again too, now: its reader mended what was wrong.

    Returns:
        The row.

    Raises:
        InvalidInput: `unknown_delivery`.
        RemoteUnavailable: Not started; the row is due again in minutes.
    """

    def attempt() -> tuple[Delivery, bool]:
        row = row_of(s.deliveries, delivery.owner, delivery.report_version)
        if by_person:
            row = reopened(row, now, s.rules)
        if row.due_at is None or (row.due_at > now and not by_person):
            return row, False
        down_until = None if by_person else s.outages.until(REMOTE, now)
        if down_until is not None:
            return s.deliveries.save(waits_out(row, down_until)), False
        return s.deliveries.save(started_again(row, now, s.rules)), True

    row, starts = decide(attempt)
    if starts:
        s.workflows.start_dispatch(row.owner, row.report_version, row.executions)
    return row
