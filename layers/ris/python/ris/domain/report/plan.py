"""The channel plan of a version, decided at validation and never again (design, decision 6)."""

from __future__ import annotations

from dataclasses import dataclass

from ris.domain.dispatch.delivery import DeliveryState

DMP_CHANNEL = "dmp"
DMP_RECIPIENT = "DMP"
OPPOSED = "IO"
"""ZFA-9: informed, opposed. `NA`, not collected, is an alert at the desk and holds nothing."""


@dataclass(frozen=True)
class PlannedChannel:
    """One channel: who gets the version, and in which state its row begins.

    Args:
        reason: Why it does not begin as pending: `identity` (held), `opposition` (withdrawn).
    """

    channel: str
    recipient: str
    state: DeliveryState = DeliveryState.PENDING
    reason: str = ""


def channel_plan(*, qualified: bool, information: tuple[str, ...]) -> tuple[PlannedChannel, ...]:
    """Return the plan of a version.

    Args:
        qualified: Whether the identity is: nothing goes to the DMP without an INS.
        information: What ZFA-9 says of this episode and of the patient; one opposition is enough.
    """
    if OPPOSED in information:
        return (PlannedChannel(DMP_CHANNEL, DMP_RECIPIENT, DeliveryState.WITHDRAWN, "opposition"),)
    if not qualified:
        return (PlannedChannel(DMP_CHANNEL, DMP_RECIPIENT, DeliveryState.HELD, "identity"),)
    return (PlannedChannel(DMP_CHANNEL, DMP_RECIPIENT),)
