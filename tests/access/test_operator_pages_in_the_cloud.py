"""The pages of the group's IT and of the auditor as deployed: the real function over the real tables, doing what its role grants."""

from __future__ import annotations

import itertools
import json
import urllib.request
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.error import HTTPError

import pytest

from infra.local.cloud.client import ROOT, Cloud
from ris.adapters.access.dynamodb import DynamoAuditTrail, DynamoSessionStore
from ris.adapters.agenda.gateways import DynamoGatewayBook
from ris.adapters.dispatch.dynamodb import DynamoDeliveryStore
from ris.adapters.dynamodb import Table
from ris.adapters.reference.dynamodb import DynamoReferenceTable
from ris.adapters.reference.files import read_folder
from ris.application.access.begin_login import fingerprint
from ris.application.agenda.gateways import Gateway
from ris.application.load_reference import load_reference
from ris.domain.access.audit import AuditRecord
from ris.domain.dispatch.delivery import Delivery, DeliveryState
from ris.portal import cookies
from tests.support.access import a_session
from tests.support.cloud import deployed_cloud
from tests.support.grants import called, granted, missing
from tests.support.stacks import tenant

cloud = deployed_cloud()
OWNER = "PAGES-1"
NUMBERS = itertools.count(1)


class Person:
    """A browser of somebody whose session stands."""

    def __init__(self, cloud: Cloud, account: str, sites: str) -> None:
        names = cloud.function_env("PortalFunction")
        token = f"{account}-{next(NUMBERS)}-".ljust(43, "x")
        now = datetime.now(UTC)
        roles = {site: frozenset({"it" if account.startswith("info") else "auditor"}) for site in sites.split()}
        session = replace(
            a_session(), session_id=fingerprint(token), csrf_token=token, account_id=account, name=account, roles=roles
        )
        session = replace(session, created_at=now, last_seen_at=now, expires_at=now + timedelta(hours=1))
        DynamoSessionStore(Table(cloud.client("dynamodb"), names["TABLE_SESSIONS"])).create(session)
        self._home, self._cookie = cloud.portal_url, f"{cookies.name_of('session', names['COOKIE_SUFFIX'])}={token}"

    def get(self, address: str) -> tuple[int, str]:
        request = urllib.request.Request(self._home + address, headers={"Cookie": self._cookie})
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            return error.code, error.read().decode()


@pytest.fixture(scope="module")
def furnished(cloud: Cloud) -> Cloud:
    client, names = cloud.client("dynamodb"), cloud.function_env("PortalFunction")
    reference = read_folder(ROOT / "infra/local/demo/reference")
    load_reference(DynamoReferenceTable(Table(client, names["TABLE_REFERENCE"])), reference, now=datetime.now(UTC))
    now = datetime.now(UTC) - timedelta(minutes=30)
    row = Delivery(OWNER, "nord", "dmp", "DMP", "", DeliveryState.REJECTED, planned_at=now, changed_at=now, report_version=1)
    deliveries = DynamoDeliveryStore(Table(client, names["TABLE_EXAMS"]), Table(client, names["TABLE_USAGE"]))
    deliveries.save(replace(row, reason="dmp_fault"))
    audit = DynamoAuditTrail(Table(client, names["TABLE_AUDIT"]))
    audit.append(AuditRecord("pages1", now, "nord", "read_exam", "allowed", account_id="accueil.nord", patient_id="pages-p1"))
    cloud.invoke("SealAuditFunction", {"sites": ["nord"]})
    return cloud


def test_the_group_s_it_sees_what_is_stuck_and_who_does_not_answer(furnished: Cloud) -> None:
    person = Person(furnished, "info.groupe", "nord sud est")

    pages = {name: person.get(f"/sites/nord/{name}") for name in ("cockpit", "cockpit/dmp", "outages", "certificates", "strange")}
    group = person.get("/cockpit")

    assert {200} == {status for status, _ in (*pages.values(), group)}
    assert 'data-pile="dmp"' in pages["cockpit"][1]
    assert f'data-stuck="{OWNER}~DMP~1"' in pages["cockpit/dmp"][1]
    assert 'data-remote="mss"' in pages["outages"][1]
    assert 'data-site="nord" data-channel="dmp"' in group[1]


def test_the_auditor_sees_who_saw_a_patient_exports_it_and_verifies_the_day(furnished: Cloud) -> None:
    person = Person(furnished, "audit.groupe", "nord")

    _, of_patient = person.get("/sites/nord/audit?patient=pages-p1")
    _, export = person.get("/sites/nord/audit/export?patient=pages-p1")
    status, verdict = person.get(f"/sites/nord/audit/chain/{datetime.now(UTC):%Y-%m-%d}")

    assert 'data-audit="pages1"' in of_patient
    assert 'data-account="audit.groupe"' in person.get("/sites/nord/audit?action=read_audit")[1]
    assert "pages1" in export
    assert export.startswith("\ufeffinstant_utc;")
    assert 200 == status
    assert 'data-state="broken"' not in verdict
    assert "maillon" in verdict


def test_these_pages_do_what_the_portal_s_role_grants_and_nothing_else(furnished: Cloud) -> None:
    portal = tenant().resources["PortalFunction"]
    calls: set[Any] = called(furnished.calls(), "PortalFunction")
    needed = {"kms:GetPublicKey", "s3:ListBucketVersions"}

    assert needed <= {call.action for call in calls}
    assert set() == missing(granted(tenant(), portal), calls)


def test_the_watch_keeps_what_it_found_for_the_page(furnished: Cloud) -> None:
    found = furnished.invoke("WatchCertificatesFunction", {})
    _, page = Person(furnished, "info.groupe", "nord").get("/sites/nord/certificates")

    assert found["missing"] > 0
    assert "pas encore été comptés" not in page
    assert page.count("data-missing=") == found["missing"]
    watch = tenant().resources["WatchCertificatesFunction"]
    assert set() == missing(granted(tenant(), watch), called(furnished.calls(), "WatchCertificatesFunction"))


def test_the_sweep_says_what_is_stuck_and_for_how_long(furnished: Cloud) -> None:
    furnished.invoke("SweepDueFunction", {"sites": ["nord"]})

    said = [line for line in furnished.logs("SweepDueFunction") if "SWEEP_DUE_005" in line]
    assert any('"channel":"dmp"' in line and '"site":"nord"' in line for line in said)
    sweep = tenant().resources["SweepDueFunction"]
    assert set() == missing(granted(tenant(), sweep), called(furnished.calls(), "SweepDueFunction"))


def test_the_sweep_says_how_each_gateway_that_speaks_is(furnished: Cloud) -> None:
    table = Table(furnished.client("dynamodb"), furnished.function_env("SweepDueFunction")["TABLE_MESSAGES"])
    now = datetime.now(UTC)
    DynamoGatewayBook(table).keep(Gateway("nord", "figures-1", "1", now, now, clock_skew_s=-7.25, spool_rows=3, spool_refuses=True))

    furnished.invoke("SweepDueFunction", {"sites": ["nord"]})

    (said,) = [json.loads(line) for line in furnished.logs("SweepDueFunction") if "SWEEP_DUE_007" in line and "figures-1" in line]
    assert ("nord", "figures-1", 3, 1, 7250) == tuple(
        said[name] for name in ("site", "gateway", "spool_rows", "spool_refuses", "clock_skew_ms")
    )
    assert "feed_age_s" not in said
