"""Queue `dicom-inbound.fifo`: what modalities say of their exams (MPPS), what archives say of studies, and how gateways are."""

from __future__ import annotations

from datetime import UTC, datetime

from ris.adapters.agenda.gateway_status import gateway_of
from ris.adapters.agenda.mpps_json import commitment_of, first_images_of, message_of, study_of
from ris.application.agenda.apply_mpps import apply_mpps
from ris.application.agenda.gateways import take_status
from ris.application.agenda.images_arrived import images_arrived
from ris.application.agenda.images_committed import images_committed
from ris.bootstrap.agenda import gateways, services
from ris.contracts.queues import DicomInbound, GatewayStatus
from ris.domain.agenda.exam import Exam
from ris.observability import LogReference, log, queue_consumer

_MPPS = ("mpps_create", "mpps_set")


@queue_consumer("intake_dicom")
def handler(envelope: DicomInbound | GatewayStatus) -> None:
    """Apply one envelope."""
    now = datetime.now(UTC)
    if isinstance(envelope, GatewayStatus):
        published = take_status(services(), gateways(), gateway_of(envelope), now)
        log(LogReference.INTAKE_DICOM_003, site=envelope.site, count=published)
        return
    if envelope.operation not in _MPPS:
        exam = _archived(envelope)
        known = exam.accession_number if exam else ""
        log(LogReference.INTAKE_DICOM_004, site=envelope.site, operation=envelope.operation, accession_number=known)
        return
    record = apply_mpps(services(), message_of(envelope), now)
    reference = LogReference.INTAKE_DICOM_002 if record.reason else LogReference.INTAKE_DICOM_001
    log(reference, site=envelope.site, operation=envelope.operation, sop_instance=envelope.sop_instance_uid, code=record.reason)


def _archived(envelope: DicomInbound) -> Exam | None:
    if envelope.operation == "storage_committed":
        return images_committed(services(), envelope.site, commitment_of(envelope))
    return images_arrived(services(), envelope.site, study_of(envelope), envelope.received_at, first_images_of(envelope))
