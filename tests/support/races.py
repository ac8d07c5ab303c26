"""Clients of one agenda that have all read before anybody writes."""

import threading
from collections.abc import Sequence

from ris.application.agenda.ports import AgendaStore, Booking
from ris.domain.agenda.exam import Exam
from ris.domain.agenda.resource_day import ResourceDay


class ReadTogether:
    """An agenda whose first read of each thread waits until every thread has read."""

    def __init__(self, inner: AgendaStore, clients: int) -> None:
        self._inner = inner
        self._barrier = threading.Barrier(clients)
        self._first = threading.local()

    def days(self, site: str, resources: Sequence[str], day: str) -> dict[str, ResourceDay]:
        read = self._inner.days(site, resources, day)
        if not getattr(self._first, "done", False):
            self._first.done = True
            self._barrier.wait(timeout=60)
        return read

    def commit(self, booking: Booking) -> Exam:
        return self._inner.commit(booking)
