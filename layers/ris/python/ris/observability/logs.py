"""JSON log lines: a stable code and fields of an allow-list, never free text and never a patient's value."""

from __future__ import annotations

import functools
import io
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import IO, Any, TypedDict, Unpack, cast

from aws_lambda_powertools import Logger

from ris.observability.log_references import LogReference

_LONGEST_TEXT = 200


class LogFields(TypedDict, total=False):
    """What a line may carry. Our own identifiers, codes and figures; adding a field is a decision about privacy.

    `code`, `field`: of a `RisError`. `error`: a class name. `frames`: module:line of a traceback, without its text.
    `ledger_key`: digest of MSH-3, 4 and 10. `milliseconds`, `count`, `attempt`, `status`, `days`: figures.
    `certificate`: our name of a legal entity's certificate. `gateway` and the figures after it: of one gateway of a site.
    """

    function: str
    execution: str
    request: str
    site: str
    code: str
    field: str
    error: str
    frames: list[str]
    accession_number: str
    request_id: str
    account_id: str
    channel: str
    recipient: str
    destination: str
    state: str
    outcome: str
    message_type: str
    ledger_key: str
    spool_id: str
    sop_instance: str
    operation: str
    route: str
    method: str
    status: int
    count: int
    attempt: int
    milliseconds: int
    certificate: str
    days: int
    gateway: str
    spool_rows: int
    spool_age_s: int
    spool_refuses: int
    feed_age_s: int
    clock_skew_ms: int
    certificate_days: int


_ALLOWED = frozenset(LogFields.__annotations__)
_bound: ContextVar[dict[str, Any] | None] = ContextVar("ris_log_fields", default=None)


class _CurrentStdout(io.TextIOBase):
    """Writes to whatever `sys.stdout` is now: the Lambda runtime and the tests replace it after the first line."""

    def write(self, text: str) -> int:
        return sys.stdout.write(text)

    def flush(self) -> None:
        sys.stdout.flush()


@functools.cache
def _logger() -> Logger:
    # Uncaught exceptions are logged by our decorators without their text; powertools would print it.
    return Logger(
        service=os.environ.get("POWERTOOLS_SERVICE_NAME", "ris"),
        log_uncaught_exceptions=False,
        stream=cast(IO[str], _CurrentStdout()),
    )


def _safe(value: Any) -> Any:
    if isinstance(value, bool | int | float) or value is None:
        return value
    if isinstance(value, list):
        return [_safe(each) for each in value[:20]]
    return str(value)[:_LONGEST_TEXT]


def log(reference: LogReference, **fields: Unpack[LogFields]) -> None:
    """Write one line; a field outside the allow-list is left out, whatever the caller does.

    Args:
        reference: The line's code, level and text.
        fields: What varies; together with what `bound` holds.
    """
    level, text = reference.value
    merged = {**(_bound.get() or {}), **fields}
    extra = {name: _safe(value) for name, value in merged.items() if name in _ALLOWED}
    logger = _logger()
    write = {"info": logger.info, "warning": logger.warning, "error": logger.error}[level]
    write(text, code_reference=reference.name, stacklevel=3, **extra)


@contextmanager
def bound(**fields: Unpack[LogFields]) -> Iterator[None]:
    """Add fields to every line written inside.

    Args:
        fields: As for `log`.
    """
    token = _bound.set({**(_bound.get() or {}), **fields})
    try:
        yield
    finally:
        _bound.reset(token)


def frames_of(error: BaseException) -> list[str]:
    """Return where an exception came from, innermost last, as `file:line function`: no text of it, no source, no values."""
    return [f"{os.path.basename(f.filename)}:{f.lineno} {f.name}" for f in traceback.extract_tb(error.__traceback__)][-12:]
