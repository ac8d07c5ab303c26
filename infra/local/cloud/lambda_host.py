"""Lambda without containers: pools of execution environments, and AWS's rules of invocation around them."""

import base64
import os
import queue
import sysconfig
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from moto.awslambda.exceptions import LambdaClientError
from moto.awslambda.models import LambdaFunction, LayerVersion, lambda_backends

from infra.local.children import Children
from infra.local.cloud import sam
from infra.local.cloud.execution import Answer, Environment
from infra.local.cloud.names import ACCOUNT, REGION, UnknownToTheLocalCloud
from infra.local.cloud.nursery import Nursery

MAXIMUM_ENVIRONMENTS = 4
"""Environments per function: without a limit 40 executions start 32 processes."""

ASYNC_RETRY_S = (60, 120)
"""Delays before the second and the third attempt of an asynchronous invocation, in seconds."""

_IGNORED = {
    "Architectures",
    "Tags",
    "LoggingConfig",
    "TracingConfig",
    "Layers",
}
_PASSED = {"Description", "MemorySize", "Timeout", "Environment", "ReservedConcurrentExecutions"}
_REQUIRED = {"Code", "FunctionName", "Handler", "Role", "Runtime"}


class Throttled(LambdaClientError):
    """The reserved concurrency is used up."""

    code = 429

    def __init__(self) -> None:
        super().__init__("TooManyRequestsException", "Rate Exceeded.")


class Function:
    """A deployed function: what the template says of it, and its pool of environments."""

    def __init__(
        self,
        logical_id: str,
        properties: dict[str, Any],
        arn: str,
        children: Children,
        nursery: Nursery,
        addresses: dict[str, str],
        scale: float,
    ) -> None:
        self.logical_id = logical_id
        self.arn = arn
        self.name: str = properties["FunctionName"]
        self.timeout_s = float(properties.get("Timeout", 3))
        self.memory_mb = int(properties.get("MemorySize", 128))
        self.traced = properties.get("TracingConfig", {}).get("Mode") == "Active"
        self.log_group: str = properties.get("LoggingConfig", {}).get("LogGroup", f"/aws/lambda/{self.name}")
        self.code = sam.code_path(properties["Code"]["S3Key"])
        self.environment = _environment(self, properties, addresses)
        self._children = children
        self._nursery = nursery
        self._scale = scale
        self._reserved: int | None = properties.get("ReservedConcurrentExecutions")
        self._slots = threading.Semaphore(MAXIMUM_ENVIRONMENTS if self._reserved is None else int(self._reserved))
        self._idle: queue.LifoQueue[Environment] = queue.LifoQueue()

    def invoke(self, event: bytes) -> Answer:
        """Run the function and wait for its answer."""
        with self._slot():
            environment = self._take()
            try:
                return environment.invoke(str(uuid.uuid4()), event)
            finally:
                if environment.alive:
                    self._idle.put(environment)

    def processes(self) -> list[int]:
        """Return the process ids of the environments that live."""
        return [child.pid for child in self._children.named(self.logical_id) if child.alive()]

    def invoke_later(self, event: bytes) -> None:
        """Run the function in the background: two retries, then it is gone."""
        threading.Thread(target=self._attempt, args=(event,), name=f"async-{self.logical_id}", daemon=True).start()

    def _attempt(self, event: bytes) -> None:
        for delay_s in (0, *ASYNC_RETRY_S):
            time.sleep(delay_s / self._scale)
            try:
                if not self.invoke(event).failed:
                    return
            except Throttled:
                continue

    @contextmanager
    def _slot(self) -> Iterator[None]:
        if not self._slots.acquire(blocking=self._reserved is None):
            raise Throttled
        try:
            yield
        finally:
            self._slots.release()

    def _take(self) -> Environment:
        while True:
            try:
                environment = self._idle.get_nowait()
            except queue.Empty:
                return Environment(self, self._nursery, self._children)
            if environment.alive:
                return environment


def _environment(function: Function, properties: dict[str, Any], addresses: dict[str, str]) -> dict[str, str]:
    """Make a function's environment from nothing, so that a variable the template forgot is missing here too."""
    layers = [path for arn in properties.get("Layers", []) for path in layer_folders(arn)]
    runtime = {
        "_HANDLER": properties["Handler"],
        "AWS_ACCESS_KEY_ID": function.logical_id,
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": REGION,
        **addresses,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{properties['Runtime']}",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": function.log_group,
        "AWS_LAMBDA_LOG_STREAM_NAME": "local",
        "AWS_REGION": REGION,
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "LAMBDA_TASK_ROOT": str(function.code),
        "LANG": "en_US.UTF-8",
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "PYTHONPATH": os.pathsep.join(map(str, [function.code, *layers, sysconfig.get_path("purelib")])),
        "TZ": ":UTC",
    }
    given = properties.get("Environment", {}).get("Variables", {})
    variables = {key: _mounted(str(value), properties.get("Layers", [])) for key, value in given.items()}
    if taken := runtime.keys() & variables.keys():
        raise UnknownToTheLocalCloud(f"{function.logical_id} sets {sorted(taken)[0]}, which belongs to the runtime")
    return {**variables, **runtime}


def _mounted(value: str, layers: list[str]) -> str:
    """Return where a path under /opt, where Lambda mounts its layers, lies here."""
    if not value.startswith("/opt/"):
        return value
    for arn in layers:
        path = _layer_folder(arn) / value.removeprefix("/opt/")
        if path.exists():
            return str(path)
    raise UnknownToTheLocalCloud(f"path {value}, which no layer of the function holds")


def layer_folders(arn: str) -> list[Path]:
    """Return the folders that a layer puts on the path.

    A layer of ours holds its `python` folder. A pinned third-party layer holds requirements only: its packages are those of the
    interpreter that runs the cloud.
    """
    folder = _layer_folder(arn)
    if (folder / "python").is_dir():
        return [folder / "python"]
    if any(folder.glob("requirements*")):
        return []
    raise UnknownToTheLocalCloud(f"layer {arn}: {folder} holds neither a python folder nor requirements")


def _layer_folder(arn: str) -> Path:
    layer = lambda_backends[ACCOUNT][REGION].layers_versions_by_arn(arn)
    return sam.code_path(layer.content["S3Key"])


class Host:
    """All deployed functions, by physical name."""

    def __init__(self, children: Children, endpoint: str, scale: float, trace_daemon: str) -> None:
        self._children = children
        self._nursery = Nursery(children)
        self._addresses = {"AWS_ENDPOINT_URL": endpoint, "AWS_XRAY_DAEMON_ADDRESS": trace_daemon}
        self._scale = scale
        self.functions: dict[str, Function] = {}

    def install(self) -> None:
        """Put this host behind every way by which moto invokes a function."""
        create = LambdaFunction.create_from_cloudformation_json.__func__
        LambdaFunction.create_from_cloudformation_json = classmethod(self._creation(create))
        LambdaFunction.invoke = self._invoke_from_moto()
        LayerVersion.physical_resource_id = property(lambda layer: layer.arn)

    def find(self, name: str) -> Function:
        """Return a function by its name, its ARN or a part of its ARN."""
        return self.functions[name.rsplit(":function:", 1)[-1].split(":")[0]]

    def by_logical_id(self, logical_id: str) -> Function:
        """Return a function by its name in the template."""
        return next(function for function in self.functions.values() if function.logical_id == logical_id)

    def _creation(self, create: Callable[..., Any]) -> Callable[..., Any]:
        def create_from_cloudformation_json(
            cls: type, resource_name: str, cloudformation_json: dict[str, Any], *args: Any, **kwargs: Any
        ) -> Any:
            logical_id, properties = kwargs["LogicalId"], cloudformation_json["Properties"]
            if unknown := properties.keys() - _IGNORED - _PASSED - _REQUIRED:
                raise UnknownToTheLocalCloud(f"property {sorted(unknown)[0]} of the function {logical_id}")
            if logical_id in {function.logical_id for function in self.functions.values()}:
                raise UnknownToTheLocalCloud(f"two functions named {logical_id}: it is their access key")
            made = create(cls, resource_name, cloudformation_json, *args, **kwargs)
            properties = {**properties, "FunctionName": resource_name}
            function = Function(
                logical_id, properties, made.function_arn, self._children, self._nursery, self._addresses, self._scale
            )
            self.functions[resource_name] = function
            return made

        return create_from_cloudformation_json

    def _invoke_from_moto(self) -> Callable[..., bytes]:
        host = self

        def invoke(function: LambdaFunction, body: str | bytes, request_headers: Any, response_headers: Any) -> bytes:
            event = body.encode() if isinstance(body, str) else body or b"{}"
            headers = {key.lower(): value for key, value in dict(request_headers).items()}
            if headers.get("x-amz-invocation-type") == "Event":
                host.find(function.function_name).invoke_later(event)
                return b""
            answer = host.find(function.function_name).invoke(event)
            if answer.failed:
                response_headers["x-amz-function-error"] = "Unhandled"
            response_headers["x-amz-log-result"] = base64.b64encode(b"").decode()
            return answer.payload

        return invoke
