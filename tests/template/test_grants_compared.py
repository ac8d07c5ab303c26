"""The comparison of grants and calls finds what it is there for."""

from __future__ import annotations

from tests.support.grants import Right, called, granted, idle, missing
from tests.support.stacks import tenant

EXAMS = "arn:aws:dynamodb:eu-west-3:123456789012:table/ris-demo-exams"
SWEEP = tenant().resources["SweepDueFunction"]


def seen(action: str, resource: str) -> dict[str, object]:
    return {"caller": "SweepDueFunction", "action": action, "resource": resource, "count": 1}


def test_a_call_without_a_grant_is_found() -> None:
    calls = called([seen("dynamodb:Scan", "ris-demo-exams"), seen("dynamodb:GetItem", "ris-demo-exams")], "SweepDueFunction")

    assert missing(granted(tenant(), SWEEP), calls) == {Right("dynamodb:Scan", EXAMS)}


def test_a_query_of_an_index_is_another_right_than_one_of_its_table() -> None:
    grants = {Right("dynamodb:Query", f"{EXAMS}/index/due")}

    assert missing(grants, called([seen("dynamodb:Query", "ris-demo-exams/due")], "SweepDueFunction")) == set()
    assert missing(grants, called([seen("dynamodb:Query", "ris-demo-exams")], "SweepDueFunction")) == {
        Right("dynamodb:Query", EXAMS)
    }


def test_a_grant_that_nothing_uses_is_found() -> None:
    assert idle({Right("dynamodb:PutItem", EXAMS)}, set()) == {Right("dynamodb:PutItem", EXAMS)}


def test_a_star_stands_for_the_site() -> None:
    grants = {Right("sqs:SendMessage", "arn:aws:sqs:eu-west-3:123456789012:ris-demo-*-worklist-feed")}
    calls = called([seen("sqs:SendMessage", "ris-demo-nord-worklist-feed")], "SweepDueFunction")

    assert (missing(grants, calls), idle(grants, calls)) == (set(), set())


def test_a_secret_is_the_same_whatever_was_added_to_its_name() -> None:
    calls = called([seen("secretsmanager:GetSecretValue", "ris-demo/message-group-key-x1Y2z3")], "SweepDueFunction")

    assert missing(granted(tenant(), SWEEP), calls) == set()


def test_what_the_mapping_reads_is_not_counted_against_the_function() -> None:
    grants = granted(tenant(), tenant().resources["IntakeHl7Function"])

    assert not [right for right in grants if right.action == "sqs:ReceiveMessage"]


def test_another_caller_is_not_counted() -> None:
    assert called([{**seen("dynamodb:Scan", "ris-demo-exams"), "caller": "test"}], "SweepDueFunction") == set()
