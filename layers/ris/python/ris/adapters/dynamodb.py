"""What every DynamoDB adapter shares: plain values to attribute values, conditional writes, and errors by who must act.

Items are plain dicts of str, int, bool, bytes, None, lists and dicts. Instants are text of one width, so that they sort.
An adapter stays readable: it says keys, conditions and shapes, and nothing of the wire.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ris.application.conflicts import Conflict
from ris.domain.errors import InvalidInput, RemoteUnavailable

Item = dict[str, Any]
Write = dict[str, Any]
Key = tuple[str, str]

DUE_INDEX = "due"
_LOST_RACE = frozenset({"ConditionalCheckFailed", "TransactionConflict"})


def instant_text(instant: datetime | None) -> str:
    """Return an aware instant as 27 characters of UTC that sort by time; empty for None."""
    return f"{instant.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z" if instant else ""


def instant_of(text: str) -> datetime | None:
    """Return the aware UTC instant of such a text; None for an empty one."""
    return datetime.fromisoformat(text) if text else None


def key_part(text: str) -> str:
    """Return a sender's text as one part of a key: `#` cannot move the border between two parts."""
    return text.replace("%", "%25").replace("#", "%23")


def marshal(value: Any) -> dict[str, Any]:
    """Return a plain value as DynamoDB's typed attribute value."""
    match value:
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": value}
        case int():
            return {"N": str(value)}
        case bytes():
            return {"B": value}
        case list() | tuple():
            return {"L": [marshal(each) for each in value]}
        case Mapping():
            return {"M": {name: marshal(each) for name, each in value.items()}}
    raise TypeError(f"no attribute type for {type(value).__name__}")


def unmarshal(typed: Mapping[str, Any]) -> Any:
    """Return the plain value of a typed attribute value; numbers are integers here."""
    ((kind, value),) = typed.items()
    match kind:
        case "NULL":
            return None
        case "N":
            return int(value)
        case "B":
            return bytes(value)
        case "L":
            return [unmarshal(each) for each in value]
        case "M":
            return {name: unmarshal(each) for name, each in value.items()}
    return value


def _plain(attributes: Mapping[str, Any]) -> Item:
    return {name: unmarshal(each) for name, each in attributes.items()}


def is_outage(error: BaseException) -> bool:
    """Say whether an error of the AWS client is an outage or a right that is missing, rather than the content's fault."""
    from botocore.exceptions import BotoCoreError, ClientError

    return isinstance(error, BotoCoreError | ClientError)


@contextmanager
def by_who_must_act() -> Iterator[None]:
    """Turn errors of the client into Conflict (decide again), InvalidInput (content) or RemoteUnavailable (retry).

    A write whose answer was lost is RemoteUnavailable too: every write here is conditional, so doing it again is safe. A request
    that the client itself refuses to send (a table without a name) is our bug and stays one: retrying would only hide it.
    """
    from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

    try:
        yield
    except ParamValidationError:
        raise
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        reasons = {reason.get("Code") for reason in error.response.get("CancellationReasons", [])}
        if code in ("ConditionalCheckFailedException", "TransactionConflictException") or reasons & _LOST_RACE:
            raise Conflict(code) from None
        if code == "ValidationException" or "ValidationError" in reasons:
            raise InvalidInput("not_storable", detail=code) from None
        raise RemoteUnavailable("cloud_unavailable", detail=code) from None
    except BotoCoreError as error:
        raise RemoteUnavailable("cloud_unavailable", detail=type(error).__name__) from None


@dataclass(frozen=True)
class Table:
    """One table through the low-level client.

    Args:
        client: `boto3.client("dynamodb")`.
        name: Of the table.
    """

    client: Any
    name: str

    def get(self, pk: str, sk: str) -> Item | None:
        """Return one item, read consistently, or None."""
        with by_who_must_act():
            answer = self.client.get_item(TableName=self.name, Key={"pk": {"S": pk}, "sk": {"S": sk}}, ConsistentRead=True)
        return _plain(answer["Item"]) if "Item" in answer else None

    def get_many(self, keys: Sequence[Key]) -> dict[Key, Item]:
        """Return the items that exist, read consistently, a hundred at a time."""
        found: dict[Key, Item] = {}
        wanted = [{"pk": {"S": pk}, "sk": {"S": sk}} for pk, sk in dict.fromkeys(keys)]
        while wanted:
            ask, wanted = wanted[:100], wanted[100:]
            with by_who_must_act():
                answer = self.client.batch_get_item(RequestItems={self.name: {"Keys": ask, "ConsistentRead": True}})
            for attributes in answer["Responses"].get(self.name, []):
                item = _plain(attributes)
                found[(item["pk"], item["sk"])] = item
            wanted += answer.get("UnprocessedKeys", {}).get(self.name, {}).get("Keys", [])
        return found

    def query(
        self,
        pk: str,
        *,
        prefix: str = "",
        limit: int = 0,
        newest_first: bool = False,
        after: str = "",
        between: tuple[str, str] | None = None,
    ) -> list[Item]:
        """Return the items of a partition in order of `sk`, read consistently.

        Args:
            pk: The partition.
            prefix: What `sk` begins with.
            limit: At most so many; 0 means all.
            newest_first: Backwards.
            after: `sk` behind which the list goes on.
            between: The first and the last `sk`, instead of a prefix.
        """
        condition, values = "", {}
        if prefix:
            condition, values = " AND begins_with(sk, :sk)", {":sk": {"S": prefix}}
        elif between:
            condition, values = " AND sk BETWEEN :first AND :last", {":first": {"S": between[0]}, ":last": {"S": between[1]}}
        request: dict[str, Any] = {
            "TableName": self.name,
            "KeyConditionExpression": "pk = :pk" + condition,
            "ExpressionAttributeValues": {":pk": {"S": pk}, **values},
            "ConsistentRead": True,
            "ScanIndexForward": not newest_first,
        }
        if after:
            request["ExclusiveStartKey"] = {"pk": {"S": pk}, "sk": {"S": after}}
        return self._pages(request, limit)

    def due(
        self,
        due_pk: str,
        *,
        until: datetime | None = None,
        limit: int,
        after: Item | None = None,
        since: datetime | None = None,
        newest_first: bool = False,
        index: str = DUE_INDEX,
        between: tuple[str, str] | None = None,
    ) -> list[Item]:
        """Return the items on one list of a sparse index, the earliest first.

        An index is behind its table: what is written from this list is decided again on the base item.

        Args:
            due_pk: The list.
            until: Only what is due at this instant; None means all.
            limit: At most so many.
            after: An item of this list, behind which it goes on.
            since: Nothing that was due before this instant.
            newest_first: Backwards.
            index: Its key attributes are `{index}_pk` and `{index}_at`.
            between: The first and the last place, of a list that does not sort by instants.
        """
        pk, at = f"{index}_pk", f"{index}_at"
        first, last = between or (instant_text(since), instant_text(until))
        parts = [f"{pk} = :pk", *([f"{at} >= :since"] if first else []), *([f"{at} <= :until"] if last else [])]
        if first and last:
            parts = [f"{pk} = :pk", f"{at} BETWEEN :since AND :until"]
        request: dict[str, Any] = {
            "TableName": self.name,
            "IndexName": index,
            "KeyConditionExpression": " AND ".join(parts),
            "ExpressionAttributeValues": {
                ":pk": {"S": due_pk},
                **{name: {"S": bound} for name, bound in ((":since", first), (":until", last)) if bound},
            },
            "ScanIndexForward": not newest_first,
        }
        if after:
            request["ExclusiveStartKey"] = {name: marshal(after[name]) for name in ("pk", "sk", pk, at)}
        return self._pages(request, limit)

    def _pages(self, request: dict[str, Any], limit: int) -> list[Item]:
        found: list[Item] = []
        while True:
            if limit:
                request["Limit"] = limit - len(found)
            with by_who_must_act():
                answer = self.client.query(**request)
            found += [_plain(attributes) for attributes in answer["Items"]]
            if "LastEvaluatedKey" not in answer or (limit and len(found) >= limit):
                return found
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def putting(self, item: Item, *, condition: str = "", values: Mapping[str, Any] | None = None) -> Write:
        """Return the write of one item, for `write`; names in the condition stand as they are (`#version` is known)."""
        put: dict[str, Any] = {"TableName": self.name, "Item": {name: marshal(value) for name, value in item.items()}}
        _add_condition(put, condition, values)
        return {"Put": put}

    def putting_version(self, item: Item, version_read: int) -> Write:
        """Return the write of a versioned item: a new one when 0 was read, else only over the version read."""
        if version_read == 0:
            return self.putting(item, condition="attribute_not_exists(pk)")
        return self.putting(item, condition="#version = :read", values={":read": version_read})

    def deleting(self, pk: str, sk: str, *, condition: str = "", values: Mapping[str, Any] | None = None) -> Write:
        """Return the removal of one item, for `write`."""
        delete: dict[str, Any] = {"TableName": self.name, "Key": {"pk": {"S": pk}, "sk": {"S": sk}}}
        _add_condition(delete, condition, values)
        return {"Delete": delete}


def _add_condition(request: dict[str, Any], condition: str, values: Mapping[str, Any] | None) -> None:
    if not condition:
        return
    request["ConditionExpression"] = condition
    if "#version" in condition:
        request["ExpressionAttributeNames"] = {"#version": "version"}
    if values:
        request["ExpressionAttributeValues"] = {name: marshal(value) for name, value in values.items()}


def write(client: Any, writes: Sequence[Write]) -> None:
    """Do all writes or none, across tables too; at most a hundred.

    Raises:
        Conflict: A condition did not hold, or another transaction was on the same item.
    """
    with by_who_must_act():
        match list(writes):
            case []:
                return
            case [{"Put": put}]:
                client.put_item(**put)
            case [{"Delete": delete}]:
                client.delete_item(**delete)
            case several:
                client.transact_write_items(TransactItems=several)
