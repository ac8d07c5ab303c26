"""What the agenda's queue and machine do when AWS says no, or nothing."""

from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ParamValidationError

from ris.adapters.agenda.dynamodb import DynamoExamStore
from ris.adapters.agenda.step_functions import StepFunctionsWorkflows
from ris.adapters.agenda.worklist_queue import QueueWorklistPublisher
from ris.adapters.dynamodb import Table
from ris.application.agenda.publish_worklist import entry_of
from ris.domain.agenda.worklist import WorklistEntry
from ris.domain.errors import RemoteUnavailable
from tests.support.agenda import World


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "IPP-1 ADRUN"}}, "Call")


UNREACHABLE = EndpointConnectionError(endpoint_url="http://127.0.0.1:1")


class Client:
    """Answers every call, or raises what it is told to."""

    def __init__(self, *failures: Exception | None) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self._failures = list(failures)

    def _call(self, action: str, **given: Any) -> dict[str, Any]:
        self.calls.append((action, given))
        failure = self._failures.pop(0) if self._failures else None
        if failure is not None:
            raise failure
        return {"QueueUrl": f"https://sqs/{given.get('QueueName', '')}"}

    def start_execution(self, **given: Any) -> dict[str, Any]:
        return self._call("start_execution", **given)

    def get_queue_url(self, **given: Any) -> dict[str, Any]:
        return self._call("get_queue_url", **given)

    def send_message(self, **given: Any) -> dict[str, Any]:
        return self._call("send_message", **given)


def test_an_execution_has_a_name_and_only_our_own_identifiers() -> None:
    client = Client()
    machine = StepFunctionsWorkflows(client, booking="arn:booking")

    machine.start_booking("260000000001", "token")
    machine.start_booking("260000000001", "token", 3)

    assert ["booking-260000000001", "booking-260000000001-3"] == [given["name"] for _, given in client.calls]
    assert '{"accession_number":"260000000001","hold_token":"token"}' == client.calls[0][1]["input"]


def test_a_name_that_was_used_is_a_start_that_was_done() -> None:
    StepFunctionsWorkflows(Client(refusal("ExecutionAlreadyExists")), booking="arn").start_booking("1", "t")


@pytest.mark.parametrize("failure", [refusal("ThrottlingException"), UNREACHABLE])
def test_a_machine_that_did_not_start_says_so_without_the_remotes_words(failure: Exception) -> None:
    with pytest.raises(RemoteUnavailable) as error:
        StepFunctionsWorkflows(Client(failure), booking="arn").start_booking("1", "t")

    assert "ADRUN" not in f"{error.value} {error.value.detail}"


@pytest.fixture
def entry() -> WorklistEntry:
    world = World()
    exam = world.booked()
    return entry_of(world.s, exam, exam.steps[0])


def test_a_sites_queue_is_looked_up_once(entry: WorklistEntry) -> None:
    client = Client()
    publisher = QueueWorklistPublisher(client, prefix="ris-demo")

    publisher.publish(entry)
    publisher.publish(entry)

    assert ["get_queue_url", "send_message", "send_message"] == [name for name, _ in client.calls]
    assert "ris-demo-nord-worklist-feed" == client.calls[0][1]["QueueName"]
    assert {"QueueUrl", "MessageBody"} == set(client.calls[1][1]), "no attribute carries anything"


@pytest.mark.parametrize("failure", [refusal("AWS.SimpleQueueService.NonExistentQueue"), UNREACHABLE])
@pytest.mark.parametrize("before", [(), (None,)])
def test_a_feed_that_does_not_take_it_is_unavailable(entry: WorklistEntry, failure: Exception, before: tuple[None, ...]) -> None:
    publisher = QueueWorklistPublisher(Client(*before, failure), prefix="ris-demo")

    with pytest.raises(RemoteUnavailable):
        publisher.publish(entry)
    publisher.publish(entry)


def test_a_queue_that_was_made_anew_is_looked_up_again(entry: WorklistEntry) -> None:
    client = Client(None, None, refusal("AWS.SimpleQueueService.NonExistentQueue"))
    publisher = QueueWorklistPublisher(client, prefix="ris-demo")
    publisher.publish(entry)

    with pytest.raises(RemoteUnavailable):
        publisher.publish(entry)
    publisher.publish(entry)

    assert "get_queue_url" == client.calls[-2][0]


def test_a_setting_that_is_missing_is_our_bug_and_not_an_outage() -> None:
    """Retrying what the client itself refuses to send would hide it for ever."""

    class Nameless:
        def get_item(self, **_: Any) -> None:
            raise ParamValidationError(report="Invalid length for parameter TableName")

    with pytest.raises(ParamValidationError):
        DynamoExamStore(Table(Nameless(), "")).get("1")
