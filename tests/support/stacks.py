"""The deployment as data: the template expanded offline, its nested stacks inside it, every intrinsic function resolved.

Names and ARNs are those AWS would give, with one account and one region, so that a role's resource can be compared with a call's.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.local.cloud import sam

ROOT = Path(__file__).resolve().parents[2]
REGION = "eu-west-3"
ACCOUNT = "123456789012"
os.environ.setdefault("AWS_DEFAULT_REGION", REGION)  # SAM refuses to expand without one
PSEUDO = {
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::StackName": "ris-demo",
}
ABSENT = object()
"""What `AWS::NoValue` leaves."""

# Type → (property of the physical name, ARN, what Ref gives: `name`, `arn` or `url`).
IDENTITIES = {
    "AWS::DynamoDB::Table": ("TableName", "dynamodb:{place}:table/{name}", "name"),
    "AWS::SQS::Queue": ("QueueName", "sqs:{place}:{name}", "url"),
    "AWS::S3::Bucket": ("BucketName", "s3:::{name}", "name"),
    "AWS::KMS::Key": ("", "kms:{place}:key/{name}", "name"),
    "AWS::SecretsManager::Secret": ("Name", "secretsmanager:{place}:secret:{name}-AbCdEf", "arn"),
    "AWS::Logs::LogGroup": ("LogGroupName", "logs:{place}:log-group:{name}:*", "name"),
    "AWS::KMS::Alias": ("AliasName", "kms:{place}:{name}", "name"),
    "AWS::SNS::Topic": ("TopicName", "sns:{place}:{name}", "arn"),
    "AWS::Lambda::Function": ("FunctionName", "lambda:{place}:function:{name}", "name"),
    "AWS::StepFunctions::StateMachine": ("StateMachineName", "states:{place}:stateMachine:{name}", "arn"),
    "AWS::Events::Rule": ("Name", "events:{place}:rule/{name}", "name"),
}


@dataclass(frozen=True)
class Resource:
    """One resource as it is deployed.

    Args:
        stack: `` for the tenant's own, else the logical id of the nested stack.
        properties: Resolved; what `AWS::NoValue` removes is absent.
        attributes: DeletionPolicy, DependsOn and the like.
    """

    logical_id: str
    kind: str
    stack: str
    properties: dict[str, Any]
    attributes: dict[str, Any]
    arn: str
    reference: str


@dataclass
class Stack:
    """A template with parameters, its resources, those of its nested stacks, and its outputs."""

    name: str
    path: Path
    parameters: dict[str, Any]
    template: dict[str, Any]
    resources: dict[str, Resource] = field(default_factory=dict)
    nested: dict[str, Stack] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)

    def all(self, kind: str = "") -> Iterator[Resource]:
        """Go over every resource of this stack and of those inside it, of one type or of all."""
        for resource in self.resources.values():
            if kind in ("", resource.kind):
                yield resource
        for stack in self.nested.values():
            yield from stack.all(kind)

    def named(self, kind: str, **properties: Any) -> Resource:
        """Return the one resource of a type whose properties have these values."""
        (found,) = (r for r in self.all(kind) if all(r.properties.get(key) == value for key, value in properties.items()))
        return found

    def _condition(self, name: str) -> bool:
        return bool(self.resolve(self.template["Conditions"][name]))

    def resolve(self, value: Any) -> Any:
        """Return a value with its intrinsic functions resolved."""
        if isinstance(value, list):
            return [made for made in map(self.resolve, value) if made is not ABSENT]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            (function, argument), *_ = value.items()
            if function == "Condition" and isinstance(argument, str):
                return self._condition(argument)
            if function == "Ref" or function.startswith("Fn::"):
                return self._call(function, argument)
        made = {key: self.resolve(inner) for key, inner in value.items()}
        return {key: inner for key, inner in made.items() if inner is not ABSENT}

    def _call(self, function: str, argument: Any) -> Any:
        match function:
            case "Ref":
                return self._reference(argument)
            case "Fn::GetAtt":
                return self._attribute(argument[0], ".".join(argument[1:]))
            case "Fn::If":
                return self.resolve(argument[1] if self._condition(argument[0]) else argument[2])
            case "Fn::Equals":
                return self.resolve(argument[0]) == self.resolve(argument[1])
            case "Fn::Not":
                return not self.resolve(argument[0])
            case "Fn::Join":
                return argument[0].join(str(part) for part in self.resolve(argument[1]))
            case "Fn::Sub":
                return self._substitute(*(argument if isinstance(argument, list) else (argument, {})))
        raise NotImplementedError(function)

    def _substitute(self, text: str, given: dict[str, Any]) -> str:
        return re.sub(
            r"\$\{([^!}]+)\}",
            lambda found: str(self.resolve(given[found[1]]) if found[1] in given else self._named(found[1])),
            text,
        )

    def _named(self, name: str) -> Any:
        return self._attribute(*name.split(".", 1)) if "." in name else self._reference(name)

    def _reference(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return ABSENT
        if name in PSEUDO:
            return PSEUDO[name]
        if name in self.parameters:
            return self.parameters[name]
        return self._made(name).reference

    def _attribute(self, name: str, attribute: str) -> Any:
        if attribute.startswith("Outputs."):
            self._made(name)
            return self.nested[name].outputs[attribute.removeprefix("Outputs.")]
        made = self._made(name)
        if attribute in ("Arn", "TopicArn"):
            return made.arn
        if attribute == "QueueName":
            return made.properties["QueueName"]
        return f"{name}.{attribute}"

    def _made(self, logical_id: str) -> Resource:
        if logical_id not in self.resources:
            body = self.template["Resources"][logical_id]
            if body["Type"] == "AWS::CloudFormation::Stack":
                properties = self.resolve(body["Properties"])
                self.nested[logical_id] = _stack(logical_id, Path(properties["TemplateURL"]), properties.get("Parameters", {}))
            self.resources[logical_id] = self._make(logical_id, body)
        return self.resources[logical_id]

    def _make(self, logical_id: str, body: dict[str, Any]) -> Resource:
        properties = self.resolve(body.get("Properties", {}))
        name_property, arn, reference = IDENTITIES.get(body["Type"], ("", "x:{place}:{name}", "name"))
        name = properties.get(name_property, logical_id)
        arn = f"arn:aws:{arn.format(place=f'{REGION}:{ACCOUNT}', name=name)}"
        forms = {"name": name, "arn": arn, "url": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{name}"}
        attributes = {key: value for key, value in body.items() if key not in ("Type", "Properties")}
        return Resource(logical_id, body["Type"], self.name, properties, attributes, arn, forms[reference])

    def build(self) -> Stack:
        """Make every resource whose condition holds, and the outputs."""
        for logical_id, body in self.template["Resources"].items():
            if "Condition" not in body or self._condition(body["Condition"]):
                self._made(logical_id)
        for key, output in self.template.get("Outputs", {}).items():
            if "Condition" not in output or self._condition(output["Condition"]):
                self.outputs[key] = self.resolve(output["Value"])
        return self


def _stack(name: str, path: Path, parameters: dict[str, Any]) -> Stack:
    template = sam.expand(path, parameters)
    declared = template.get("Parameters", {})
    values = {key: str(parameters.get(key, body.get("Default", ""))) for key, body in declared.items()}
    return Stack(name, path, values, template).build()


@functools.cache
def tenant(stage: str = "production", domain: str = "", firewall: str = "") -> Stack:
    """Return the tenant's stack."""
    issuers = {"OidcUrl": "https://login.example.test", "PscUrl": "https://psc.example.test"}
    return _stack("", ROOT / "template.yaml", {**issuers, "Stage": stage, "DomainName": domain, "WebAclArn": firewall})


@functools.cache
def site(name: str = "nord", trust_anchor: str = "", image: str = "") -> Stack:
    """Return one site's stack."""
    return _stack("", ROOT / "infra" / "site.yaml", {"Site": name, "TrustAnchorArn": trust_anchor, "GatewayImage": image})


@functools.cache
def legal_entity(finess_ej: str = "990000017") -> Stack:
    """Return one legal entity's stack."""
    return _stack("", ROOT / "infra" / "legal-entity.yaml", {"FinessEj": finess_ej})
