"""Step Functions: machines from a template that run, definite paths that give one value, and retries on the local clock.

moto holds a port of an interpreter of the Amazon States Language; what is wrong in it for us is replaced here.
"""

import functools
import json
import re
import sys
import threading
import time
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from moto.stepfunctions.models import StateMachine
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service import StateTaskService
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.asl.utils import boto_client, json_path
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from infra.local.cloud import sam
from infra.local.cloud.names import ACCOUNT, REGION, UnknownToTheLocalCloud

CALLER = "StateMachines"
"""Access key of what a state machine calls."""

_INDEFINITE = re.compile(r"\.\.|\*|\[\?|:|,")
_KNOWN = {
    "DefinitionS3Location",
    "DefinitionString",
    "DefinitionSubstitutions",
    "LoggingConfiguration",
    "RoleArn",
    "StateMachineName",
    "StateMachineType",
    "Tags",
    "TracingConfiguration",
}


def install(endpoint: str, scale: float) -> None:
    """Replace what is wrong or slow.

    Args:
        endpoint: Address of the local cloud, which the interpreter calls for its tasks.
        scale: By how much the waits before retries are shortened.
    """
    StateMachine.create_from_cloudformation_json = classmethod(_create)
    StateMachine.cloudformation_name_type = staticmethod(lambda: "StateMachineName")
    attribute_of = StateMachine.get_cfn_attribute
    StateMachine.has_cfn_attr = classmethod(lambda _cls, attribute: attribute in ("Arn", "Name"))
    StateMachine.get_cfn_attribute = lambda machine, name: machine.arn if name == "Arn" else attribute_of(machine, name)
    _rebind(json_path, "extract_json", _definite(json_path.extract_json))
    _rebind(boto_client, "boto_client_for", _client_factory(endpoint))
    StateTaskService._normalise_parameters = _normalise_parameters
    StateTaskService._normalise_response = _normalise_response
    AmazonStateLanguageParser.parse = staticmethod(functools.lru_cache(64)(AmazonStateLanguageParser.parse))
    retrier_decl.time = SimpleNamespace(sleep=lambda seconds: time.sleep(seconds / scale))


def _rebind(module: Any, name: str, replacement: Any) -> None:
    """Replace a function in the module that defines it and in every one that has already imported it."""
    original = getattr(module, name)
    for loaded in list(sys.modules.values()):
        if getattr(loaded, "__name__", "").startswith("moto.stepfunctions") and vars(loaded).get(name) is original:
            setattr(loaded, name, replacement)


def _definite(original: Any) -> Any:
    """Make `$.channels[0].outcome` one value, as on AWS; moto gives a list, and a Choice silently takes its default."""

    def extract_json(path: str, data: Any) -> Any:
        if _INDEFINITE.search(path):
            return original(path, data)
        matches = json_path.parse(path).find(data)
        if not matches:
            raise json_path.NoSuchJsonPathError(json_path=path, data=data)
        return matches[0].value

    return extract_json


@functools.cache
def _operation(service: str, action: str) -> Any:
    """Return botocore's description of what a direct integration calls; moto names it `startExecution` or `start_execution`."""
    name = "".join(word[0].upper() + word[1:] for word in action.split("_"))
    return botocore.session.get_session().get_service_model(service).operation_model(name)


def _normalise_parameters(
    task: StateTaskService, parameters: dict[str, Any], boto_service_name: str | None = None, service_action_name: str | None = None
) -> None:
    """Give a direct integration the parameter names of the API: moto leaves those of the definition, which the client refuses."""
    action = service_action_name or task.resource.api_action
    task._to_boto_request(parameters, _operation(task._get_boto_service_name(boto_service_name), action).input_shape)


def _normalise_response(
    task: StateTaskService, response: Any, boto_service_name: str | None = None, service_action_name: str | None = None
) -> None:
    """Give the answer the names that a state's result has (`ExecutionArn`), and instants as numbers: moto cannot return a datetime."""
    action = service_action_name or task.resource.api_action
    task._from_boto_response(response, _operation(task._get_boto_service_name(boto_service_name), action).output_shape)
    for name, value in response.items() if isinstance(response, dict) else ():
        if isinstance(value, datetime):
            response[name] = value.timestamp()


def _client_factory(endpoint: str) -> Any:
    """Make clients once and one at a time: moto makes one per task, from a session that threads may not share."""
    lock = threading.Lock()
    session = boto3.Session(aws_access_key_id=CALLER, aws_secret_access_key="local", region_name=REGION)
    config = Config(parameter_validation=False, retries={"total_max_attempts": 1}, read_timeout=1000, max_pool_connections=50)

    @functools.cache
    def client(service: str) -> Any:
        return session.client(service, endpoint_url=endpoint, config=config)

    def boto_client_for(region: str, service: str, state_credentials: Any = None) -> Any:  # noqa: ARG001 - the interpreter's names
        with lock:
            return client(service)

    return boto_client_for


def _create(_cls: type, name: str, cloudformation_json: dict[str, Any], *_: Any, **kwargs: Any) -> StateMachine:
    properties = cloudformation_json["Properties"]
    if unknown := properties.keys() - _KNOWN:
        raise UnknownToTheLocalCloud(f"property {sorted(unknown)[0]} of the state machine {kwargs['LogicalId']}")
    definition = _definition(properties)
    for key, value in properties.get("DefinitionSubstitutions", {}).items():
        if f"${{{key}}}" not in definition:
            raise UnknownToTheLocalCloud(f"substitution {key} of {kwargs['LogicalId']}, which its definition does not use")
        definition = definition.replace(f"${{{key}}}", json.dumps(str(value))[1:-1])
    if left := re.search(r"\$\{[^}]*\}", definition):
        raise UnknownToTheLocalCloud(f"{left.group()} in the definition of {kwargs['LogicalId']}")
    tags = [{"key": tag["Key"], "value": tag["Value"]} for tag in properties.get("Tags", [])]
    backend = stepfunctions_parser_backends[ACCOUNT][REGION]
    return backend.create_state_machine(
        name, definition, properties.get("RoleArn", ""), tags=tags, sm_type=properties.get("StateMachineType", "STANDARD")
    )


def _definition(properties: dict[str, Any]) -> str:
    if "DefinitionS3Location" in properties:
        return sam.code_path(properties["DefinitionS3Location"]["Key"]).read_text(encoding="utf-8")
    return str(properties["DefinitionString"])
