"""A table of a test's own in the running cloud, with the key every table has."""

from __future__ import annotations

import itertools
import os

from infra.local.cloud.client import Cloud
from ris.adapters.dynamodb import Table

_NUMBERS = itertools.count()


def own_table(cloud: Cloud) -> Table:
    """Create a table nobody else uses (keys `pk`, `sk`) and return it."""
    client = cloud.client("dynamodb")
    name = f"test-{os.getpid()}-{next(_NUMBERS)}"
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
    )
    return Table(client, name)
