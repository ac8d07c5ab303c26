"""One immutable fact for each channel of a report that somebody took, dated by the site's civil day; a later fact corrects it.

A row counts once it is delivered, and a mail once the operator accepted it. When it no longer counts (the mail bounced), a fact of the
value -1 says so at its own date; nothing is ever edited, so the sum of a row's facts is 1 or 0, whatever came in whatever order.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from ris.domain.dispatch.delivery import Delivery, DeliveryState


@dataclass(frozen=True)
class UsageFact:
    """One fact.

    Args:
        fact_id: Deterministic: the row, and its version that this fact was written with.
        day: Civil date at the site, `YYYY-MM-DD`; `at` is the instant.
        value: 1, or -1 for a correction; `corrects` is the fact it takes back.
        recipient: Who, as on the row: `DMP`, `PATIENT`, an RPPS, `HIS`.
        accession_number: With `report_version`: versions and second recipients of one exam are told apart, and counted once.
        author: RPPS; `legal_entity` FINESS EJ, `finess_geo` that of the site.
        qualified: Whether the version carries a qualified identity.
    """

    fact_id: str
    site: str
    day: str
    at: datetime
    channel: str
    recipient: str
    value: int
    corrects: str
    accession_number: str
    report_version: int
    document_id: str
    author: str
    legal_entity: str
    finess_geo: str
    qualified: bool
    who_sends: str

    @property
    def month(self) -> str:
        """Return `YYYY-MM`."""
        return self.day[:7]


def counts(row: Delivery | None) -> bool:
    """Say whether a row counts: a report that was taken."""
    if row is None or not row.report_version:
        return False
    return row.state is DeliveryState.DELIVERED or (row.state is DeliveryState.PENDING and row.accepted_at is not None)


def counted(row: Delivery) -> tuple[Delivery, UsageFact | None]:
    """Return a row as it is to be written, with the fact that it makes true; None when its figure stays as it was.

    Args:
        row: As it shall be, under the version read; `fact` still says what stands for it now, `changed_at` dates the fact.
    """
    now = row.changed_at
    if counts(row) == bool(row.fact) or now is None:
        return row, None
    fact_id = hashlib.sha256(
        "\x1f".join((row.owner, row.channel, row.recipient, str(row.report_version), str(row.version + 1))).encode()
    ).hexdigest()[:32]
    value = 1 if counts(row) else -1
    return replace(row, fact=fact_id if value > 0 else ""), _fact(row, fact_id, value, now)


def _fact(row: Delivery, fact_id: str, value: int, now: datetime) -> UsageFact:
    origin = row.origin
    zone = origin.time_zone if origin else "UTC"
    return UsageFact(
        fact_id=fact_id,
        site=row.site,
        day=now.astimezone(ZoneInfo(zone)).date().isoformat(),
        at=now,
        channel=row.channel,
        recipient=row.recipient,
        value=value,
        corrects=row.fact if value < 0 else "",
        accession_number=row.owner,
        report_version=row.report_version,
        document_id=row.document_id,
        author=origin.author if origin else "",
        legal_entity=origin.legal_entity if origin else "",
        finess_geo=origin.finess_geo if origin else "",
        qualified=bool(origin and origin.qualified),
        who_sends=row.who_sends,
    )
