"""What tests and the demo hold of the cloud: it starts as a child process and is spoken to over HTTP alone."""

import json
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import urlopen

import boto3
from botocore.config import Config

from infra.local.children import Child, Children, python
from infra.local.cloud.grants import Right, called, missing

ROOT = Path(__file__).resolve().parents[3]
_ENDED = {"SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"}


class CloudDidNotStart(Exception):
    """The cloud ended before it was ready; the text is what it printed last."""


class CloudRefused(Exception):
    """The cloud could not do what was asked; the text says what."""


class Cloud:
    """A running cloud."""

    def __init__(self, state: dict[str, Any], child: Child | None = None) -> None:
        self.state = state
        self.endpoint: str = state["endpoint"]
        self.portal_url: str = state["portal_url"]
        self.region: str = state["region"]
        self.outputs: dict[str, str] = state["outputs"]
        self.sites: dict[str, dict[str, str]] = state["sites"]
        self.functions: dict[str, str] = state["functions"]
        self.state_machines: dict[str, str] = state["state_machines"]
        self.child = child
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()

    # AWS

    def client(self, service: str, caller: str = "test") -> Any:
        """Return a client of an AWS service.

        Args:
            service: boto3's name of the service.
            caller: Access key: the name under which `calls` counts what this client does.
        """
        with self._lock:
            if (key := f"{service}/{caller}") not in self._clients:
                self._clients[key] = boto3.Session().client(
                    service,
                    endpoint_url=self.endpoint,
                    region_name=self.region,
                    aws_access_key_id=caller,
                    aws_secret_access_key="local",
                    config=Config(retries={"total_max_attempts": 1}, max_pool_connections=32),
                )
            return self._clients[key]

    def aws_environment(self, caller: str = "test") -> dict[str, str]:
        """Return the variables that lead boto3 in another process to this cloud."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_REGION": self.region,
            "AWS_ACCESS_KEY_ID": caller,
            "AWS_SECRET_ACCESS_KEY": "local",
        }

    # Functions

    def invoke(self, function: str, event: Any) -> Any:
        """Invoke a function by its logical id and return its answer.

        Raises:
            FunctionFailed: It raised, died or was late.
        """
        answer = self.client("lambda").invoke(FunctionName=self.functions[function], Payload=json.dumps(event).encode())
        payload = json.loads(answer["Payload"].read() or b"null")
        if "FunctionError" in answer:
            raise FunctionFailed(payload)
        return payload

    def function_env(self, function: str) -> dict[str, str]:
        """Return the whole environment that a function's processes get."""
        return self._ask("environment", function=function)

    def processes(self, function: str) -> list[int]:
        """Return the process ids of a function's living environments."""
        return self._ask("processes", function=function)

    def logs(self, function: str) -> list[str]:
        """Return the lines of a function's log, oldest first."""
        return self.log_lines(self.function_env(function)["AWS_LAMBDA_LOG_GROUP_NAME"])

    def log_lines(self, group: str) -> list[str]:
        """Return the lines of a log group, oldest first; none when the group does not exist yet."""
        logs = self.client("logs")
        try:
            pages = list(logs.get_paginator("filter_log_events").paginate(logGroupName=group))
        except logs.exceptions.ResourceNotFoundException:
            return []
        return [event["message"] for page in pages for event in page["events"]]

    # State machines

    def start(self, machine: str, name: str, execution_input: Any) -> str:
        """Start a state machine by its logical id and return the execution's ARN."""
        states = self.client("stepfunctions")
        started = states.start_execution(stateMachineArn=self.state_machines[machine], name=name, input=json.dumps(execution_input))
        return str(started["executionArn"])

    def wait_execution(self, arn: str, timeout_s: float = 60.0) -> dict[str, Any]:
        """Wait until an execution has ended and return its description, with `input` and `output` parsed.

        Asked more and more rarely: each question keeps the cloud from its work.

        Raises:
            TimeoutError: It still runs.
        """
        began = time.monotonic()
        pause = threading.Event()
        while (waited := time.monotonic() - began) < timeout_s:
            described: dict[str, Any] = self.client("stepfunctions").describe_execution(executionArn=arn)
            if described["status"] in _ENDED:
                return {**described, **{key: json.loads(described[key]) for key in ("input", "output") if key in described}}
            pause.wait(max(0.02, min(waited / 10, 0.2)))
        raise TimeoutError(f"{arn} still runs after {timeout_s} s")

    def executions(self, machine: str) -> list[dict[str, Any]]:
        """Return the executions of a state machine, by its logical id."""
        pages = self.client("stepfunctions").get_paginator("list_executions").paginate(stateMachineArn=self.state_machines[machine])
        return [execution for page in pages for execution in page["executions"]]

    def history(self, arn: str) -> list[dict[str, Any]]:
        """Return the events of an execution."""
        events: list[dict[str, Any]] = self.client("stepfunctions").get_execution_history(executionArn=arn)["events"]
        return events

    def histories(self, folder: Path) -> list[Path]:
        """Write the history of every execution of every machine as `<execution>.json` and return the files."""
        folder.mkdir(parents=True, exist_ok=True)
        files = []
        for machine in self.state_machines:
            for execution in self.executions(machine):
                path = folder / f"{execution['name']}.json"
                content = {**execution, "events": self.history(execution["executionArn"])}
                path.write_text(json.dumps(content, indent=1, default=_iso, ensure_ascii=False), encoding="utf-8")
                files.append(path)
        return files

    # What AWS has no call for

    def calls(self) -> list[dict[str, Any]]:
        """Return the AWS calls so far: `caller` (a function's logical id), `action` (as IAM names it), `resource`, `count`."""
        return self._ask("calls")

    def grants(self) -> dict[str, set[Right]]:
        """Return what each caller may do as deployed: functions by logical id, whoever holds a managed policy by its name."""
        return {caller: {Right(*each) for each in rights} for caller, rights in self._ask("grants").items()}

    def refused(self) -> dict[str, set[Right]]:
        """Return the calls that AWS would have refused, by caller; those of tests and operators are not looked at."""
        calls = self.calls()
        found = {caller: missing(rights, called(calls, caller)) for caller, rights in self.grants().items()}
        return {caller: rights for caller, rights in found.items() if rights}

    def forget_calls(self) -> None:
        """Count calls from nothing again."""
        self._ask("forget_calls")

    def faults(self) -> list[str]:
        """Return the calls that moto itself failed at; a test session ends with none."""
        return self._ask("faults")

    def fire(self, rule: str) -> None:
        """Fire a scheduled rule by its logical id and wait for its targets."""
        self._ask("fire", rule=rule)

    def segments(self) -> list[dict[str, Any]]:
        """Return the trace segments that functions sent."""
        return self._ask("segments")

    @contextmanager
    def index_lag(self, seconds: float) -> Iterator[None]:
        """Let global indexes answer as they were some seconds ago, as those of AWS may."""
        self._ask("index_lag", seconds=str(seconds))
        try:
            yield
        finally:
            self._ask("index_lag", seconds="0")

    def deploy(self, name: str, template: Path, parameters: Mapping[str, str] | None = None) -> dict[str, str]:
        """Deploy one more stack into the running cloud and return its outputs.

        Raises:
            CloudRefused: The template holds what the cloud does not do; the text names it.
        """
        return self._ask("deploy", name=name, template=str(template), parameters=json.dumps(parameters or {}))

    def stop(self) -> None:
        """End the cloud and everything it started."""
        if self.child:
            self.child.stop()

    def _ask(self, question: str, **parameters: str) -> Any:
        try:
            with urlopen(f"{self.endpoint}/_cloud/{question}?{urlencode(parameters)}", timeout=120) as answer:
                return json.load(answer)
        except HTTPError as error:
            raise CloudRefused(json.load(error)) from None


class FunctionFailed(Exception):
    """A function's error: `kind` is its name, `payload` everything."""

    def __init__(self, payload: dict[str, Any]) -> None:
        super().__init__(payload.get("errorType"), payload.get("errorMessage"))
        self.payload = payload
        self.kind: str = payload.get("errorType", "")


def _iso(value: Any) -> str:
    return str(value.isoformat())


def spawn_cloud(
    children: Children,
    folder: Path,
    template: Path = ROOT / "template.yaml",
    parameters: Mapping[str, str] | None = None,
    *,
    site_template: Path | None = None,
    sites: Sequence[Mapping[str, str]] = (),
    portal_port: int = 0,
    scale: float = 20.0,
    rate_scale: float = 20.0,
    retry_s: float = 0.5,
    schedules: bool = True,
    timeout_s: float = 120.0,
) -> Cloud:
    """Start a cloud among the children of this process and wait until it is ready.

    Args:
        children: Owner of the process.
        folder: Gets the state file and what the cloud prints.
        template: The root template.
        parameters: Its parameters; the values `{portal_url}` and `{endpoint}` are filled in.
        site_template: The template of a site's stack.
        sites: The parameters of each site's stack.
        portal_port: Port of the HTTP API; 0 for a free one.
        scale: By how much waits before retries are shortened.
        rate_scale: By how much the rates of schedules are.
        retry_s: When a message whose function failed comes again, in seconds.
        schedules: Whether rules fire by themselves; else only by `Cloud.fire`.
        timeout_s: How long the start may take, in seconds.

    Raises:
        CloudDidNotStart: It ended or took too long.
    """
    folder.mkdir(parents=True, exist_ok=True)
    state, log = folder / "cloud.json", folder / "cloud.log"
    state.unlink(missing_ok=True)
    arguments = ["--state", str(state), "--template", str(template), "--portal-port", str(portal_port)]
    arguments += [
        "--scale",
        str(scale),
        "--rate-scale",
        str(rate_scale),
        "--retry-s",
        str(retry_s),
        *(() if schedules else ("--no-schedules",)),
    ]
    for name, value in (parameters or {}).items():
        arguments += ["--parameter", f"{name}={value}"]
    if site_template:
        arguments += ["--site-stack", str(site_template)]
    for site in sites:
        arguments += ["--site", ",".join(f"{name}={value}" for name, value in site.items())]
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "RIS_"))}
    child = children.spawn("cloud", python("infra.local.cloud", *arguments), environment, cwd=ROOT, output=log)
    _wait_for(state, child, log, timeout_s)
    return Cloud(json.loads(state.read_text(encoding="utf-8")), child)


def _wait_for(state: Path, child: Child, log: Path, timeout_s: float) -> None:
    end = time.monotonic() + timeout_s
    pause = threading.Event()
    while not state.exists():
        if not child.alive() or time.monotonic() > end:
            child.kill()
            raise CloudDidNotStart(log.read_text(encoding="utf-8", errors="replace")[-4000:])
        pause.wait(0.02)


@contextmanager
def start_cloud(folder: Path, template: Path = ROOT / "template.yaml", **options: Any) -> Iterator[Cloud]:
    """Run a cloud for the length of a block; the options are those of `spawn_cloud`."""
    with Children() as children:
        yield spawn_cloud(children, folder, template, **options)
