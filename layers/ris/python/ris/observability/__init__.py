"""Logs with stable codes, tracing, and the decorators every handler wears."""

from ris.observability.handlers import UnexpectedError, queue_consumer, task
from ris.observability.log_references import LogReference
from ris.observability.logs import LogFields, bound, log
from ris.observability.tracing import span

__all__ = ["LogFields", "LogReference", "UnexpectedError", "bound", "log", "queue_consumer", "span", "task"]
