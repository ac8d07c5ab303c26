"""What each function calls is what its role grants, in both directions (figure I3): the whole system is run once and watched."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from infra.local.cloud.grants import called, idle, missing
from tests.support.stacks import tenant
from tests.support.whole_system import Whole, running

pytestmark = [pytest.mark.slow, pytest.mark.long]
FUNCTIONS = [function.logical_id for function in tenant().all("AWS::Lambda::Function")]
CALLERS = [*FUNCTIONS, "ris-demo-nord-gateway"]


# In three steps: no single test takes as long as all of it.


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    with running(tmp_path_factory.mktemp("everything")) as whole:
        yield whole


@pytest.fixture(scope="module")
def travelled(started: Whole) -> Whole:
    started.play_journeys()
    return started


@pytest.fixture(scope="module")
def played(travelled: Whole) -> Whole:
    travelled.play_everything_else()
    return travelled


def test_every_function_and_every_sites_gateway_is_looked_at(started: Whole) -> None:
    assert set(FUNCTIONS) | {f"ris-demo-{site}-gateway" for site in ("nord", "sud", "est")} == set(started.system.cloud.grants())


def test_every_step_of_every_journey_happens(travelled: Whole) -> None:
    assert [step.what for step in travelled.journal.steps if not step.ok] == []


@pytest.mark.parametrize("caller", CALLERS)
def test_nothing_is_called_that_is_not_granted(played: Whole, caller: str) -> None:
    seen = called(played.calls, caller)

    assert seen, "it never called anything"
    assert missing(played.grants[caller], seen) == set()


@pytest.mark.parametrize("caller", CALLERS)
def test_nothing_is_granted_that_is_not_called(played: Whole, caller: str) -> None:
    assert idle(played.grants[caller], called(played.calls, caller)) == set()
