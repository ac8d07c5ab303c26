"""State machines do what they do on AWS."""

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.local.cloud.client import Cloud


def test_an_indexed_path_is_one_value(probe: Cloud) -> None:
    # moto: `$.channels[0].outcome` is the list ["delivered"]; the Choice silently takes its Default.
    ended = probe.wait_execution(probe.start("Machine", "indexed", {"do": "answer"}))
    assert ended["status"] == "SUCCEEDED"
    assert ended["output"]["acted"]["answer"]["first"] == "delivered"


def test_a_task_s_error_is_the_exception_s_name(probe: Cloud) -> None:
    ended = probe.wait_execution(probe.start("Machine", "refused", {"do": "refuse"}))
    assert (ended["status"], ended["error"]) == ("FAILED", "Refused")
    assert json.loads(ended["cause"])["errorMessage"] == "no"


@pytest.mark.parametrize(("what", "error"), [("exit", "Runtime.ExitError"), ("hang", "Sandbox.Timedout")])
def test_a_function_killed_in_the_middle_of_its_task_is_caught(probe: Cloud, what: str, error: str) -> None:
    ended = probe.wait_execution(probe.start("Machine", f"killed-{what}", {"do": what}))
    assert (ended["status"], ended["error"]) == ("FAILED", error)


def test_retries_wait_on_the_local_clock(probe: Cloud) -> None:
    # 30 and 60 seconds on AWS: the definition stays as it is, the clock is scaled.
    ended = probe.wait_execution(probe.start("Machine", "retried", {"do": "unavailable"}), timeout_s=30)
    assert ended["error"] == "RemoteUnavailable"
    kinds = [event["type"] for event in probe.history(ended["executionArn"])]
    assert kinds.count("TaskScheduled") == 3


def test_a_name_is_used_once(probe: Cloud) -> None:
    probe.wait_execution(probe.start("Machine", "named", {"do": "answer"}))
    with pytest.raises(ClientError, match="ExecutionAlreadyExists"):
        probe.start("Machine", "named", {"do": "answer", "more": 1})


def test_a_machine_has_the_name_of_the_template(probe: Cloud) -> None:
    # moto gives it a random one: policies and code that know the name would miss it.
    assert probe.state_machines["Machine"].endswith(":stateMachine:probe-machine")


def test_histories_are_written_one_file_an_execution(probe: Cloud, tmp_path: Path) -> None:
    arn = probe.start("Machine", "history", {"do": "answer"})
    probe.wait_execution(arn)
    probe.histories(tmp_path)
    content = json.loads((tmp_path / "history.json").read_text())
    assert content["status"] == "SUCCEEDED"
    assert content["events"][0]["type"] == "ExecutionStarted"
    assert content["events"][-1]["type"] == "ExecutionSucceeded"


def test_a_machine_starts_another_by_name_once(probe: Cloud, tmp_path: Path) -> None:
    # moto leaves the parameters of a direct integration as they are written, and the client refuses them.
    start = {
        "Type": "Task",
        "Resource": "arn:aws:states:::states:startExecution",
        "Parameters": {"StateMachineArn.$": "$.machine", "Name.$": "$.name", "Input": {"do": "answer"}},
        "ResultPath": "$.started",
        "Catch": [{"ErrorEquals": ["StepFunctions.ExecutionAlreadyExistsException"], "ResultPath": "$.error", "Next": "Before"}],
        "Next": "Now",
    }
    states = {"Start": start, "Now": {"Type": "Succeed"}, "Before": {"Type": "Fail", "Error": "Before"}}
    definition = json.dumps({"StartAt": "Start", "States": states})
    properties = {
        "StateMachineName": "probe-starter",
        "DefinitionString": definition,
        "RoleArn": "arn:aws:iam::123456789012:role/x",
    }
    path = tmp_path / "starter.json"
    resources = {"Starter": {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}}
    path.write_text(json.dumps({"Resources": resources, "Outputs": {"Arn": {"Value": {"Ref": "Starter"}}}}), "utf-8")
    starter = probe.deploy("starter", path)["Arn"]
    states_api = probe.client("stepfunctions")

    def run(name: str) -> dict[str, Any]:
        given = json.dumps({"machine": probe.state_machines["Machine"], "name": "started-by-a-machine"})
        return probe.wait_execution(states_api.start_execution(stateMachineArn=starter, name=name, input=given)["executionArn"])

    first = run("one")
    assert (first["status"], first.get("error")) == ("SUCCEEDED", None)
    assert probe.wait_execution(first["output"]["started"]["ExecutionArn"])["status"] == "SUCCEEDED"
    again = run("two")
    assert (again["status"], again["error"]) == ("FAILED", "Before")
