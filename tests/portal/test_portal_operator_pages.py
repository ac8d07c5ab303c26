"""Every page of the group's IT and of the auditor: what others wrote is text, each field has a label, no script or style of its own."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from ris.application.access.watch_certificates import KnownCertificates
from ris.application.agenda.gateways import Certificate, Gateway
from ris.application.agenda.messages import LedgerEntry, MessageState
from ris.application.breaker import Breaker, BreakerState, Incident
from ris.domain.access.audit import AuditRecord
from ris.domain.access.certificates import HeldCertificate
from ris.domain.dispatch.delivery import Delivery, DeliveryState
from tests.support.portal import NOW, PortalHouse

HOSTILE = "<script>alert(1)</script>' onmouseover=\"x"


def pages():
    """Every page, of rows whose every word of somebody else is hostile."""
    house = PortalHouse()
    row = Delivery("A1", "nord", "dmp", "DMP", "", DeliveryState.REJECTED, planned_at=NOW, changed_at=NOW, report_version=1)
    house.deliveries.save(replace(row, reason="dmp_fault", remote_code=HOSTILE, remote_words=HOSTILE))
    house.cockpit.gateways.keep(Gateway("nord", HOSTILE, HOSTILE, NOW, NOW, certificates=(Certificate(HOSTILE, NOW),)))
    house.cockpit.certificates.keep(KnownCertificates(NOW, (HeldCertificate(HOSTILE, NOW + timedelta(days=3)),), (HOSTILE,)))
    incident = Incident("dmp", NOW, None, 3, HOSTILE)
    house.cockpit.breakers.save(Breaker("dmp", BreakerState.OPEN, 3, NOW, NOW, 60, HOSTILE), incident)
    parked = LedgerEntry("ab12", "nord", "00", MessageState.PARKED, NOW, reason=HOSTILE, place=HOSTILE, control_id=HOSTILE)
    house.ledger.save(replace(parked, sending_application=HOSTILE, message_type=HOSTILE))
    said = dict.fromkeys(("account_id", "role", "provider", "object_id", "code", "source_ip", "patient_id"), HOSTILE)
    house.audit.append(AuditRecord("a1", NOW, "nord", HOSTILE, HOSTILE, **said))
    operator, auditor = house.browser("info.groupe"), house.browser("audit.groupe")
    site = "/sites/nord"
    for address in (
        "/cockpit",
        *(f"{site}/{page}" for page in ["cockpit", "cockpit/dmp", "outages", "certificates", "strange", "messages"]),
    ):
        yield operator.get(address)
    yield operator.post(f"{site}/cockpit/dmp/preview", {"row-0": "A1~DMP~1"})
    yield operator.post(f"{site}/messages/replay", {"message-0": "ab12"})
    for address in (f"{site}/audit", f"{site}/audit?person={'%3Cb%3E'}", f"{site}/audit/chain", f"{site}/audit/chain/2026-11-26"):
        yield auditor.get(address)
    yield auditor.post(f"{site}/audit/patient", {"q": HOSTILE})


PAGES = list(pages())


@pytest.mark.parametrize("page", PAGES, ids=range(len(PAGES)))
def test_what_others_wrote_is_text_and_no_page_has_a_script_or_a_style_of_its_own(page):
    assert page.status in (200, 400)
    assert "alert(1)</script>" not in page.body
    assert "' onmouseover=" not in page.body
    assert not re.search(r"<script(?! src=)|<style|\sstyle=|\son\w+=\"", page.body)


def test_the_hostile_words_are_shown():
    assert 8 <= sum("&lt;script&gt;alert(1)" in page.body for page in PAGES)


@pytest.mark.parametrize("page", PAGES, ids=range(len(PAGES)))
def test_each_field_has_a_label_and_each_page_one_heading_and_its_landmarks(page):
    fields = re.findall(r"<(?:input|select|textarea)[^>]*>", page.body)
    named = [re.search(r'\sid="([^"]+)"', field) for field in fields if 'type="hidden"' not in field]

    assert all(named)
    assert set() == {found[1] for found in named if found} - set(re.findall(r'<label[^>]*\sfor="([^"]+)"', page.body))
    assert 1 == page.body.count("<h1")
    assert "<main" in page.body
    assert all(caption for caption in [("<caption" in table) for table in page.body.split("<table")[1:]])
