"""Composition root of the HTTP function: the ports of every context a page reads or writes; adapters are imported when first needed.

No PDF, DICOM or XML library is imported from here.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from ris.application.access.chain_ports import ChainServices
from ris.application.access.ports import AccessServices
from ris.application.agenda.apply_hl7 import IntakeServices
from ris.application.agenda.gateways import GatewayBook
from ris.application.agenda.services import Services as AgendaServices
from ris.application.dispatch.cockpit import CockpitServices
from ris.application.dispatch.ports import DeliveryStore
from ris.application.dispatch.services import RestartServices
from ris.application.identity.services import RecordServices
from ris.application.reference import ReferenceBook
from ris.application.report.services import ReportServices
from ris.application.usage.ports import UsageServices


@dataclass(frozen=True)
class PortalSettings:
    """What a deployment says of the portal.

    Args:
        public_url: Scheme and authority of the portal's address; empty: what the API gateway says of itself.
        cookie_suffix: Ends the cookies' names: two systems on one machine share cookies, whatever their ports.
    """

    public_url: str = ""
    cookie_suffix: str = ""


@dataclass(frozen=True)
class PortalServices:
    """All the portal needs.

    Args:
        intake: Gives the ports of inbound messages, which only the operator's list needs.
        identity: Gives the ports of identity events, `reports` those of reports: made at the first page that asks.
        dispatch: Gives the ports of sending again, `letters` the rows of those who get paper, which count too.
        chain: Gives the ports of the audit chain, which only its page needs; `cockpit` those of the group's IT.
        gateways: Gives what gateways say of themselves.
        usage: Gives the ports of counting, which only the pages of finance need.
        clock: Gives the present, aware UTC.
    """

    access: AccessServices
    agenda: AgendaServices
    intake: Callable[[], IntakeServices]
    identity: Callable[[], RecordServices]
    reports: Callable[[], ReportServices]
    dispatch: Callable[[], RestartServices]
    letters: Callable[[], DeliveryStore]
    gateways: Callable[[], GatewayBook]
    chain: Callable[[], ChainServices]
    cockpit: Callable[[], CockpitServices]
    usage: Callable[[], UsageServices]
    reference: ReferenceBook
    clock: Callable[[], datetime]
    settings: PortalSettings = PortalSettings()


@functools.cache
def settings() -> PortalSettings:
    """Return the settings of this function's environment."""
    return PortalSettings(os.environ.get("PUBLIC_URL", ""), os.environ.get("COOKIE_SUFFIX", ""))


def utc_now() -> datetime:
    """Return the present instant."""
    return datetime.now(UTC)


@functools.cache
def services() -> PortalServices:
    """Return the portal's ports over AWS, from this function's environment."""
    from ris.bootstrap.access import access_services
    from ris.bootstrap.agenda import gateways
    from ris.bootstrap.agenda import services as agenda_services
    from ris.bootstrap.audit import chain_services
    from ris.bootstrap.dispatch import restart_services
    from ris.bootstrap.documents import services as report_services
    from ris.bootstrap.identity import record_services
    from ris.bootstrap.intake import intake_services
    from ris.bootstrap.mail import deliveries
    from ris.bootstrap.operator import cockpit_services
    from ris.bootstrap.usage import usage_services

    agenda = agenda_services()
    return PortalServices(
        access=access_services(),
        agenda=agenda,
        intake=intake_services,
        identity=record_services,
        reports=report_services,
        dispatch=restart_services,
        letters=deliveries,
        gateways=gateways,
        chain=chain_services,
        cockpit=cockpit_services,
        usage=usage_services,
        reference=agenda.reference,
        clock=utc_now,
        settings=settings(),
    )
