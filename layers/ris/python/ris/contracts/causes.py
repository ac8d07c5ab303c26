"""The Cause of a failed task, as a state machine hands it on: Lambda's JSON around the text our handlers raise."""

from __future__ import annotations

import json
from typing import Any


def code_of_cause(cause: str) -> str:
    r"""Return the code our task put into its error, or an empty string.

    Args:
        cause: `{"errorMessage": "{\"code\": …}", "errorType": …}`, the inner text alone, or anything else.
    """
    outer = _object(cause)
    inner = _object(str(outer.get("errorMessage", ""))) or outer
    code = inner.get("code", "")
    return code if isinstance(code, str) and len(code) <= 64 and code.replace("_", "").isalnum() else ""


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
