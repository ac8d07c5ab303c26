"""What a function's role grants, and what the function was seen to call: both as (IAM action, ARN).

The embedded cloud records calls by access key, and each function has a key of its own (its logical id). IAM is not enforced there,
so this comparison is what stands between a missing statement and the first deployment.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from tests.support.stacks import ACCOUNT, REGION, Resource, Stack

# Lambda itself reads a mapped queue, with the function's role: the function never calls these.
READ_BY_THE_MAPPING = {"sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"}
# Service → ARN of what the recorder names by its last part.
ARNS = {
    "dynamodb": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{{}}",
    "sqs": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{{}}",
    "states": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{{}}",
    "secretsmanager": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{{}}",
    "s3": "arn:aws:s3:::{}",
    "kms": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{{}}",
}


class Right(NamedTuple):
    """One action on one resource; a granted one may hold a star in its resource."""

    action: str
    resource: str

    def covers(self, call: Right) -> bool:
        """Tell whether this grant allows that call."""
        return self.action == call.action and fnmatchcase(call.resource, self.resource)


def granted(stack: Stack, function: Resource) -> set[Right]:
    """Return what a function's role allows, without what the service does with it."""
    mapped = {
        mapping.properties["EventSourceArn"]
        for mapping in stack.all("AWS::Lambda::EventSourceMapping")
        if mapping.properties["FunctionName"] == function.reference
    }
    role = stack.resources[f"{function.logical_id}Role"].properties
    found = {right for policy in role["Policies"] for right in rights(policy["PolicyDocument"])}
    return {right for right in found if not (right.resource in mapped and right.action in READ_BY_THE_MAPPING)}


def rights(document: dict[str, Any]) -> set[Right]:
    """Return what a policy document allows."""
    return {
        Right(action, _without_suffix(resource))
        for statement in document["Statement"]
        for action in _listed(statement["Action"])
        for resource in _resources(statement)
    }


def _resources(statement: dict[str, Any]) -> list[str]:
    """Return the resources of a statement; keys that are granted by their alias are named by it, as calls name them."""
    aliases = [
        alias
        for operator in ("ForAnyValue:StringEquals", "ForAnyValue:StringLike")
        for alias in _listed(statement.get("Condition", {}).get(operator, {}).get("kms:ResourceAliases", []))
    ]
    return [ARNS["kms"].format(alias.removeprefix("alias/")) for alias in aliases] or _listed(statement["Resource"])


def called(calls: Iterable[dict[str, Any]], caller: str) -> set[Right]:
    """Return what one caller was seen to do."""
    return {Right(call["action"], _arn(call["action"], call["resource"])) for call in calls if call["caller"] == caller}


def missing(grants: set[Right], calls: set[Right]) -> set[Right]:
    """Return the calls that AWS would refuse."""
    return {call for call in calls if not any(grant.covers(call) for grant in grants)}


def idle(grants: set[Right], calls: set[Right]) -> set[Right]:
    """Return the grants that nothing used."""
    return {grant for grant in grants if not any(grant.covers(call) for call in calls)}


def _arn(action: str, resource: str) -> str:
    service = action.split(":")[0]
    if service == "dynamodb":
        resource = resource.replace("/", "/index/", 1)
    return _without_suffix(ARNS[service].format(resource))


def _without_suffix(arn: str) -> str:
    """Drop what Secrets Manager adds to a name, which no two deployments share."""
    return re.sub(r"-([A-Za-z0-9]{6}|\?{6})$", "", arn) if ":secret:" in arn else arn


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
