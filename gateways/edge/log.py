"""Structured logs: one JSON object a line, a stable code each, fields from a closed list, never a patient's value."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from enum import Enum
from typing import Any

_logger = logging.getLogger("gateways.edge")
ALLOWED_FIELDS = frozenset(
    {
        "site", "gateway_id", "version", "port", "mllp_port", "mllp_tls_port", "dicom_port", "dicom_tls_port", "health_port", "peer", "count", "bytes", "seconds",
        "row", "queue", "destination", "message_id", "outcome", "error", "kind", "segment", "field", "error_code", "ae_title", "status",
        "sps_id", "file", "state", "attempt", "reason",
    }
)  # fmt: skip


class Log(Enum):
    """Every line this gateway may write: code, level, text."""

    STARTED = ("GATEWAY_001", logging.INFO, "gateway ready")
    STOPPED = ("GATEWAY_002", logging.INFO, "gateway stopped")
    RECOVERED = ("GATEWAY_003", logging.INFO, "spool opened, rows waiting")
    FRAME_TAKEN = ("GATEWAY_010", logging.INFO, "messages durable, answered AA")
    FRAME_REFUSED = ("GATEWAY_011", logging.WARNING, "message cannot be read, answered AE")
    FRAME_NOT_STORED = ("GATEWAY_012", logging.ERROR, "message not durable, answered AR")
    FRAME_FAULT = ("GATEWAY_013", logging.WARNING, "frame that will never be complete")
    CONNECTION_REFUSED = ("GATEWAY_014", logging.WARNING, "too many connections, one refused")
    CONNECTION_ENDED = ("GATEWAY_015", logging.INFO, "connection ended")
    CONNECTION_FAILED = ("GATEWAY_016", logging.ERROR, "connection ended by our fault")
    FORWARDED = ("GATEWAY_020", logging.INFO, "rows forwarded to the cloud")
    FORWARD_FAILED = ("GATEWAY_021", logging.WARNING, "cloud not reached, rows wait in the spool")
    FORWARD_PARTIAL = ("GATEWAY_022", logging.WARNING, "the queue refused some rows, they wait")
    PURGED = ("GATEWAY_023", logging.INFO, "rows past their retention removed")
    SPOOL_FAILED = ("GATEWAY_024", logging.ERROR, "spool could not be written")
    STATUS_NOT_SENT = ("GATEWAY_025", logging.INFO, "status not sent, a newer one follows")
    CONTROL_CLOSED = ("GATEWAY_026", logging.WARNING, "no control socket in this folder")
    REPLAYED = ("GATEWAY_027", logging.INFO, "rows that had left wait for the cloud once more")
    OUTBOUND_TAKEN = ("GATEWAY_030", logging.INFO, "outbound message durable in its queue")
    OUTBOUND_ANSWERED = ("GATEWAY_031", logging.INFO, "peer answered")
    OUTBOUND_NO_ANSWER = ("GATEWAY_032", logging.WARNING, "peer did not answer, the same message goes again")
    OUTBOUND_MISMATCH = ("GATEWAY_033", logging.WARNING, "answer to another message, connection reset")
    OUTBOUND_GIVEN_UP = ("GATEWAY_034", logging.ERROR, "no answer in time, reported")
    OUTBOUND_UNKNOWN_DESTINATION = ("GATEWAY_035", logging.ERROR, "destination not in the settings, reported")
    CONSUMER_FAILED = ("GATEWAY_036", logging.WARNING, "queue not read, tried again later")
    ENVELOPE_REFUSED = ("GATEWAY_037", logging.ERROR, "envelope cannot be read, left to the dead letters")
    STEP_APPLIED = ("GATEWAY_040", logging.INFO, "worklist step applied")
    STEP_OLDER = ("GATEWAY_041", logging.INFO, "older version of a step dropped")
    STEP_UNREADABLE = ("GATEWAY_042", logging.ERROR, "worklist step cannot be read, it hides no other")
    FILE_UNREADABLE = ("GATEWAY_043", logging.ERROR, "worklist file cannot be read, it hides no other")
    FIND_ANSWERED = ("GATEWAY_050", logging.INFO, "worklist query answered")
    FIND_REFUSED = ("GATEWAY_051", logging.WARNING, "worklist query refused")
    MPPS_ANSWERED = ("GATEWAY_052", logging.INFO, "performed procedure step or archive's word answered")
    ASSOCIATION_REFUSED = ("GATEWAY_053", logging.WARNING, "association refused")
    DICOM_FAILED = ("GATEWAY_054", logging.ERROR, "DICOM request failed by our fault")


def emit(line: Log, **fields: Any) -> None:
    """Write one line.

    Args:
        fields: Only names of `ALLOWED_FIELDS`; others are left out, so that a slip never carries a value.
    """
    code, level, text = line.value
    if not _logger.isEnabledFor(level):
        return
    kept = {name: value for name, value in fields.items() if name in ALLOWED_FIELDS}
    # Made by hand: looking for the calling line costs more than the line.
    record = logging.LogRecord(_logger.name, level, __file__, 0, text, None, None)
    record.line = {"code": code, **kept}
    _logger.handle(record)


_ENCODER = json.JSONEncoder(ensure_ascii=False, default=str)


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry = {"at": datetime.fromtimestamp(record.created, UTC).isoformat(), "level": record.levelname}
        line = getattr(record, "line", None)
        entry |= line if line is not None else {"code": "GATEWAY_900", "kind": record.name}
        entry["message"] = record.getMessage() if line is not None else "line of a library"
        return _ENCODER.encode(entry)


def configure(level: int = logging.INFO) -> None:
    """Send our lines to standard error as JSON; libraries speak only from WARNING on, without their text (it may hold values)."""
    handler = logging.StreamHandler()
    handler.setFormatter(_JsonFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    _logger.setLevel(level)
    for name in ("pydicom", "botocore"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
