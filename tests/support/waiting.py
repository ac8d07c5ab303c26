"""Wait for something without sleeping blindly."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def until(predicate: Callable[[], T], timeout_s: float = 10.0, interval_s: float = 0.02) -> T:
    """Return the first true value of the predicate; fail the test after the time-out.

    Args:
        predicate: Asked again every interval.
        timeout_s: In seconds.
        interval_s: In seconds.
    """
    pause = threading.Event()
    end = time.monotonic() + timeout_s
    while not (value := predicate()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout_s} s")
        pause.wait(interval_s)
    return value
