"""Bind what was recorded since the last seal, site by site and day by day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from ris.application.access.chain_ports import ChainServices
from ris.domain.access.audit import AuditRecord
from ris.domain.access.chain import LATE, SETTLING, Seal, anchor_of, instant_key, is_over, key_of, next_seal, signed

LOOK_BACK_DAYS = 31
"""A sealer that was down catches up by itself over so many days."""

MOST_IN_ONE = 1000
"""Records of one seal: an item of DynamoDB holds 400 KB, a bound record takes about 150 bytes."""

PAGE = 1000


def seal_audit(s: ChainServices, site: str, now: datetime) -> int:
    """Seal the settled records of a site that are in no seal, and return how many there were.

    It may be killed anywhere and run again: the anchor goes to the vault before the seal is written, and a seal is written under
    the condition that its day has none of its number. A record that comes late for its day is bound by the next seal; the closing
    seal, an hour after the day, ends it.

    Args:
        site: A site, or `-` for records whose request named none.
        now: Aware UTC instant.

    Raises:
        Conflict: Another run is on the same site: what it did not bind, the next one will.
    """
    return sum(_seal_day(s, site, day, seals, now) for day, seals in _open_days(s, site, now))


def _open_days(s: ChainServices, site: str, now: datetime) -> list[tuple[str, list[Seal]]]:
    """Return the days that are not closed, the earliest first, with their seals; before the first record there is none."""
    found: list[tuple[str, list[Seal]]] = []
    for back in range(LOOK_BACK_DAYS):
        day = (now.date() - timedelta(days=back)).isoformat()
        seals = s.seals.of_day(site, day)
        if any(seal.closing for seal in seals):
            break
        found.insert(0, (day, seals))
    else:
        while found and not found[0][1] and not s.trail.of_day(site, found[0][0], limit=1):
            found.pop(0)
    return found


def _seal_day(s: ChainServices, site: str, day: str, seals: list[Seal], now: datetime) -> int:
    over = is_over(day, now)
    bound = {each.key for seal in seals for each in seal.bound}
    # While the day lasts, what is older than the latest bound record and its lateness is not read again.
    after = "" if over or not bound else instant_key(_instant(max(bound)) - LATE)
    fresh = [r for r in records_of(s, site, day, after) if key_of(r) not in bound and r.instant < now - SETTLING]
    latest = seals[-1] if seals else None
    for start in range(0, len(fresh), MOST_IN_ONE):
        latest = _append(s, next_seal(site, day, latest, fresh[start : start + MOST_IN_ONE], now))
    if over:
        _append(s, next_seal(site, day, latest, (), now, closing=True))
    return len(fresh)


def _append(s: ChainServices, seal: Seal) -> Seal:
    done = signed(seal, s.key.sign(anchor_of(seal)))
    s.vault.keep(done)  # first: a seal without its anchor could be cut off unseen, an anchor without its seal is only made up for
    s.seals.append(done)
    return done


def records_of(s: ChainServices, site: str, day: str, after: str = "") -> Iterator[AuditRecord]:
    """Go over the records of a site and day in time order, a page at a time."""
    while page := s.trail.of_day(site, day, limit=PAGE, after=after):
        yield from page
        after = key_of(page[-1])


def _instant(key: str) -> datetime:
    return datetime.fromisoformat(key.partition("#")[0])
