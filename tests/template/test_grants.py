"""What each function calls is what its role grants, in both directions (figure I3): the whole system is run once and watched."""

from __future__ import annotations

import pytest

from infra.local.cloud.grants import called, idle, missing
from tests.support.everything import Played, play_everything
from tests.support.stacks import tenant

pytestmark = [pytest.mark.slow, pytest.mark.long]
FUNCTIONS = [function.logical_id for function in tenant().all("AWS::Lambda::Function")]
CALLERS = [*FUNCTIONS, "ris-demo-nord-gateway"]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    return play_everything(tmp_path_factory.mktemp("everything"))


def test_every_function_and_every_sites_gateway_was_looked_at(played: Played) -> None:
    assert set(FUNCTIONS) | {f"ris-demo-{site}-gateway" for site in ("nord", "sud", "est")} == set(played.grants)


@pytest.mark.parametrize("caller", CALLERS)
def test_nothing_is_called_that_is_not_granted(played: Played, caller: str) -> None:
    seen = called(played.calls, caller)

    assert seen, "it never called anything"
    assert missing(played.grants[caller], seen) == set()


@pytest.mark.parametrize("caller", CALLERS)
def test_nothing_is_granted_that_is_not_called(played: Played, caller: str) -> None:
    assert idle(played.grants[caller], called(played.calls, caller)) == set()
