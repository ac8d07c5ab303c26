"""DynamoDB: one operation at a time, tables complete, and indexes that lag when told to.

moto has no lock: of parallel conditional writes, two can win, and transactions answer 500. One lock around each is enough.
moto's indexes are never late while those of AWS are: `IndexLag` lets a test see what a reader of a late index sees.
"""

import copy
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.table import Table
from moto.dynamodb.responses import DynamoHandler

from infra.local.cloud.names import ACCOUNT, REGION, UnknownToTheLocalCloud

_TABLE_PROPERTIES = {
    "AttributeDefinitions",
    "BillingMode",
    "DeletionProtectionEnabled",
    "GlobalSecondaryIndexes",
    "KeySchema",
    "LocalSecondaryIndexes",
    "PointInTimeRecoverySpecification",
    "SSESpecification",
    "TableName",
    "Tags",
    "TimeToLiveSpecification",
}

LOCK = threading.RLock()
"""Held during every operation on a table."""


class _Write(NamedTuple):
    """What an item was before a write."""

    at: float
    table: str
    key: dict[str, Any]
    before: Any


class IndexLag:
    """Answers queries of global indexes as if the last writes had not reached them yet."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._writes: deque[_Write] = deque(maxlen=10_000)

    def set(self, seconds: float) -> None:
        """Set how late the indexes are; 0 makes them immediate again."""
        self.seconds = seconds
        self._writes.clear()

    @contextmanager
    def applied(self, action: str, body: dict[str, Any]) -> Iterator[None]:
        """Remember the items an operation writes; hide young writes from one that reads an index."""
        if not self.seconds:
            yield
        elif body.get("IndexName"):
            with self._past():
                yield
        else:
            for table, key in _written(action, body):
                self._writes.append(_Write(time.monotonic(), table, key, copy.deepcopy(item_at(table, key))))
            yield

    @contextmanager
    def _past(self) -> Iterator[None]:
        horizon = time.monotonic() - self.seconds
        young = [write for write in self._writes if write.at > horizon]
        present = [(write.table, write.key, item_at(write.table, write.key)) for write in young]
        for write in reversed(young):
            put_back(write.table, write.key, write.before)
        try:
            yield
        finally:
            for table, key, item in present:
                put_back(table, key, item)


INDEX_LAG = IndexLag()


def install() -> None:
    """Put the lock and the index lag around every operation, and complete what a template says of a table."""
    original = DynamoHandler.call_action

    def call_action(handler: DynamoHandler) -> Any:
        action = handler.headers.get("X-Amz-Target", "").rsplit(".", 1)[-1]
        with LOCK, INDEX_LAG.applied(action, getattr(handler, "params", None) or {}):
            return original(handler)

    DynamoHandler.call_action = call_action
    create = Table.create_from_cloudformation_json.__func__
    Table.create_from_cloudformation_json = classmethod(_creation(create))


def _creation(create: Any) -> Any:
    def create_table(cls: type, name: str, cloudformation_json: dict[str, Any], *args: Any, **kwargs: Any) -> Table:
        properties = cloudformation_json["Properties"]
        if unknown := properties.keys() - _TABLE_PROPERTIES:
            raise UnknownToTheLocalCloud(f"property {sorted(unknown)[0]} of the table {kwargs['LogicalId']}")
        if "SSESpecification" in properties:
            sse = properties["SSESpecification"]
            sse["Enabled"] = sse.pop("SSEEnabled")
        table = create(cls, name, cloudformation_json, *args, **kwargs)
        backend = dynamodb_backends[ACCOUNT][REGION]
        if "TimeToLiveSpecification" in properties:
            backend.update_time_to_live(name, properties["TimeToLiveSpecification"])
        if "PointInTimeRecoverySpecification" in properties:
            backend.update_continuous_backups(name, properties["PointInTimeRecoverySpecification"])
        return table

    return create_table


def _written(action: str, body: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the table and the key of every item an operation writes."""
    if action in ("PutItem", "UpdateItem", "DeleteItem"):
        yield body["TableName"], body.get("Key") or _key(body["TableName"], body["Item"])
    elif action == "BatchWriteItem":
        for table, requests in body["RequestItems"].items():
            for request in requests:
                yield (
                    table,
                    request["DeleteRequest"]["Key"] if "DeleteRequest" in request else _key(table, request["PutRequest"]["Item"]),
                )
    elif action == "TransactWriteItems":
        for entry in body["TransactItems"]:
            (kind, operation), *_ = entry.items()
            if kind != "ConditionCheck":
                yield operation["TableName"], operation.get("Key") or _key(operation["TableName"], operation["Item"])


def _table(name: str) -> Table:
    return dynamodb_backends[ACCOUNT][REGION].get_table(name)


def _key(table: str, item: dict[str, Any]) -> dict[str, Any]:
    return {name: item[name] for name in _table(table).table_key_attrs if name in item}


def _places(table: Table, key: dict[str, Any]) -> tuple[Any, Any]:
    from moto.dynamodb.models.dynamo_type import DynamoType

    hash_value = DynamoType(key[table.hash_key_attr])
    return hash_value, DynamoType(key[table.range_key_attr]) if table.range_key_attr else None


def item_at(name: str, key: dict[str, Any]) -> Any:
    """Return moto's item under a key, or None."""
    table = _table(name)
    hash_value, range_value = _places(table, key)
    if hash_value not in table.items:
        return None
    return table.items[hash_value].get(range_value) if range_value is not None else table.items[hash_value]


def put_back(name: str, key: dict[str, Any], item: Any) -> None:
    """Put an item under a key; None takes it away."""
    table = _table(name)
    hash_value, range_value = _places(table, key)
    place, last = (table.items, hash_value) if range_value is None else (table.items[hash_value], range_value)
    if item is None:
        place.pop(last, None)
    else:
        place[last] = item
