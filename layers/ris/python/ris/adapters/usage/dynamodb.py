"""Usage facts in the `usage` table, written once each and never changed, and what they were counted to.

| item | pk | sk | lists |
|---|---|---|---|
| fact | `USAGE#{site}#{yyyy-mm}` | `{yyyy-mm-dd}#{fact id}` | index `file`: `FILE#{accession}`, by its instant |
| figures of a month | `SUMMARY#{site}` | `{yyyy-mm}` | |
| list behind the figures of a day | `ENTRIES#{site}#{yyyy-mm}` | `{yyyy-mm-dd}` | |

Figures and lists are deflated JSON: a busy site's month is some ten thousand bytes.
"""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from ris.adapters.dynamodb import Item, Table, Write, instant_of, instant_text, write
from ris.application.usage.ports import Days, MonthSummary
from ris.domain.usage.facts import UsageFact
from ris.domain.usage.figures import Axis
from ris.domain.usage.tally import Entry

FILE_INDEX = "file"


def fact_write(table: Table, fact: UsageFact) -> Write:
    """Return the write of one fact, for the transaction that makes it true."""
    at = instant_text(fact.at)
    key = {"pk": _facts_of(fact.site, fact.month), "sk": f"{fact.day}#{fact.fact_id}"}
    listed = {"file_pk": f"FILE#{fact.accession_number}", "file_at": at}
    return table.putting({**key, **listed, **asdict(fact), "at": at}, condition="attribute_not_exists(pk)")


class DynamoUsageFacts:
    """Implements `UsageFacts`.

    Args:
        table: The `usage` table.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def of_month(self, site: str, month: str) -> list[UsageFact]:
        """See the port."""
        return _oldest_first(self._table.query(_facts_of(site, month)))

    def of_day(self, site: str, day: str) -> list[UsageFact]:
        """See the port."""
        return _oldest_first(self._table.query(_facts_of(site, day[:7]), prefix=f"{day}#"))

    def of_file(self, accession_number: str) -> list[UsageFact]:
        """See the port."""
        return _oldest_first(self._table.due(f"FILE#{accession_number}", index=FILE_INDEX, limit=0))


class DynamoUsageSummaries:
    """Implements `UsageSummaries`.

    Args:
        table: The `usage` table.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def months(self, places: Sequence[tuple[str, str]]) -> dict[tuple[str, str], MonthSummary]:
        """See the port."""
        found = self._table.get_many([(f"SUMMARY#{site}", month) for site, month in places])
        summaries = [_summary(item) for item in found.values()]
        return {(one.site, one.month): one for one in summaries}

    def latest(self, site: str) -> MonthSummary | None:
        """See the port."""
        found = self._table.query(f"SUMMARY#{site}", newest_first=True, limit=1)
        return _summary(found[0]) if found else None

    def entries(self, site: str, day: str) -> list[Entry]:
        """See the port."""
        item = self._table.get(f"ENTRIES#{site}#{day[:7]}", day)
        return [_entry(day, row) for row in _inflated(item["entries"])] if item else []

    def save(self, summary: MonthSummary, entries: Mapping[str, Sequence[Entry]]) -> MonthSummary:
        """See the port."""
        month: Item = {
            "pk": f"SUMMARY#{summary.site}",
            "sk": summary.month,
            "site": summary.site,
            "version": summary.version + 1,
            "counted_until": instant_text(summary.counted_until),
            "days": _deflated({day: [_axis_row(*one) for one in sorted(axes.items())] for day, axes in summary.days.items()}),
        }
        lists = [
            self._table.putting(
                {"pk": f"ENTRIES#{summary.site}#{summary.month}", "sk": day, "entries": _deflated(_entry_rows(of_day))}
            )
            for day, of_day in sorted(entries.items())
        ]
        write(self._table.client, [self._table.putting_version(month, summary.version), *lists])
        return replace(summary, version=summary.version + 1)


def _facts_of(site: str, month: str) -> str:
    return f"USAGE#{site}#{month}"


def _oldest_first(items: Iterable[Item]) -> list[UsageFact]:
    return sorted((_fact(item) for item in items), key=lambda fact: (fact.at, fact.fact_id))


def _fact(item: Item) -> UsageFact:
    values: dict[str, Any] = {name: item[name] for name in UsageFact.__dataclass_fields__ if name in item}
    tuples = {name: tuple(item.get(name, ())) for name in ("plan", "marks")}
    return UsageFact(**{**values, **tuples, "at": instant_of(item["at"])})


def _summary(item: Item) -> MonthSummary:
    until = instant_of(item["counted_until"])
    if until is None:
        raise ValueError("a summary without its instant")
    days: Days = {
        day: {Axis(finess, rpps): Counter(figures) for finess, rpps, figures in axes}
        for day, axes in _inflated(item["days"]).items()
    }
    return MonthSummary(item["site"], item["sk"], until, days, item["version"])


def _axis_row(axis: Axis, figures: Mapping[str, int]) -> list[Any]:
    return [axis.finess, axis.rpps, dict(sorted(figures.items()))]


def _entry_rows(entries: Sequence[Entry]) -> list[list[Any]]:
    return [[one.accession_number, one.axis.finess, one.axis.rpps, dict(one.figures)] for one in sorted(entries)]


def _entry(day: str, row: Sequence[Any]) -> Entry:
    accession, finess, rpps, figures = row
    return Entry(day, accession, Axis(finess, rpps), tuple(sorted(figures.items())))


def _deflated(value: Any) -> bytes:
    return zlib.compress(json.dumps(value, separators=(",", ":"), sort_keys=True).encode(), 6)


def _inflated(content: bytes) -> Any:
    return json.loads(zlib.decompress(content))
