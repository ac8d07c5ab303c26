"""Starts moto with everything that is ours around it, and deploys."""

import functools
import json
import logging
import os
import threading
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.local.children import Children
from infra.local.cloud.names import ACCOUNT, HOST, REGION


@dataclass(frozen=True)
class Options:
    """What to deploy, and how the local clock runs.

    Attributes:
        template: The root template.
        parameters: Values of its parameters; `{portal_url}` and `{endpoint}` in them are replaced.
        site_template: The template of one site's stack.
        sites: The parameters of each site's stack.
        portal_port: Port of the HTTP API; 0 for a free one.
        scale: By how much waits before retries are shortened.
        rate_scale: By how much the rates of schedules are.
        retry_s: When a message whose function failed is visible again, in seconds.
        schedules: Whether rules fire by themselves.
    """

    template: Path
    parameters: dict[str, str] = field(default_factory=dict)
    site_template: Path | None = None
    sites: list[dict[str, str]] = field(default_factory=list)
    portal_port: int = 0
    scale: float = 20.0
    rate_scale: float = 20.0
    retry_s: float = 0.5
    schedules: bool = True


def run(options: Options, children: Children) -> dict[str, Any]:
    """Start the cloud and deploy.

    Args:
        options: What to deploy.
        children: Starts the functions' processes.

    Returns:
        The state that clients need, as JSON holds it.
    """
    _quiet()
    _surroundings()
    from infra.local.cloud import slim

    slim.install()
    return _Cloud(options, children).deploy()


def _quiet() -> None:
    warnings.filterwarnings("ignore")
    for name in ("werkzeug", "moto", "botocore", "samtranslator"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("moto.stepfunctions").setLevel(logging.CRITICAL)


def _surroundings() -> None:
    os.environ.update(
        AWS_DEFAULT_REGION=REGION,
        AWS_ACCESS_KEY_ID="local",
        AWS_SECRET_ACCESS_KEY="local",
        VALIDATE_LAMBDA_S3="false",
        AWS_DISABLE_HOST_PREFIX_INJECTION="true",
    )


class _Cloud:
    def __init__(self, options: Options, children: Children) -> None:
        from moto.core.config import default_user_config
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

        from infra.local.cloud import cloudformation, dynamodb, dynamodb_cost, kms, resources, s3, sqs, stepfunctions, xray
        from infra.local.cloud.api_front import ApiFront
        from infra.local.cloud.calls import Calls
        from infra.local.cloud.door import Door
        from infra.local.cloud.lambda_host import Host
        from infra.local.cloud.pump import Pump
        from infra.local.cloud.schedules import Schedules

        self._options = options
        default_user_config["stepfunctions"] = {"execute_state_machine": True}
        dispatcher = DomainDispatcherApplication(create_backend_app)
        dispatcher.get_backend_for_host = functools.cache(dispatcher.get_backend_for_host)  # it lists moto's folders each time
        self._calls = Calls(dispatcher)
        self._door = Door(self._calls, self._answers())
        self._endpoint = _serve(self._door)
        os.environ["MOTO_PORT"] = self._endpoint.rsplit(":", 1)[1]
        self._daemon = xray.Daemon()
        self._host = Host(children, self._endpoint, options.scale, self._daemon.address)
        self._front = ApiFront(self._host, options.portal_port)
        self._pump = Pump(self._host, options.retry_s)
        self._schedules = Schedules(self._host, options.rate_scale)
        cloudformation.install()
        for part in (kms, s3, dynamodb, dynamodb_cost, self._host, self._pump, self._schedules):
            part.install()
        sqs.install(self._endpoint)
        stepfunctions.install(self._endpoint, options.scale)
        resources.install(self._front)

    def deploy(self) -> dict[str, Any]:
        from infra.local.cloud import cloudformation

        options = self._options
        root = cloudformation.deploy("ris", options.template, self._filled(options.parameters))
        sites = {}
        for parameters in options.sites:
            stack = cloudformation.deploy(f"ris-site-{parameters['Site']}", options.site_template, self._filled(parameters))
            sites[parameters["Site"]] = cloudformation.outputs(stack)
        self._pump.start()
        self._front.start()
        if options.schedules:
            self._schedules.start()
        return {
            "endpoint": self._endpoint,
            "portal_url": self._front.url,
            "region": REGION,
            "account": ACCOUNT,
            "pid": os.getpid(),
            "outputs": cloudformation.outputs(root),
            "sites": sites,
            "functions": {function.logical_id: function.name for function in self._host.functions.values()},
            "state_machines": {
                name: resource.arn
                for name, resource in cloudformation.resources()
                if resource.cf_resource_type == "AWS::StepFunctions::StateMachine"
            },
        }

    def _filled(self, parameters: dict[str, str]) -> dict[str, str]:
        known = {"{portal_url}": self._front.url, "{endpoint}": self._endpoint}
        return {name: known.get(value, value) for name, value in parameters.items()}

    def _deploy_more(self, query: dict[str, str]) -> dict[str, Any]:
        from infra.local.cloud import cloudformation

        parameters = self._filled(json.loads(query["parameters"]))
        return cloudformation.outputs(cloudformation.deploy(query["name"], Path(query["template"]), parameters))

    def _answers(self) -> dict[str, Any]:
        """Return what the door answers, by name."""
        from infra.local.cloud import dynamodb, grants

        return {
            "calls": lambda _: self._calls.recorded(),
            "forget_calls": lambda _: self._calls.forget(),
            "deploy": self._deploy_more,
            "environment": lambda query: self._host.by_logical_id(query["function"]).environment,
            "faults": lambda _: self._door.faults,
            "fire": lambda query: self._schedules.fire(query["rule"], wait=True),
            "grants": lambda _: grants.deployed(),
            "index_lag": lambda query: dynamodb.INDEX_LAG.set(float(query["seconds"])),
            "processes": lambda query: self._host.by_logical_id(query["function"]).processes(),
            "segments": lambda _: self._daemon.segments(),
        }


def _serve(application: Any) -> str:
    """Serve the APIs of AWS on a free port of the loopback interface, and return the address."""
    from moto.moto_server.werkzeug_app import MotoRequestHandler
    from werkzeug.serving import make_server

    server = make_server(HOST, 0, application, threaded=True, request_handler=MotoRequestHandler)
    threading.Thread(target=server.serve_forever, name="aws", daemon=True).start()
    return f"http://{HOST}:{server.server_address[1]}"
