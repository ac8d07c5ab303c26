"""What one resource does on one civil day of its site: the only place where a slot is taken or given back.

Theory of operation. A day is one versioned value; a booking makes the next version of the day of every resource it takes, and a
store writes them all or none, each on the condition that the version read still stands. So whoever decided on an older day loses,
reads again and decides again:

    A reads v4 ── holds 10:00 ──────────── writes v5 if v4 ✓
    B reads v4 ────────── holds 10:00 ──────────────── writes v5 if v4 ✗ ── reads v5 ── slot_taken

A hold whose time has passed blocks nobody: the next holder drops it in the same write, and its confirmation then finds nothing
to confirm. Confirming asks for the holder's token *and* an unexpired hold in the very version it replaces.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from ris.domain.agenda.interval import Interval
from ris.domain.errors import Refused


class SlotState(Enum):
    """A slot is held for a short time, then booked; or the resource is out of service."""

    HELD = "held"
    BOOKED = "booked"
    OUT_OF_SERVICE = "out_of_service"


@dataclass(frozen=True)
class Slot:
    """One taken interval.

    Args:
        accession_number: The exam that takes it, at most one slot a resource and exam; empty when the resource is out of service.
        token: Of the holder, who must show it to confirm; or the id of the outage.
        expires_at: End of a hold, itself outside; None once booked.
        reason: Why the resource is out of service, as typed.
    """

    interval: Interval
    accession_number: str
    state: SlotState
    token: str
    expires_at: datetime | None = None
    reason: str = ""

    def stands(self, now: datetime) -> bool:
        """Say whether the slot still blocks others: anything but a hold that has expired."""
        return self.state is not SlotState.HELD or (self.expires_at is not None and now < self.expires_at)

    def is_outage(self, outage: str) -> bool:
        """Say whether it is part of that outage."""
        return self.state is SlotState.OUT_OF_SERVICE and self.token == outage


@dataclass(frozen=True)
class ResourceDay:
    """One resource on one day.

    Args:
        resource: Id of a room or a modality of the site.
        day: Civil day of the site, `YYYY-MM-DD`.
        slots: In order of time.
        version: 0 when nothing was ever written; the store adds one at each write.
    """

    site: str
    resource: str
    day: str
    slots: tuple[Slot, ...] = ()
    version: int = 0

    def blocked_by(self, interval: Interval, *, now: datetime) -> Slot | None:
        """Return the first standing slot the interval would overlap, or None."""
        return next((slot for slot in self.slots if slot.stands(now) and slot.interval.overlaps(interval)), None)

    def hold(self, slot: Slot, *, now: datetime) -> ResourceDay:
        """Return the day with the slot taken and every expired hold dropped.

        Raises:
            Refused: `slot_taken`, a standing slot overlaps it.
        """
        if self.blocked_by(slot.interval, now=now) is not None:
            raise Refused("slot_taken", field=self.resource)
        standing = [kept for kept in self.slots if kept.stands(now)]
        return self._with((*standing, slot))

    def confirm(self, accession_number: str, token: str, *, now: datetime) -> ResourceDay:
        """Return the day with the exam's hold made a booking.

        Raises:
            Refused: `hold_expired`, no unexpired hold of that exam; `wrong_token`, somebody else's.
        """
        slot = self.slot_of(accession_number)
        if slot is None:
            raise Refused("hold_expired", field=self.resource)
        if slot.token != token:
            raise Refused("wrong_token", field=self.resource)
        if not slot.stands(now):
            raise Refused("hold_expired", field=self.resource)
        booked = replace(slot, state=SlotState.BOOKED, expires_at=None)
        return self._with(tuple(booked if kept is slot else kept for kept in self.slots))

    def release(self, accession_number: str) -> ResourceDay:
        """Return the day without the exam's slot; the same day when it has none."""
        return self._with(tuple(kept for kept in self.slots if kept.accession_number != accession_number))

    def close(self, interval: Interval, outage: str, reason: str) -> ResourceDay:
        """Return the day with the resource out of service then; what is booked there stays, to be moved."""
        slot = Slot(interval, "", SlotState.OUT_OF_SERVICE, outage, reason=reason)
        return self._with((*(kept for kept in self.slots if not kept.is_outage(outage)), slot))

    def reopen(self, outage: str) -> ResourceDay:
        """Return the day without that outage; the same day when it has none."""
        return self._with(tuple(kept for kept in self.slots if not kept.is_outage(outage)))

    @property
    def outages(self) -> tuple[Slot, ...]:
        """When the resource is out of service."""
        return tuple(slot for slot in self.slots if slot.state is SlotState.OUT_OF_SERVICE)

    def slot_of(self, accession_number: str) -> Slot | None:
        """Return the exam's slot, or None."""
        return next((slot for slot in self.slots if slot.accession_number == accession_number), None)

    def _with(self, slots: tuple[Slot, ...]) -> ResourceDay:
        if slots == self.slots:
            return self
        return replace(self, slots=tuple(sorted(slots, key=lambda slot: (slot.interval, slot.accession_number, slot.token))))
