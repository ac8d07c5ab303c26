"""DynamoDB: a transaction costs what it writes, and an answer what it holds.

moto copies every item of a table, once for each write of a transaction, to be able to take it back: a third of a demo's time, and quadratic.
Here a copy of a table shares its items, and an update changes a copy of its item. An answer that is plain JSON already is not walked again with
the service's model: another fifth.
"""

import copy
import json
from base64 import b64encode
from collections import defaultdict
from typing import Any

from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.table import Table
from moto.dynamodb.responses import DynamoResult

from infra.local.cloud.dynamodb import item_at, put_back


def install() -> None:
    """Put both in place."""
    Table.__deepcopy__ = _sharing_items
    DynamoDBBackend.update_item = _on_a_copy(DynamoDBBackend.update_item)
    DynamoResult.execute_result = _plain_or(DynamoResult.execute_result)


def _sharing_items(table: Table, _: dict[int, Any]) -> Table:
    """Return a table whose items are those of another: a write replaces an item, and never changes it."""
    made = Table.__new__(Table)
    made.__dict__.update(table.__dict__)
    made.items = defaultdict(dict, {key: dict(items) if table.range_key_attr else items for key, items in table.items.items()})
    return made


def _on_a_copy(update: Any) -> Any:
    def update_item(backend: DynamoDBBackend, table_name: str, key: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        if (item := item_at(table_name, key)) is not None:
            put_back(table_name, key, copy.deepcopy(item))
        return update(backend, table_name, key, *args, **kwargs)

    return update_item


def _plain_or(modelled: Any) -> Any:
    def execute_result(result: DynamoResult, context: Any) -> tuple[int, dict[str, str], str]:
        try:
            plain = json.dumps(result.result, default=_octets)
        except TypeError:  # a description of a table is not plain
            answer: tuple[int, dict[str, str], str] = modelled(result, context)
            return answer
        return 200, {"Content-Type": "application/x-amz-json-1.0"}, plain

    return execute_result


def _octets(value: bytes) -> str:
    return b64encode(value).decode()
