"""Composition root of usage: facts, what they were counted to, and whose figures they are."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from ris.bootstrap.dispatch import table

if TYPE_CHECKING:
    from ris.application.usage.ports import UsageServices


@functools.cache
def usage_services() -> UsageServices:
    """Return the ports of counting over AWS: `TABLE_USAGE`, `TABLE_REFERENCE`."""
    from ris.adapters.reference.dynamodb import DynamoReferenceBook
    from ris.adapters.usage.dynamodb import DynamoUsageFacts, DynamoUsageSummaries
    from ris.application.usage.ports import UsageServices

    usage = table("USAGE")
    return UsageServices(
        facts=DynamoUsageFacts(usage), summaries=DynamoUsageSummaries(usage), reference=DynamoReferenceBook(table("REFERENCE"))
    )
