"""What Lambda hands to a function of a FIFO queue."""

from __future__ import annotations

import json
from typing import Any


def queue_event(*bodies: object, queue: str = "hl7-inbound.fifo", names: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return an event with a record for each body, each in a group of its own.

    Args:
        bodies: Text as it is, anything else as JSON.
        queue: They came from.
        names: Of the messages; else their numbers from 0.
    """
    records = [
        {
            "messageId": name,
            "body": body if isinstance(body, str) else json.dumps(body),
            "attributes": {"MessageGroupId": name},
            "eventSource": "aws:sqs",
            "eventSourceARN": f"arn:aws:sqs:eu-west-3:000000000000:{queue}",
        }
        for name, body in zip(names or map(str, range(len(bodies))), bodies, strict=True)
    ]
    return {"Records": records}
