"""Take a document back from the DMP: the row first, then TD3.3c on the entry that is there, then what became of it.

What is not there any more is deleted. A deletion whose answer was lost is asked about like a submission, the other way round: *absent* is
delivered, *found* lets the same request go again.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from ris.application.dispatch.dmp_facts import DmpFacts, moved, row_of
from ris.application.dispatch.services import DmpServices
from ris.domain.dispatch.delivery import DELETE, Delivery, DeliveryState
from ris.domain.dispatch.dmp import CHANNEL, RECIPIENT, found
from ris.domain.errors import Refused, RemoteUnavailable
from ris.domain.report.frozen import FrozenReport
from ris.domain.report.succession import DELETED


def deleted_later(s: DmpServices, row: Delivery) -> bool:
    """Say whether a later version of the report takes it back from the DMP: then nothing of this row leaves any more."""
    for version in range(row.report_version + 1, row.report_version + 100):
        later = s.deliveries.get(row.owner, CHANNEL, RECIPIENT, version)
        if later is None:
            return False
        if later.operation == DELETE:
            return True
    return False


def called_back(row: Delivery, now: datetime) -> Delivery:
    """Return a row that surely is not in the DMP, once its report was deleted."""
    if row.state is not DeliveryState.HELD and (row.state is not DeliveryState.PENDING or row.unknown):
        return row
    return replace(row, state=DeliveryState.WITHDRAWN, reason=DELETED, due_at=None, changed_at=now)


def there(s: DmpServices, row: Delivery) -> FrozenReport:
    """Return the content of the document that a deletion is about: it names the record by the INS with which it left.

    Raises:
        Refused: `unknown_version`, `identity_not_qualified`.
    """
    frozen = s.versions.frozen(row.owner, row.predecessor_version)
    if frozen is None:
        raise Refused("unknown_version", field="predecessor")
    if frozen.report.identity is None:
        raise Refused("identity_not_qualified")
    return frozen.report


def ready_to_delete(s: DmpServices, row: Delivery, facts: DmpFacts, now: datetime) -> bool:
    """Say whether there is something to delete; a document that surely never arrived is called back instead.

    Raises:
        RemoteUnavailable: `predecessor_pending`: nobody knows yet whether it arrived.
        Refused: `another_structures_document`.
    """
    before = row_of(s.deliveries, row.owner, row.predecessor_version)
    if before.state is DeliveryState.PENDING and before.unknown:
        raise RemoteUnavailable("predecessor_pending")
    if there(s, row).structure.struct_idnat != facts.report.structure.struct_idnat:
        raise Refused("another_structures_document", field="structure")
    if before.state is DeliveryState.DELIVERED:
        return True
    moved(s, before, lambda current: called_back(current, now))
    moved(s, row, lambda current: found(current, now))
    return False
