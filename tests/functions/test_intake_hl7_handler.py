"""The intake's outer shell: what is parked, what is raised for the queue, and what the log says."""

from __future__ import annotations

import base64
import importlib
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from ris.domain.errors import RemoteUnavailable
from tests.support.dispatch import Dispatch
from tests.support.hl7 import Intake, adt
from tests.support.queues import queue_event

CANARY = "CANARI"


@pytest.fixture
def intake(monkeypatch: pytest.MonkeyPatch) -> Intake:
    intake = Intake()
    module = importlib.import_module("functions.intake_hl7.handler")
    monkeypatch.setattr(module, "intake_services", lambda: intake.s)
    monkeypatch.setattr(module, "acknowledgement_services", lambda: Dispatch().answers)
    return intake


def consume(*bodies: dict[str, Any] | str) -> list[str]:
    """Return the ids of the messages that failed."""
    from functions.intake_hl7.handler import handler

    answer = handler(queue_event(*bodies), object())
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def envelope(frame: bytes, **changes: Any) -> dict[str, Any]:
    return {
        "site": "nord",
        "spool_id": "g-1",
        "received_at": "2026-10-05T06:00:00Z",
        "frame": base64.b64encode(frame).decode(),
        "sha256": "00",
        **changes,
    }


class Breaking:
    """A reader or a store that fails as told, the first time or always."""

    def __init__(self, inner: Any, name: str, error: Exception, *, always: bool = True) -> None:
        self._inner, self._name, self._error, self._left = inner, name, error, 10**6 if always else 1

    def __getattr__(self, name: str) -> Any:
        if name == self._name and self._left:
            self._left -= 1

            def fail(*_: Any) -> Any:
                raise self._error

            return fail
        return getattr(self._inner, name)


def test_our_own_bug_on_one_message_parks_it_and_the_next_one_passes(intake: Intake, capsys: pytest.CaptureFixture[str]) -> None:
    intake.s = replace(intake.s, reader=Breaking(intake.s.reader, "read", KeyError(CANARY), always=False))

    assert consume(envelope(adt(ipp="IPP-1")), envelope(adt(ipp="IPP-2"))) == []

    assert intake.listed() == [("unexpected_error", "MSH")]
    assert intake.patient("IPP-2")
    captured = capsys.readouterr()
    assert "INTAKE_HL7_008" in captured.out
    assert CANARY not in captured.out + captured.err


@pytest.mark.parametrize(
    "outage",
    [
        RemoteUnavailable("cloud_unavailable"),
        ClientError({"Error": {"Code": "AccessDeniedException", "Message": CANARY}}, "GetItem"),
        EndpointConnectionError(endpoint_url="http://127.0.0.1"),
    ],
)
def test_an_outage_fails_the_message_for_the_queue_and_parks_nothing(
    intake: Intake, outage: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = intake.s
    intake.s = replace(whole, patients=Breaking(whole.patients, "find_by_identifier", outage))

    assert consume(envelope(adt(control_id="X1"))) == ["0"]
    assert intake.listed() == []
    assert CANARY not in capsys.readouterr().out

    intake.s = whole
    assert consume(envelope(adt(control_id="X1"))) == []
    assert intake.patient()


def test_an_envelope_nobody_can_read_goes_to_the_dead_letters(intake: Intake) -> None:
    unreadable = ["{", {}, {**envelope(b""), "frame": "*"}, {**envelope(b""), "kind": "fax"}, envelope(adt(), site="ailleurs")]

    assert consume(*unreadable) == list("01234")


def test_an_answer_that_belongs_to_nothing_is_no_failure(intake: Intake, capsys: pytest.CaptureFixture[str]) -> None:
    said = {**envelope(b""), "kind": "acknowledgement", "destination": "PACS", "message_id": "NOTHING", "outcome": "AA"}

    assert consume(said) == []
    assert "INTAKE_HL7_006" in capsys.readouterr().out
