"""Figures as deployed: the schedule's function and finance's pages over the real table and its index, doing what their roles grant."""

from __future__ import annotations

import itertools
import json
import urllib.request
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest

from infra.local.cloud.client import ROOT, Cloud
from ris.adapters.access.dynamodb import DynamoSessionStore
from ris.adapters.dynamodb import Table, write
from ris.adapters.reference.dynamodb import DynamoReferenceTable
from ris.adapters.reference.files import read_folder
from ris.adapters.usage.dynamodb import fact_write
from ris.application.access.begin_login import fingerprint
from ris.application.load_reference import load_reference
from ris.portal import cookies
from tests.support.access import a_session
from tests.support.cloud import deployed_cloud
from tests.support.grants import called, granted, missing
from tests.support.stacks import tenant
from tests.support.usage import fact

cloud = deployed_cloud()
NUMBERS = itertools.count(1)


class Finance:
    """A browser of finance at one site, whose session stands."""

    def __init__(self, cloud: Cloud, site: str) -> None:
        names = cloud.function_env("PortalFunction")
        self._token, now = f"finance-{next(NUMBERS)}-".ljust(43, "x"), datetime.now(UTC)
        session = replace(
            a_session(),
            session_id=fingerprint(self._token),
            csrf_token=self._token,
            account_id="finance.groupe",
            name="Finance",
            roles={site: frozenset({"finance"})},
            created_at=now,
            last_seen_at=now,
            expires_at=now + timedelta(hours=1),
        )
        DynamoSessionStore(Table(cloud.client("dynamodb"), names["TABLE_SESSIONS"])).create(session)
        self._home, self._cookie = cloud.portal_url, f"{cookies.name_of('session', names['COOKIE_SUFFIX'])}={self._token}"

    def get(self, address: str, form: dict[str, str] | None = None, **headers: str) -> tuple[int, bytes]:
        body = urlencode({**form, "csrf": self._token}).encode() if form is not None else None
        request = urllib.request.Request(self._home + address, data=body, headers={"Cookie": self._cookie, **headers})
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read()


@pytest.fixture(scope="module")
def furnished(cloud: Cloud) -> Cloud:
    client, names = cloud.client("dynamodb"), cloud.function_env("PortalFunction")
    data = read_folder(ROOT / "infra/local/demo/reference")
    load_reference(DynamoReferenceTable(Table(client, names["TABLE_REFERENCE"])), data, now=datetime.now(UTC))
    usage, now = Table(client, names["TABLE_USAGE"]), datetime.now(UTC)
    before = now - timedelta(days=40)
    facts = [
        fact("USAGE-1", before, kind="validated"),
        fact("USAGE-1", before),
        fact("USAGE-1", now, report_version=2),
        fact("USAGE-2", now, kind="validated"),
        fact("USAGE-2", now, report_version=1),
    ]
    for each in facts:
        # A site of the reference where no other suite of the session counts anything.
        write(client, [fact_write(usage, replace(each, site="est", fact_id=f"cloud-{each.fact_id}"))])
    return cloud


def test_the_schedule_counts_a_report_of_an_earlier_month_no_second_time(furnished: Cloud) -> None:
    furnished.invoke("CountUsageFunction", {"sites": ["est"]})  # the deployed schedule may have counted before
    assert furnished.invoke("CountUsageFunction", {"sites": ["est"]}) == {"changed": 0}

    finance = Finance(furnished, "est")
    page = json.loads(finance.get("/usage", Accept="application/json")[1])
    listed = finance.get("/usage/list?figure=dmp")[1].decode()

    assert {line["code"]: line["total"] for line in page["lines"]}["dmp"] == 1
    assert 'data-accession="USAGE-2"' in listed
    assert 'data-accession="USAGE-1"' not in listed
    function = tenant().resources["CountUsageFunction"]
    calls = called(furnished.calls(), "CountUsageFunction")
    assert {"dynamodb:BatchGetItem", "dynamodb:PutItem", "dynamodb:Query"} <= {call.action for call in calls}
    assert set() == missing(granted(tenant(), function), calls)


def test_finance_counts_and_downloads_within_the_portal_s_role(furnished: Cloud) -> None:
    finance = Finance(furnished, "est")
    assert finance.get("/usage/count", {"period": "year"})[0] == 200

    begins = {kind: finance.get(f"/usage/indicators.{kind}?period=year")[1][:4] for kind in ("csv", "xlsx", "svg")}

    assert begins == {"csv": b"\xef\xbb\xbfN", "xlsx": b"PK\x03\x04", "svg": b"<svg"}
    assert finance.get("/usage/thresholds")[0] == 200
    portal = tenant().resources["PortalFunction"]
    assert set() == missing(granted(tenant(), portal), called(furnished.calls(), "PortalFunction"))
