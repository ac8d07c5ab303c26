"""What each caller may do as deployed, and what it was seen to do: both as (IAM action, ARN).

IAM is not enforced here, so this comparison is what stands between a missing statement and the first deployment. A caller is a function, by its
logical id, with what its role's own policies allow; or whoever holds a managed policy, by that policy's name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from infra.local.cloud.names import ACCOUNT, REGION

READ_BY_THE_MAPPING = {"sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"}
"""Lambda itself reads a mapped queue, with the function's role: the function never calls these."""
ARNS = {
    "dynamodb": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{{}}",
    "sqs": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{{}}",
    "states": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{{}}",
    "secretsmanager": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{{}}",
    "s3": "arn:aws:s3:::{}",
    "kms": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{{}}",
}
"""ARN of what the recorder of calls names by its last part, by service."""


class Right(NamedTuple):
    """One action on one resource; a granted one may hold a star in its resource."""

    action: str
    resource: str

    def covers(self, call: Right) -> bool:
        """Tell whether this grant allows that call."""
        return self.action == call.action and fnmatchcase(call.resource, self.resource)


def rights(document: dict[str, Any]) -> set[Right]:
    """Return what a policy document allows."""
    return {
        Right(action, _without_suffix(resource))
        for statement in _listed(document["Statement"])
        for action in _listed(statement["Action"])
        for resource in _resources(statement)
    }


def own(allowed: set[Right], mapped: set[str]) -> set[Right]:
    """Return what a function's role allows, without what Lambda does with it on the queues that are mapped to the function."""
    return {right for right in allowed if not (right.resource in mapped and right.action in READ_BY_THE_MAPPING)}


def called(calls: Iterable[dict[str, Any]], caller: str) -> set[Right]:
    """Return what one caller was seen to do."""
    return {Right(call["action"], _arn(call["action"], call["resource"])) for call in calls if call["caller"] == caller}


def missing(grants: set[Right], calls: set[Right]) -> set[Right]:
    """Return the calls that AWS would refuse."""
    return {call for call in calls if not any(grant.covers(call) for grant in grants)}


def idle(grants: set[Right], calls: set[Right]) -> set[Right]:
    """Return the grants that nothing used."""
    return {grant for grant in grants if not any(grant.covers(call) for call in calls)}


def deployed() -> dict[str, list[Right]]:
    """Return what every caller may do, out of the stacks that are deployed in this process."""
    from infra.local.cloud import cloudformation

    made = list(cloudformation.resources())
    mappings = [resource for _, resource in made if resource.cf_resource_type == "AWS::Lambda::EventSourceMapping"]
    roles = {resource.arn: resource for _, resource in made if resource.cf_resource_type == "AWS::IAM::Role"}
    found: dict[str, list[Right]] = {}
    for logical_id, resource in made:
        if resource.cf_resource_type == "AWS::Lambda::Function":
            mapped = {each.event_source_arn for each in mappings if each.function_arn == resource.function_arn}
            role = roles[resource.role]
            found[logical_id] = sorted(own({r for text in role.policies.values() for r in rights(_document(text))}, mapped))
        elif resource.cf_resource_type == "AWS::IAM::ManagedPolicy":
            found[resource.name] = sorted(rights(_document(next(each.document for each in resource.versions if each.is_default))))
    return {caller: sorted(_by_alias(right) for right in rights_of) for caller, rights_of in found.items()}


def _by_alias(right: Right) -> Right:
    """Name a key that is granted by its ARN as calls name it."""
    from infra.local.cloud import kms

    if not right.action.startswith("kms:"):
        return right
    return Right(right.action, ARNS["kms"].format(kms.name_of(right.resource)))


def _document(text: Any) -> dict[str, Any]:
    return dict(json.loads(text)) if isinstance(text, str) else dict(text)


def _resources(statement: dict[str, Any]) -> Iterator[str]:
    """Yield the resources of a statement; keys that are granted by their alias are named by it, as calls name them."""
    aliases = [
        alias
        for operator in ("ForAnyValue:StringEquals", "ForAnyValue:StringLike")
        for alias in _listed(statement.get("Condition", {}).get(operator, {}).get("kms:ResourceAliases", []))
    ]
    yield from [ARNS["kms"].format(alias.removeprefix("alias/")) for alias in aliases] or _listed(statement["Resource"])


def _arn(action: str, resource: str) -> str:
    service = action.split(":")[0]
    if service == "dynamodb":
        resource = resource.replace("/", "/index/", 1)
    return _without_suffix(ARNS.get(service, "{}").format(resource))


def _without_suffix(arn: str) -> str:
    """Drop what Secrets Manager adds to a name, which no two deployments share."""
    return re.sub(r"-([A-Za-z0-9]{6}|\?{6})$", "", arn) if ":secret:" in arn else arn


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
