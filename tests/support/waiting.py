"""Waiting without sleeping."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


def until(predicate: Callable[[], Result], timeout_s: float = 20.0, interval_s: float = 0.02) -> Result:
    """Ask until the answer is truthy, and return it.

    Args:
        predicate: The question.
        timeout_s: How long to ask, in seconds.
        interval_s: Time between two questions, in seconds.

    Raises:
        AssertionError: The answer never was truthy; the text is the last one.
    """
    end = time.monotonic() + timeout_s
    pause = threading.Event()
    while True:
        answer = predicate()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout_s} s; last answer: {answer!r}")
        pause.wait(interval_s)
