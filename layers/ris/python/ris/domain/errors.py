"""Errors, grouped by who must act.

A state machine matches these class names exactly (design, decision 4), so a task lets out only the six group names; the precise
reason is the `code`. Messages carry codes and our own identifiers, never a patient's value.
"""

from __future__ import annotations


class RisError(Exception):
    """Something a caller can be told.

    Args:
        code: Stable snake_case reason, e.g. `slot_taken`.
        field: The field at fault as its sender names it, e.g. `PID-7` or `start`.
        detail: One English sentence for logs and operators, without any patient value.
    """

    def __init__(self, code: str, *, field: str = "", detail: str = "") -> None:
        super().__init__(code if not field else f"{code} ({field})")
        self.code = code
        self.field = field
        self.detail = detail


class InvalidInput(RisError):
    """The caller must correct what was sent: HTTP 400, HL7 AE, DICOM 0xA900; never retried."""


class Refused(RisError):
    """A rule says no: HTTP 409; the code names the rule."""


class NotAllowed(RisError):
    """The person has no right to it: HTTP 403, or 404 when the object must stay unknown; audited."""


class RemoteRejected(RisError):
    """The other system said no: a person acts, never retried."""


class RemoteUnavailable(RisError):
    """Surely not done: retried with back-off."""


class OutcomeUnknown(RisError):
    """Perhaps done: the remote is asked before anything is sent again."""


GROUPS: tuple[type[RisError], ...] = (InvalidInput, Refused, NotAllowed, RemoteRejected, RemoteUnavailable, OutcomeUnknown)
