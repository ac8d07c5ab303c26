"""RecordOutcome as deployed: what a state machine caught, on its row."""

from __future__ import annotations

import json
import uuid

import pytest

from infra.local.cloud.client import Cloud, FunctionFailed
from ris.adapters.dispatch.dynamodb import DynamoDeliveryStore
from ris.adapters.dynamodb import Table
from ris.domain.dispatch.transitions import planned
from tests.support.agenda import NOW
from tests.support.cloud import deployed_cloud

cloud = deployed_cloud()


def test_a_caught_error_is_on_the_row_with_the_code_of_its_cause(cloud: Cloud) -> None:
    rows = DynamoDeliveryStore(Table(cloud.client("dynamodb"), cloud.function_env("PortalFunction")["TABLE_EXAMS"]))
    owner = uuid.uuid4().hex[:12]
    rows.save(planned(owner, "sud", "hl7_pacs_order", "PACS", NOW))
    inner = json.dumps({"code": "unknown_patient", "field": "patient_id", "detail": ""})
    event = {
        "accession_number": owner,
        "channel": "hl7_pacs_order",
        "recipient": "PACS",
        "error": "InvalidInput",
        "cause": json.dumps({"errorMessage": inner, "errorType": "InvalidInput", "stackTrace": []}),
    }

    answer = cloud.invoke("RecordOutcomeFunction", event)
    again = cloud.invoke("RecordOutcomeFunction", {**event, "error": "States.Timeout", "cause": "Task timed out"})

    assert answer == again == {"accession_number": owner, "channel": "hl7_pacs_order", "recipient": "PACS", "state": "rejected"}
    row = rows.get(owner, "hl7_pacs_order", "PACS")
    assert row is not None
    assert (row.reason, row.due_at) == ("unknown_patient", None)


@pytest.mark.parametrize("function", ["RecordOutcomeFunction", "SendHl7Function"])
def test_an_exam_nobody_knows_is_invalid_input_by_its_group_name(cloud: Cloud, function: str) -> None:
    event = {"accession_number": "nothing", "channel": "hl7_pacs_order", "recipient": "PACS", "error": "X"}

    with pytest.raises(FunctionFailed) as failure:
        cloud.invoke(function, event)

    assert failure.value.kind == "InvalidInput"
    assert json.loads(failure.value.payload["errorMessage"])["code"] == "unknown_exam"
