"""A form that was sent when its session had just ended: kept for its writer alone, for some hours, and given back after the next login."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

KEPT_FOR = timedelta(hours=24)
"""Until the next day's work: longer than a night, shorter than a weekend."""
WRITER_KNOWN_FOR = timedelta(hours=24)
"""How long after the end of a session its pages may still send what was typed in them."""
LARGEST = 2 * 1024 * 1024
"""Characters of all fields together that are kept."""


@dataclass(frozen=True)
class KeptForm:
    """One form.

    Args:
        account_id: Whose it is: given back to no other.
        place: Local path of the page it belongs to; the newest form of a page replaces the one before.
        fields: As they were sent, without the session's token.
    """

    account_id: str
    place: str
    fields: Mapping[str, str]
    kept_at: datetime

    @property
    def expires_at(self) -> datetime:
        """When it is given back no more."""
        return self.kept_at + KEPT_FOR
