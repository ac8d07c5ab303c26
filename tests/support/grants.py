"""What a function's role grants, offline, out of the template: to compare with what the function was seen to call."""

from __future__ import annotations

from infra.local.cloud.grants import Right, called, idle, missing, own, rights
from tests.support.stacks import Resource, Stack

__all__ = ["Right", "called", "granted", "idle", "missing", "rights"]


def granted(stack: Stack, function: Resource) -> set[Right]:
    """Return what a function's role allows, without what the service does with it."""
    mapped = {
        mapping.properties["EventSourceArn"]
        for mapping in stack.all("AWS::Lambda::EventSourceMapping")
        if mapping.properties["FunctionName"] == function.reference
    }
    role = stack.resources[f"{function.logical_id}Role"].properties
    return own({right for policy in role["Policies"] for right in rights(policy["PolicyDocument"])}, mapped)
