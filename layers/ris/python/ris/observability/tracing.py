"""Spans for X-Ray. The SDK is imported at the first span of a sampled invocation, and no other module names it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


def is_sampled() -> bool:
    """Say whether this invocation is traced.

    Lambda sets `_X_AMZN_TRACE_ID` before each invocation; it says `Sampled=1` only where active tracing chose it.
    """
    return "Sampled=1" in os.environ.get("_X_AMZN_TRACE_ID", "") and os.environ.get("AWS_XRAY_SDK_ENABLED", "true") != "false"


@contextmanager
def span(name: str) -> Iterator[None]:
    """Measure one step as a subsegment.

    The SDK's own context manager sends the text of an exception; this one sends its class name only.

    Args:
        name: A word of ours (a use case, a remote), never a value.
    """
    if not is_sampled():
        yield
        return
    from aws_xray_sdk.core import xray_recorder

    subsegment = xray_recorder.begin_subsegment(name)
    try:
        yield
    except BaseException as error:
        if subsegment is not None:
            subsegment.add_fault_flag()
            subsegment.put_annotation("error", type(error).__name__)
        raise
    finally:
        xray_recorder.end_subsegment()
