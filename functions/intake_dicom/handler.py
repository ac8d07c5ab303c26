"""Queue `dicom-inbound.fifo`: apply what modalities say of their exams (MPPS)."""

from __future__ import annotations

from datetime import UTC, datetime

from ris.adapters.agenda.mpps_json import message_of
from ris.application.agenda.apply_mpps import apply_mpps
from ris.bootstrap.agenda import services
from ris.contracts.queues import DicomInbound
from ris.observability import LogReference, log, queue_consumer


@queue_consumer("intake_dicom")
def handler(envelope: DicomInbound) -> None:
    """Apply one MPPS request."""
    record = apply_mpps(services(), message_of(envelope), datetime.now(UTC))
    reference = LogReference.INTAKE_DICOM_002 if record.reason else LogReference.INTAKE_DICOM_001
    log(reference, site=envelope.site, operation=envelope.operation, sop_instance=envelope.sop_instance_uid, code=record.reason)
