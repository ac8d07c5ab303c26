"""The one thing every store can say beside its answer."""

from __future__ import annotations


class Conflict(Exception):
    """The row is no longer what was read: read it again and decide again. Never leaves a use case."""
