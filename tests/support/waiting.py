"""Waiting without sleeping."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


def until(predicate: Callable[[], Result], timeout_s: float = 20.0, interval_s: float = 0.02) -> Result:
    """Ask until the answer is truthy, and return it; the longer it takes the more rarely, since what is asked works meanwhile.

    Args:
        predicate: The question.
        timeout_s: How long to ask, in seconds.
        interval_s: Time between the first questions, in seconds; it grows to a fifth of a second.

    Raises:
        AssertionError: The answer never was truthy; the text is the last one.
    """
    began = time.monotonic()
    pause = threading.Event()
    while True:
        answer = predicate()
        if answer:
            return answer
        waited = time.monotonic() - began
        if waited > timeout_s:
            raise AssertionError(f"not within {timeout_s} s; last answer: {answer!r}")
        pause.wait(max(interval_s, min(waited / 10, 0.2)))
