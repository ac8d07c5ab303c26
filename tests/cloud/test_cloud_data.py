"""Tables and queues keep their promises under many clients."""

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.local.cloud.client import Cloud
from tests.support.waiting import until


def item(pk: str, sk: str, **strings: str) -> dict[str, Any]:
    return {name: {"S": value} for name, value in {"pk": pk, "sk": sk, **strings}.items()}


def test_one_of_many_conditional_writes_wins(probe: Cloud) -> None:
    # moto has no lock: in 2-9 of 150 rounds two writers won, and transactions answered 500.
    dynamodb, table = probe.client("dynamodb"), probe.outputs["Table"]

    def book(slot: str) -> bool:
        put = {"TableName": table, "Item": item(slot, "x"), "ConditionExpression": "attribute_not_exists(pk)"}
        count = {
            "TableName": table,
            "Key": item("counter", "booked"),
            "UpdateExpression": "ADD n :one",
            "ExpressionAttributeValues": {":one": {"N": "1"}},
        }
        try:
            dynamodb.transact_write_items(TransactItems=[{"Put": put}, {"Update": count}])
        except dynamodb.exceptions.TransactionCanceledException:
            return False
        return True

    slots = [f"slot#{number}" for number in range(12) for _ in range(5)]
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(book, slots))
    counted = dynamodb.get_item(TableName=table, Key=item("counter", "booked"), ConsistentRead=True)["Item"]["n"]["N"]
    assert sum(won) == 12
    assert counted == "12"


def _due(cloud: Cloud, key: str) -> list[str]:
    values = {":due": {"S": key}}
    found = cloud.client("dynamodb").query(
        TableName=cloud.outputs["Table"], IndexName="due", KeyConditionExpression="due_pk = :due", ExpressionAttributeValues=values
    )
    return [entry["sk"]["S"] for entry in found["Items"]]


def test_a_transaction_that_fails_takes_everything_back_what_it_updated_too(probe: Cloud) -> None:
    dynamodb, table = probe.client("dynamodb"), probe.outputs["Table"]
    places = [{"pk": {"S": "transaction"}, "sk": {"S": name}} for name in ("updated", "put", "deleted", "there")]
    updated, put, deleted, there = places
    for place in (updated, deleted, there):
        dynamodb.put_item(TableName=table, Item={**place, "said": {"L": [{"S": "before"}]}, "octets": {"B": b"\x00\xff"}})
    before = [dynamodb.get_item(TableName=table, Key=place, ConsistentRead=True).get("Item") for place in places]
    change = {
        "UpdateExpression": "SET said[0] = :after, more = :after",
        "ExpressionAttributeValues": {":after": {"S": "after"}},
    }
    writes = [
        {"Update": {"TableName": table, "Key": updated, **change}},
        {"Put": {"TableName": table, "Item": put}},
        {"Delete": {"TableName": table, "Key": deleted}},
    ]
    refused = {"Put": {"TableName": table, "Item": there, "ConditionExpression": "attribute_not_exists(pk)"}}

    with pytest.raises(dynamodb.exceptions.TransactionCanceledException):
        dynamodb.transact_write_items(TransactItems=[*writes, refused])

    assert [dynamodb.get_item(TableName=table, Key=place, ConsistentRead=True).get("Item") for place in places] == before
    assert before[0]["octets"] == {"B": b"\x00\xff"}
    dynamodb.transact_write_items(TransactItems=writes)
    found = dynamodb.get_item(TableName=table, Key=updated, ConsistentRead=True)["Item"]
    assert (found["said"], found["more"]) == ({"L": [{"S": "after"}]}, {"S": "after"})
    assert "Item" not in dynamodb.get_item(TableName=table, Key=deleted, ConsistentRead=True)


def test_an_index_can_be_late(probe: Cloud) -> None:
    # moto's indexes are immediate, those of AWS are not: code that relies on them would pass here and fail there.
    dynamodb, table = probe.client("dynamodb"), probe.outputs["Table"]
    dynamodb.put_item(TableName=table, Item=item("lag", "old", due_pk="d", due_at="1"))
    with probe.index_lag(30):
        dynamodb.put_item(TableName=table, Item=item("lag", "new", due_pk="d", due_at="2"))
        remove = {"Delete": {"TableName": table, "Key": item("lag", "old")}}
        dynamodb.transact_write_items(TransactItems=[remove])
        assert _due(probe, "d") == ["old"]
        assert "Item" in dynamodb.get_item(TableName=table, Key=item("lag", "new"), ConsistentRead=True)
        assert "Item" not in dynamodb.get_item(TableName=table, Key=item("lag", "old"), ConsistentRead=True)
    assert _due(probe, "d") == ["new"]


def test_an_index_catches_up(probe: Cloud) -> None:
    dynamodb, table = probe.client("dynamodb"), probe.outputs["Table"]
    with probe.index_lag(0.4):
        dynamodb.put_item(TableName=table, Item=item("catch", "up", due_pk="c", due_at="1"))
        assert until(lambda: _due(probe, "c"), 5) == ["up"]


def send(cloud: Cloud, queue: str, body: str, group: str, deduplication: str | None = None) -> None:
    cloud.client("sqs").send_message(
        QueueUrl=cloud.outputs[queue],
        MessageBody=body,
        MessageGroupId=group,
        MessageDeduplicationId=deduplication or uuid.uuid4().hex,
    )


def deliveries(cloud: Cloud, body: str) -> int:
    values = {":pk": {"S": f"work#{body}"}}
    found = cloud.client("dynamodb").query(
        TableName=cloud.outputs["Table"], KeyConditionExpression="pk = :pk", ExpressionAttributeValues=values, ConsistentRead=True
    )
    return int(found["Count"])


def dead(cloud: Cloud, queue: str) -> list[str]:
    found = cloud.client("sqs").receive_message(QueueUrl=cloud.outputs[queue], MaxNumberOfMessages=10)
    return [message["Body"] for message in found.get("Messages", [])]


def test_a_poison_message_does_not_drag_its_neighbours(probe: Cloud) -> None:
    # moto would deliver inside SendMessage; a batch larger than one sends the neighbours of the same group to the dead letters.
    send(probe, "WorkQueueUrl", "poison", "g")
    for number in range(4):
        send(probe, "WorkQueueUrl", f"after-{number}", "g")
        send(probe, "WorkQueueUrl", f"other-{number}", f"h{number}")
    assert until(lambda: dead(probe, "DeadLettersUrl")) == ["poison"]
    for number in range(4):
        assert until(lambda number=number: deliveries(probe, f"after-{number}")) == 1
        assert until(lambda number=number: deliveries(probe, f"other-{number}")) == 1
    assert deliveries(probe, "poison") == 3


def test_only_the_failed_messages_of_a_batch_come_again(probe: Cloud) -> None:
    sqs, url = probe.client("sqs"), probe.outputs["BatchQueueUrl"]
    entries = [{"Id": str(number), "MessageBody": f"batch-{'poison' if number == 2 else number}"} for number in range(5)]
    sqs.send_message_batch(QueueUrl=url, Entries=entries)
    assert until(lambda: dead(probe, "BatchDeadLettersUrl")) == ["batch-poison"]
    assert [deliveries(probe, f"batch-{number}") for number in (0, 1, 3, 4)] == [1, 1, 1, 1]
    assert deliveries(probe, "batch-poison") == 2


def test_a_deduplication_id_counts_for_five_minutes_even_when_the_message_is_gone(probe: Cloud) -> None:
    # moto forgets it when the message is deleted: a resend that AWS drops would arrive here.
    sqs, url = probe.client("sqs"), probe.outputs["PlainQueueUrl"]
    send(probe, "PlainQueueUrl", "first", "g", "same")
    (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    send(probe, "PlainQueueUrl", "corrected", "g", "same")
    send(probe, "PlainQueueUrl", "other", "g", "other")
    (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
    assert message["Body"] == "other"
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def test_a_waiting_receiver_does_not_hold_up_the_senders(probe: Cloud) -> None:
    # The lock around the queues must not be held while a receiver waits.
    sqs, url = probe.client("sqs"), probe.outputs["PlainQueueUrl"]
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(sqs.receive_message, QueueUrl=url, WaitTimeSeconds=20)
        send(probe, "PlainQueueUrl", "hello", "g")
        (message,) = waiting.result(timeout=10)["Messages"]
    assert message["Body"] == "hello"
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def test_a_message_is_received_once_by_many_receivers(probe: Cloud) -> None:
    # moto, without a lock, hands the same message to two receivers.
    sqs, url = probe.client("sqs"), probe.outputs["PlainQueueUrl"]
    for number in range(30):
        send(probe, "PlainQueueUrl", f"once-{number}", f"g{number}")

    def receive(_: int) -> list[str]:
        return [message["Body"] for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=2).get("Messages", [])]

    with ThreadPoolExecutor(8) as pool:
        bodies = [body for batch in pool.map(receive, range(30)) for body in batch]
    assert sorted(bodies) == sorted(f"once-{number}" for number in range(30))


def test_a_fifo_message_needs_a_group(probe: Cloud) -> None:
    with pytest.raises(ClientError, match="MessageGroupId"):
        probe.client("sqs").send_message(QueueUrl=probe.outputs["PlainQueueUrl"], MessageBody="x")


def test_what_is_locked_stays_and_what_is_there_is_not_written_over(probe: Cloud, tmp_path: Path) -> None:
    # moto drops the lock of a template: an object's version could be deleted, and the product would never meet the refusal.
    retention = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 30}}
    properties = {
        "BucketName": "probe-locked",
        "VersioningConfiguration": {"Status": "Enabled"},
        "ObjectLockEnabled": True,
        "ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled", "Rule": retention},
    }
    path = tmp_path / "locked.json"
    path.write_text(json.dumps({"Resources": {"B": {"Type": "AWS::S3::Bucket", "Properties": properties}}}), "utf-8")
    probe.deploy("locked", path)
    s3 = probe.client("s3")
    version = s3.put_object(Bucket="probe-locked", Key="a", Body=b"first", IfNoneMatch="*")["VersionId"]

    with pytest.raises(ClientError, match="AccessDenied"):
        s3.delete_object(Bucket="probe-locked", Key="a", VersionId=version)
    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.put_object(Bucket="probe-locked", Key="a", Body=b"second", IfNoneMatch="*")
    assert s3.get_object(Bucket="probe-locked", Key="a")["Body"].read() == b"first"
