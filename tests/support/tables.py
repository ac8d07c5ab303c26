"""A table of a test's own in the running cloud, with the key every table has."""

from __future__ import annotations

import getpass
import itertools
import json
import os
from datetime import UTC, datetime
from pathlib import Path

from infra.local.cloud.client import Cloud
from ris.adapters.access.dynamodb import DynamoAuditTrail
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


def acts_of_operators(audit: Table, site: str) -> list[tuple[str, str, str, str]]:
    """Return what whoever runs the test left in the audit trail of a site today: action, object, result and code, in order."""
    kept = DynamoAuditTrail(audit).of_day(site, f"{datetime.now(UTC):%Y-%m-%d}", limit=10_000)
    return [
        (one.action, one.object_id, one.result, one.code)
        for one in sorted(kept, key=lambda one: one.instant)
        if one.account_id == f"operator:{getpass.getuser()}"
    ]


def state_file(cloud: Cloud, folder: Path, **tables: Table) -> Path:
    """Write what `--stack-outputs` reads of the embedded cloud, with tables of a test's own instead (`ReferenceTable`), and return the file."""
    outputs = cloud.outputs | {name: table.name for name, table in tables.items()}
    file = folder / "state.json"
    file.write_text(json.dumps({"endpoint": cloud.endpoint, "region": cloud.region, "outputs": outputs}))
    return file
