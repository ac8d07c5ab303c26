"""Plan the messages that tell a change of identity: one delivery row for the PACS of each site that knows the patient.

Reports that waited for a qualified identity are told here too.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial

from ris.application.conflicts import decide
from ris.application.dispatch.plan_order import plan_row
from ris.application.dispatch.send_identity import IDENTITY_CHANNEL, IDENTITY_RECIPIENT, owner_of
from ris.application.identity.services import ApplyServices
from ris.domain.dispatch.delivery import Delivery
from ris.domain.identity.status import IdentityStatus


def plan_announcement(s: ApplyServices, patient_id: str, number: int, now: datetime) -> list[Delivery]:
    """Write the pending rows of one announcement, then take it off the sweep's list; a second time changes nothing.

    Args:
        s: The ports.
        patient_id: Whose change.
        number: Of the announcement.
        now: Aware UTC instant.

    Returns:
        The rows, one for each site with a PACS and an IPP of the patient.
    """
    announcement = s.patients.announcement(patient_id, number)
    if announcement is None:
        return []
    rows = []
    for name in sorted(announcement.patient.sites):
        site = s.sites.site(name)
        if site is None or IDENTITY_RECIPIENT not in site.hl7_destinations or not announcement.patient.ipp(site.ipp_authority):
            continue
        owner = owner_of(patient_id, name, number)
        rows.append(decide(partial(plan_row, s.deliveries, owner, name, IDENTITY_CHANNEL, IDENTITY_RECIPIENT, now)))
    if s.reissues is not None and announcement.patient.status is IdentityStatus.QUALIFIEE:
        s.reissues.wake(patient_id, now)  # before the announcement leaves the sweep's list: it is what brings us back here
    s.patients.announcement_planned(patient_id, number)
    return rows
