"""What the decorators let out of a function: groups, batch failures, and never a value."""

import json
from typing import Any

import pytest
from pydantic import BaseModel

from ris.contracts.queues import Hl7Acknowledged, Hl7Inbound
from ris.domain.errors import Refused, RemoteUnavailable
from ris.observability import LogReference, bound, log, queue_consumer, task
from tests.support.queues import queue_event

CANARY = "CANARI-DUPONT"


class Given(BaseModel):
    accession_number: str


class SlotTaken(Refused):
    """A subclass: a state machine would not match its name."""


class Context:
    aws_request_id = "request-1"


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_task_gives_its_answer_as_plain_json():
    @task("confirm_booking")
    def handler(event: Given) -> Given:
        return event

    assert handler({"accession_number": "A1", "later_field": 1}, Context()) == {"accession_number": "A1"}


def test_a_precise_error_leaves_under_its_group_with_its_code_in_the_cause():
    @task("confirm_booking")
    def handler(event: Given) -> None:
        raise SlotTaken("slot_taken", field="start", detail="room is taken")

    with pytest.raises(Refused) as caught:
        handler({"accession_number": "A1"}, Context())

    assert type(caught.value).__name__ == "Refused"
    assert json.loads(str(caught.value)) == {"code": "slot_taken", "field": "start", "detail": "room is taken"}


def test_a_crash_is_none_of_the_groups_and_says_nothing_of_its_text(capsys):
    @task("confirm_booking")
    def handler(event: Given) -> None:
        raise KeyError(CANARY)

    with pytest.raises(Exception, match=r"^KeyError$") as caught:
        handler({"accession_number": "A1"}, Context())

    assert type(caught.value).__name__ == "UnexpectedError"
    assert caught.value.__context__ is None
    written = capsys.readouterr().out
    assert CANARY not in written
    assert "test_handlers.py" in written


def test_a_bad_task_input_is_invalid_input_and_never_quoted(capsys):
    @task("confirm_booking")
    def handler(event: Given) -> None:
        raise AssertionError

    with pytest.raises(Exception, match="invalid_input") as caught:
        handler({"accession_number": {"name": CANARY}}, Context())

    assert type(caught.value).__name__ == "InvalidInput"
    assert CANARY not in str(caught.value) + capsys.readouterr().out


MESSAGE = {"site": "nord", "spool_id": "g-1", "received_at": "2026-01-12T08:15:00Z", "sha256": "00"}
ACKNOWLEDGEMENT = {
    "kind": "acknowledgement",
    "site": "nord",
    "spool_id": "g-2",
    "received_at": "2026-01-12T08:15:00Z",
    "destination": "PACS",
    "message_id": "M1",
    "outcome": "AA",
}


@pytest.mark.parametrize("queue", ["hl7-inbound.fifo", "plain"])
def test_one_failing_message_fails_alone_and_the_others_are_done(queue, capsys):
    seen = []

    @queue_consumer("intake_hl7")
    def handler(envelope: Hl7Inbound | Hl7Acknowledged) -> None:
        seen.append(type(envelope).__name__)
        if envelope.spool_id == "g-1":
            raise RemoteUnavailable("table_unavailable", detail="throttled")

    answer = handler(queue_event(MESSAGE, ACKNOWLEDGEMENT, queue=queue, names=("1", "2")), Context())

    assert answer == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    assert seen == ["Hl7Inbound", "Hl7Acknowledged"]


def test_a_batch_that_fails_whole_is_answered_not_raised(capsys):
    @queue_consumer("intake_hl7")
    def handler(envelope: Hl7Inbound) -> None:
        raise ValueError(CANARY)

    answer = handler(queue_event(MESSAGE, "not json " + CANARY, names=("1", "2")), Context())

    assert [failure["itemIdentifier"] for failure in answer["batchItemFailures"]] == ["1", "2"]
    captured = capsys.readouterr()
    assert CANARY not in captured.out + captured.err


def test_a_line_carries_its_code_and_only_allowed_fields(capsys):
    with bound(function="intake_hl7"):
        log(LogReference.INTAKE_HL7_001, site="nord", count=2, patient_name=CANARY)  # type: ignore[call-arg]

    (line,) = lines(capsys)
    assert (line["code_reference"], line["function"], line["site"], line["count"]) == ("INTAKE_HL7_001", "intake_hl7", "nord", 2)
    assert CANARY not in json.dumps(line)


def test_every_reference_has_a_level_and_a_text():
    assert all(level in ("info", "warning", "error") and text for level, text in (each.value for each in LogReference))
