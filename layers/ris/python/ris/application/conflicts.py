"""The one thing every store can say beside its answer, and the one way to go on from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ris.domain.errors import RemoteUnavailable

Result = TypeVar("Result")


class Conflict(Exception):
    """The row is no longer what was read: read it again and decide again. Never leaves a use case."""


def decide(attempt: Callable[[], Result], *, tries: int = 20) -> Result:
    """Read, decide and write, again and again until nobody wrote in between.

    Each failure means that somebody else's write stood, so the whole always advances; no waiting is needed.

    Args:
        attempt: Reads what it decides on itself, each time.
        tries: Bound of the attempts.

    Raises:
        RemoteUnavailable: `too_busy`, every attempt lost; nothing was done.
    """
    for _ in range(tries):
        try:
            return attempt()
        except Conflict:
            continue
    raise RemoteUnavailable("too_busy", detail=f"{tries} writes lost against others")
