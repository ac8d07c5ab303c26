import itertools

import pytest

from ris.application.conflicts import Conflict, decide
from ris.domain.errors import Refused, RemoteUnavailable


def test_a_decision_is_taken_again_until_its_write_stood() -> None:
    attempts = itertools.count(1)

    def attempt() -> int:
        number = next(attempts)
        if number < 20:
            raise Conflict
        return number

    assert 20 == decide(attempt)


def test_a_decision_that_always_loses_says_so_and_ends() -> None:
    attempts = []

    def attempt() -> None:
        attempts.append(1)
        raise Conflict

    with pytest.raises(RemoteUnavailable, match="too_busy"):
        decide(attempt)
    assert 20 == len(attempts)


def test_a_refusal_is_not_tried_again() -> None:
    attempts = []

    def attempt() -> None:
        attempts.append(1)
        raise Refused("slot_taken")

    with pytest.raises(Refused, match="slot_taken"):
        decide(attempt)
    assert 1 == len(attempts)
