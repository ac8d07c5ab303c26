"""The reading list's filters, as the address of a page carries them: sites, modalities, priority, age, whose, and nothing of a patient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from urllib.parse import parse_qs, urlencode
from zoneinfo import ZoneInfo

from ris.application.report.reading_list import Narrowing
from ris.domain.agenda.exam import PRIORITIES
from ris.domain.report.draft import Turn
from ris.portal.call import Call

AGES = (1, 2, 7, 30)
"""Days an exam waits at least, as the page offers them."""
_MOST = 8


@dataclass(frozen=True)
class Filters:
    """What a person chose.

    Args:
        site: Of the page; `sites` are those whose exams are shown, among those this person may read.
        modality: DICOM codes; `priority` codes of ours; none means all.
        older: At least so many days old; 0 for any age.
        first: First day of the exams shown, `last` the last one; empty for any.
        mine: Only the reports this person took.
        secretary: Those that are the secretary's turn.
    """

    site: str
    sites: tuple[str, ...]
    modality: tuple[str, ...] = ()
    priority: tuple[str, ...] = ()
    older: int = 0
    first: str = ""
    last: str = ""
    mine: bool = False
    secretary: bool = False

    def query(self) -> str:
        """Return it as the query of an address, without what is not narrowed."""
        pairs = [("of", self.site), *(("site", one) for one in self.sites if self.sites != (self.site,))]
        pairs += [("modality", one) for one in self.modality] + [("priority", one) for one in self.priority]
        pairs += [("older", str(self.older))] if self.older else []
        pairs += [(name, text) for name, text in (("first", self.first), ("last", self.last)) if text]
        pairs += [(name, "1") for name, on in (("mine", self.mine), ("secretary", self.secretary)) if on]
        return urlencode(pairs)

    @property
    def narrowed(self) -> bool:
        """Say whether anything is left out."""
        return self != Filters(self.site, (self.site,))

    def narrowing(self, account_id: str, time_zone: str, now: datetime) -> Narrowing:
        """Return what the list is narrowed to.

        Args:
            account_id: Of who looks.
            time_zone: Of the page's site: its days are meant.
            now: Aware UTC instant.
        """
        zone = ZoneInfo(time_zone)
        first, last = _day(self.first), _day(self.last)
        since = datetime.combine(first, time(), zone) if first else None
        before = datetime.combine(last + timedelta(days=1), time(), zone) - timedelta(microseconds=1) if last else None
        aged = now - timedelta(days=self.older) if self.older else None
        until = min((one for one in (before, aged) if one), default=None)
        turns = (Turn.TYPING, Turn.CORRECTION) if self.secretary else ()
        taken = account_id if self.mine else ""
        return Narrowing(self.sites, self.modality, self.priority, since, until, taken, turns)


def filters_of(call: Call, site: str, query: Mapping[str, Sequence[str]]) -> Filters:
    """Return what an address chose; what is not offered is not chosen.

    Args:
        call: Whose sites are known.
        site: Of the page.
        query: Every value of every name.
    """
    offered = readable_sites(call)
    sites = tuple(one for one in offered if one in query.get("site", ()))
    older = next((days for days in AGES if str(days) in query.get("older", ())), 0)
    return Filters(
        site=site,
        sites=sites or (site,),
        modality=tuple(dict.fromkeys(one for one in query.get("modality", ()) if one.isalnum() and one.isascii()))[:_MOST],
        priority=tuple(one for one in PRIORITIES if one in query.get("priority", ())),
        older=older,
        first=_one_day(query, "first"),
        last=_one_day(query, "last"),
        mine="1" in query.get("mine", ()),
        secretary="1" in query.get("secretary", ()),
    )


def filters_from(call: Call, text: str, site: str) -> Filters:
    """Return the filters of the list an exam was opened from.

    Args:
        call: Whose sites are known.
        text: As `Filters.query` wrote it, or whatever came instead.
        site: Of the exam: the list's, when the text names none that this person reads.
    """
    query = parse_qs(text[:_LONGEST], max_num_fields=_FIELDS) if text.count("&") < _FIELDS else {}
    named = next((one for one in query.get("of", ()) if one in readable_sites(call)), site)
    return filters_of(call, named, query)


_LONGEST, _FIELDS = 1_000, 60


def came_from(call: Call, site: str) -> Filters:
    """Return the filters that the address of an exam's report carries: those of the list it was opened from."""
    named = next((one for one in call.query.get("of", ()) if one in readable_sites(call)), site)
    return filters_of(call, named, call.query)


def readable_sites(call: Call) -> tuple[str, ...]:
    """Return the sites where this person may read reports."""
    return tuple(site for site in call.person.sites if call.may("read_report", site))


def _one_day(query: Mapping[str, Sequence[str]], name: str) -> str:
    found = _day(query.get(name, ("",))[0])
    return found.isoformat() if found else ""


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
