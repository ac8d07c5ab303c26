"""What each function calls is what its role grants, in both directions (figure I3): the whole system is run once and watched."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from infra.local.cloud.grants import called, idle, missing
from infra.local.demo.journeys import JOURNEYS
from tests.support.stacks import tenant
from tests.support.whole_system import Whole, running

pytestmark = [pytest.mark.slow, pytest.mark.long]
FUNCTIONS = [function.logical_id for function in tenant().all("AWS::Lambda::Function")]
CALLERS = [*FUNCTIONS, "ris-demo-nord-gateway"]


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Whole]:
    with running(tmp_path_factory.mktemp("everything")) as whole:
        yield whole


@pytest.fixture(scope="module")
def played(started: Whole) -> Whole:
    started.play_everything_else()
    return started


def test_every_function_and_every_sites_gateway_is_looked_at(started: Whole) -> None:
    assert set(FUNCTIONS) | {f"ris-demo-{site}-gateway" for site in ("nord", "sud", "est")} == set(started.system.cloud.grants())


@pytest.mark.parametrize("name", JOURNEYS)
def test_every_step_of_a_journey_happens(started: Whole, name: str) -> None:
    """One test each: no single one takes as long as all of them."""
    started.take(name)

    assert [step.what for step in started.journal.steps if not step.ok] == []


@pytest.mark.parametrize("caller", CALLERS)
def test_nothing_is_called_that_is_not_granted(played: Whole, caller: str) -> None:
    seen = called(played.calls, caller)

    assert seen, "it never called anything"
    assert missing(played.grants[caller], seen) == set()


@pytest.mark.parametrize("caller", CALLERS)
def test_nothing_is_granted_that_is_not_called(played: Whole, caller: str) -> None:
    assert idle(played.grants[caller], called(played.calls, caller)) == set()
