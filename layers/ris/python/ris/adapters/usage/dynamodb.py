"""Usage facts in the `usage` table, written once each and never changed.

| item | pk | sk |
|---|---|---|
| fact | `USAGE#{site}#{yyyy-mm}` | fact id |
"""

from __future__ import annotations

from dataclasses import asdict

from ris.adapters.dynamodb import Item, Table, Write, instant_of, instant_text
from ris.domain.usage.facts import UsageFact


def fact_write(table: Table, fact: UsageFact) -> Write:
    """Return the write of one fact, for the transaction that makes it true."""
    item = {**asdict(fact), "at": instant_text(fact.at)}
    return table.putting({"pk": _month(fact.site, fact.month), "sk": fact.fact_id, **item}, condition="attribute_not_exists(pk)")


class DynamoUsageFacts:
    """Implements `UsageFacts`.

    Args:
        table: The `usage` table.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def of_month(self, site: str, month: str) -> list[UsageFact]:
        """Return the facts of a site's civil month, oldest first."""
        return sorted((_fact(item) for item in self._table.query(_month(site, month))), key=lambda fact: (fact.at, fact.fact_id))


def _month(site: str, month: str) -> str:
    return f"USAGE#{site}#{month}"


def _fact(item: Item) -> UsageFact:
    values = {name: item[name] for name in UsageFact.__dataclass_fields__}
    at = instant_of(item["at"])
    return UsageFact(**{**values, "at": at})
