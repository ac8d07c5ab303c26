"""How long a certificate still serves, and when somebody is told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

ALERTS_DAYS = (7, 30, 60, 90)
"""Somebody is told when so many days are left or fewer."""

KINDS = ("insi-manu", "insi-auto", "dmp", "sign-certificate")
"""The certificates of one legal entity, by the last word of their secrets' names."""


@dataclass(frozen=True)
class HeldCertificate:
    """A certificate we hold.

    Args:
        name: Where it is, in our own words: `670999002/dmp`, with `#2` and so on for what follows it in the same secret.
        not_after: Its end, as it says itself: validities differ, nothing is computed from a usual length.
    """

    name: str
    not_after: datetime


@dataclass(frozen=True)
class WatchedCertificate:
    """A certificate and what is left of it.

    Args:
        days_left: Whole days; negative when it is over.
        alert: The alert it has reached, in days (7, 30, 60 or 90); 0 when there is time.
    """

    name: str
    days_left: int
    alert: int


def watched(held: HeldCertificate, now: datetime) -> WatchedCertificate:
    """Return what is left of a certificate at an instant."""
    days = (held.not_after - now).days
    return WatchedCertificate(held.name, days, next((alert for alert in ALERTS_DAYS if days <= alert), 0))
