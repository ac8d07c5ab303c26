"""What each function calls is what its role grants, in both directions (figure I3): the whole system is run once and watched."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.everything import play_everything
from tests.support.grants import called, granted, idle, missing, rights
from tests.support.stacks import Resource, site, tenant

pytestmark = [pytest.mark.slow, pytest.mark.long]
FUNCTIONS = [pytest.param(function, id=function.logical_id) for function in tenant().all("AWS::Lambda::Function")]


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return play_everything(tmp_path_factory.mktemp("everything"))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_nothing_is_called_that_is_not_granted(calls: list[dict[str, Any]], function: Resource) -> None:
    seen = called(calls, function.logical_id)

    assert seen, "the function was never called"
    assert missing(granted(tenant(), function), seen) == set()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_nothing_is_granted_that_is_not_called(calls: list[dict[str, Any]], function: Resource) -> None:
    assert idle(granted(tenant(), function), called(calls, function.logical_id)) == set()


def test_a_gateway_does_what_its_policy_grants_and_no_more(calls: list[dict[str, Any]]) -> None:
    (policy,) = site("nord").all("AWS::IAM::ManagedPolicy")
    # The demo's gateways run unsealed; what a sealed one asks of KMS is shown by tests/gateways/test_site_install.py.
    grants = {grant for grant in rights(policy.properties["PolicyDocument"]) if not grant.action.startswith("kms:")}
    seen = called(calls, "gateway-nord")

    assert missing(grants, seen) == set()
    assert idle(grants, seen) == set()
