"""A function runs as on AWS: its environment, its errors, its limits, its logs."""

import json
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from infra.local.cloud.client import Cloud, FunctionFailed
from tests.support.processes import parent, runs
from tests.support.waiting import until

RUNTIME = {
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_XRAY_CONTEXT_MISSING",
    "AWS_XRAY_DAEMON_ADDRESS",
    "LAMBDA_TASK_ROOT",
    "LANG",
    "PATH",
    "PYTHONPATH",
    "TZ",
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
}


def noted(cloud: Cloud, key: str) -> int:
    values = {":pk": {"S": key}}
    found = cloud.client("dynamodb").query(
        TableName=cloud.outputs["Table"], KeyConditionExpression="pk = :pk", ExpressionAttributeValues=values, ConsistentRead=True
    )
    return int(found["Count"])


def test_a_function_sees_exactly_the_variables_of_the_template(probe: Cloud) -> None:
    # An inherited variable would hide one that the template forgot.
    seen = probe.invoke("EchoFunction", {"a": "é"})
    assert set(seen["environment"]) - {"LC_CTYPE"} == RUNTIME | {"TABLE", "WORDS", "PUBLIC_URL", "GLOSSARY"}
    assert seen["environment"]["AWS_ACCESS_KEY_ID"] == "EchoFunction"
    assert seen["environment"]["PUBLIC_URL"] == probe.portal_url
    assert seen["environment"]["_X_AMZN_TRACE_ID"].endswith("Sampled=1")
    assert seen["folder"].endswith("functions/probe")
    assert seen["event"] == {"a": "é"}
    assert seen["word"] == "hello from the layer"
    assert 0 < seen["remaining_ms"] <= 20_000


def test_an_environment_is_used_again(probe: Cloud) -> None:
    assert probe.invoke("EchoFunction", {})["pid"] == probe.invoke("EchoFunction", {})["pid"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_when_what_forks_environments_is_killed_they_end_with_it_and_another_one_starts(probe: Cloud) -> None:
    before = probe.invoke("EchoFunction", {})["pid"]
    os.kill(parent(before), signal.SIGKILL)
    until(lambda: not runs(before) and before not in probe.processes("EchoFunction"))

    assert probe.invoke("EchoFunction", {})["pid"] != before


def test_the_repository_is_not_importable_by_accident(probe: Cloud) -> None:
    # The interpreter's own .pth files would bring every package of the repository, layer or not.
    path = probe.function_env("EchoFunction")["PYTHONPATH"].split(os.pathsep)
    assert [entry.rsplit("/", 2)[-2:] for entry in path[:2]] == [["functions", "probe"], ["words", "python"]]
    assert len(path) == 3


def test_the_log_holds_what_the_function_wrote_between_the_lines_of_the_platform(probe: Cloud) -> None:
    probe.invoke("EchoFunction", {})
    lines = probe.logs("EchoFunction")
    kinds = [line.split(" ")[0] for line in lines[-4:]]
    assert (kinds[0], kinds[2], kinds[3]) == ("START", "END", "REPORT")
    assert "a line of the log" in lines[-3]


def test_an_exception_keeps_its_class_name(probe: Cloud) -> None:
    with pytest.raises(FunctionFailed) as failure:
        probe.invoke("ActionFunction", {"do": "refuse"})
    assert failure.value.kind == "Refused"
    assert failure.value.payload["errorMessage"] == "no"


def test_a_late_function_is_killed_and_the_next_event_gets_a_new_one(probe: Cloud) -> None:
    with pytest.raises(FunctionFailed) as failure:
        probe.invoke("ActionFunction", {"do": "hang"})
    assert failure.value.kind == "Sandbox.Timedout"
    assert probe.invoke("ActionFunction", {"do": "answer"}) == {"do": "answer"}


def test_a_function_that_exits_is_an_exit_error(probe: Cloud) -> None:
    with pytest.raises(FunctionFailed) as failure:
        probe.invoke("ActionFunction", {"do": "exit"})
    assert failure.value.kind == "Runtime.ExitError"


def test_a_busy_function_that_is_killed_is_an_exit_error(probe: Cloud) -> None:
    # Without the host's watch on the pipe the caller would wait for ever.
    with ThreadPoolExecutor(1) as pool:
        started = starts(probe)
        pending = pool.submit(probe.invoke, "SingleFunction", {"do": "hang"})
        until(lambda: starts(probe) > started)
        (pid,) = until(lambda: probe.processes("SingleFunction"))
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(FunctionFailed) as failure:
            pending.result(timeout=10)
    assert failure.value.kind == "Runtime.ExitError"
    assert probe.invoke("SingleFunction", {"do": "answer"}) == {"do": "answer"}


def test_reserved_concurrency_is_a_limit(probe: Cloud) -> None:
    started = starts(probe)
    with ThreadPoolExecutor(1) as pool:
        pending = pool.submit(probe.invoke, "SingleFunction", {"do": "wait", "seconds": 1.5})
        until(lambda: starts(probe) > started)
        with pytest.raises(ClientError, match="TooManyRequestsException"):
            probe.invoke("SingleFunction", {"do": "answer"})
        pending.result(timeout=15)
    assert probe.invoke("SingleFunction", {"do": "answer"}) == {"do": "answer"}


def starts(cloud: Cloud) -> int:
    return sum(line.startswith("START") for line in cloud.logs("SingleFunction"))


def test_many_events_share_four_environments(probe: Cloud) -> None:
    # Without a limit 40 executions start 32 processes.
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda number: probe.invoke("EchoFunction", {"n": number}), range(24)))
    assert {answer["event"]["n"] for answer in answers} == set(range(24))
    assert len({answer["pid"] for answer in answers}) <= 4


def test_an_asynchronous_event_is_tried_three_times(probe: Cloud) -> None:
    # moto runs it at once, in the caller's request, and never again.
    def send(name: str, fail: bool) -> int:
        function, event = probe.functions["BackgroundFunction"], {"id": name, "fail": fail}
        answer = probe.client("lambda").invoke(FunctionName=function, InvocationType="Event", Payload=json.dumps(event).encode())
        return int(answer["StatusCode"])

    assert (send("good", False), send("bad", True)) == (202, 202)
    assert until(lambda: noted(probe, "background#bad") == 3)
    assert noted(probe, "background#good") == 1


def test_traces_arrive(probe: Cloud) -> None:
    # Without a daemon's address and a sampled trace, code behind active tracing is never run here.
    probe.invoke("TraceFunction", {})
    assert until(lambda: [segment for segment in probe.segments() if segment["name"] == "look"])


def test_a_rule_fires_its_target(probe: Cloud) -> None:
    # moto stores rules and never fires them.
    before = noted(probe, "scheduled")
    probe.fire("Schedule")
    assert noted(probe, "scheduled") == before + 1


def test_calls_are_counted_under_the_function_that_made_them(probe: Cloud) -> None:
    # moto enforces no IAM: this is what a role is compared with.
    probe.fire("Schedule")
    probe.client("s3", caller="Somebody").put_object(Bucket=probe.outputs["Bucket"], Key="a/b", Body=b"x")
    probe.client("s3", caller="Somebody").list_object_versions(Bucket=probe.outputs["Bucket"], Prefix="a")
    put = {"Put": {"TableName": "probe-table", "Item": {"pk": {"S": "transaction"}, "sk": {"S": "1"}}}}
    probe.client("dynamodb", caller="Somebody").transact_write_items(TransactItems=[put])
    probe.client("secretsmanager", caller="Somebody").create_secret(Name="probe/of/somebody", SecretString="x")
    secret = probe.client("secretsmanager", caller="Somebody").get_secret_value(SecretId="probe/of/somebody")["ARN"]
    probe.client("secretsmanager", caller="Somebody").get_secret_value(SecretId=secret)
    found = {(call["caller"], call["action"], call["resource"]) for call in probe.calls()}
    read = {resource for caller, action, resource in found if (caller, action) == ("Somebody", "secretsmanager:GetSecretValue")}
    assert read == {"probe/of/somebody", secret.rsplit(":", 1)[1]}
    assert ("BackgroundFunction", "dynamodb:PutItem", "probe-table") in found
    assert ("Somebody", "s3:PutObject", "probe-bucket/a/b") in found
    assert ("Somebody", "s3:ListBucketVersions", "probe-bucket") in found
    assert ("Somebody", "dynamodb:PutItem", "probe-table") in found


def test_a_path_under_opt_is_where_the_layer_lies(probe: Cloud) -> None:
    # Lambda mounts a layer's files under /opt; nothing is there on a laptop.
    path = Path(probe.function_env("EchoFunction")["GLOSSARY"])
    assert path.is_file()
    assert path.parts[-3:] == ("words", "python", "words.py")
