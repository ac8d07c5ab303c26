"""Fires the rules that have a rate; moto stores them and nothing more."""

import contextlib
import json
import re
import threading
import time
import uuid
from datetime import UTC, datetime
from typing import Any

from moto.events.models import Rule

from infra.local.cloud.lambda_host import Host, Throttled
from infra.local.cloud.names import ACCOUNT, REGION, UnknownToTheLocalCloud

_UNITS_S = {"minute": 60, "minutes": 60, "hour": 3600, "hours": 3600, "day": 86400, "days": 86400}
_KNOWN = {"Description", "EventBusName", "Name", "ScheduleExpression", "State", "Targets"}


class TargetFailed(Exception):
    """A target that was waited for has failed."""


class Schedules:
    """All scheduled rules, by logical id."""

    def __init__(self, host: Host, scale: float) -> None:
        self._host = host
        self._scale = scale
        self._rules: dict[str, tuple[Rule, dict[str, Any]]] = {}

    def install(self) -> None:
        """Take note of every rule that a template makes."""
        create = Rule.create_from_cloudformation_json.__func__
        schedules = self

        def create_rule(cls: type, name: str, cloudformation_json: dict[str, Any], *args: Any, **kwargs: Any) -> Rule:
            logical_id, properties = kwargs["LogicalId"], dict(cloudformation_json["Properties"])
            if unknown := properties.keys() - _KNOWN:
                raise UnknownToTheLocalCloud(f"property {sorted(unknown)[0]} of the rule {logical_id}")
            _period_s(properties["ScheduleExpression"])
            rule = create(cls, name, cloudformation_json, *args, **kwargs)
            schedules._rules[logical_id] = (rule, properties)
            return rule

        Rule.create_from_cloudformation_json = classmethod(create_rule)

    def start(self) -> None:
        """Fire every enabled rule at its rate, on the local clock."""
        for logical_id, (_, properties) in self._rules.items():
            if properties.get("State", "ENABLED") == "ENABLED":
                threading.Thread(target=self._tick, args=(logical_id,), name=f"rule-{logical_id}", daemon=True).start()

    def _tick(self, logical_id: str) -> None:
        period_s = _period_s(self._rules[logical_id][1]["ScheduleExpression"]) / self._scale
        while True:
            time.sleep(period_s)
            # On a machine that is too slow for the rate, firings do not pile up: the next one waits for the targets of this one.
            with contextlib.suppress(TargetFailed, Throttled):
                self.fire(logical_id, wait=True)

    def fire(self, logical_id: str, *, wait: bool) -> None:
        """Invoke the targets of a rule.

        Args:
            logical_id: The rule's name in the template.
            wait: Whether to return only when the targets have ended, and to raise when one failed.
        """
        rule, properties = self._rules[logical_id]
        for target in properties.get("Targets", []):
            event = target.get("Input", json.dumps(_event(rule))).encode()
            function = self._host.find(target["Arn"])
            if not wait:
                function.invoke_later(event)
            elif (answer := function.invoke(event)).failed:
                raise TargetFailed(answer.payload.decode())


def _period_s(expression: str) -> float:
    match = re.fullmatch(r"rate\((\d+) (minutes?|hours?|days?)\)", expression)
    if not match:
        raise UnknownToTheLocalCloud(f"schedule {expression}")
    return float(match.group(1)) * _UNITS_S[match.group(2)]


def _event(rule: Rule) -> dict[str, Any]:
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": ACCOUNT,
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": REGION,
        "resources": [rule.arn],
        "detail": {},
    }
