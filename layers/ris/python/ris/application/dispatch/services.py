"""The ports of dispatch, in one typed value that every use case takes first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from ris.application.dispatch.dmp_port import DispatchWorkflows, DmpAccess, Outages, RemoteBreaker, SignedVersions
from ris.application.dispatch.ports import DeliveryStore, Exams, Hl7Gate, OrderWriter, Patients, Sites
from ris.application.dispatch.send_identity import IdentitySending
from ris.application.dispatch.send_report_hl7 import ReportSending
from ris.domain.dispatch.dmp import DmpRules
from ris.domain.dispatch.mail import MailRules


@dataclass(frozen=True)
class DispatchServices:
    """Everything outside the use cases of dispatch.

    Args:
        identity: What sending changes of identity needs, where this deployment sends them.
        reports: What sending reports needs, where a function may.
    """

    deliveries: DeliveryStore
    exams: Exams
    patients: Patients
    sites: Sites
    gate: Hl7Gate
    writer: OrderWriter
    identity: IdentitySending | None = None
    reports: ReportSending | None = None


@dataclass(frozen=True)
class DmpServices:
    """Everything outside the use cases of the DMP.

    Args:
        clock: The instant after a call, which may have taken half a minute.
    """

    deliveries: DeliveryStore
    exams: Exams
    patients: Patients
    versions: SignedVersions
    dmp: DmpAccess
    breaker: RemoteBreaker
    clock: Callable[[], datetime]
    rules: DmpRules = field(default_factory=DmpRules)


@dataclass(frozen=True)
class RestartServices:
    """What starting a dispatch again needs: no remote, no document."""

    deliveries: DeliveryStore
    workflows: DispatchWorkflows
    outages: Outages
    rules: DmpRules = field(default_factory=DmpRules)
    mail_rules: MailRules = field(default_factory=MailRules)
