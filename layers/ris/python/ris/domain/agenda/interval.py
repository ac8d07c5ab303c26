"""Half-open intervals of time: [start, end) holds its start and not its end, so that two bookings may touch."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, order=True)
class Interval:
    """[start, end) between two aware instants, never empty.

    Raises:
        ValueError: `end` is not after `start`, or one of them has no offset.
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None or self.end <= self.start:
            raise ValueError("an interval needs two aware instants, the second later")

    def overlaps(self, other: Interval) -> bool:
        """Say whether both hold at least one common instant."""
        return self.start < other.end and other.start < self.end

    def contains(self, other: Interval) -> bool:
        """Say whether the other lies wholly inside, edges included."""
        return self.start <= other.start and other.end <= self.end


def gaps(whole: Interval, taken: Iterable[Interval]) -> list[Interval]:
    """Return what of `whole` no taken interval covers, in order.

    Args:
        taken: In any order; they may overlap each other and leave `whole`.
    """
    free: list[Interval] = []
    cursor = whole.start
    for one in sorted(taken):
        if one.start > cursor and cursor < whole.end:
            free.append(Interval(cursor, min(one.start, whole.end)))
        cursor = max(cursor, one.end)
    if cursor < whole.end:
        free.append(Interval(cursor, whole.end))
    return free
