"""The product's client deletes from the strict DMP, over mutual TLS: only its own, once, and a lost answer can be asked about."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from infra.local.services.dmp import RECORDS, Dmp, DmpDoors
from infra.local.services.dmp_evidence import Received
from infra.local.services.recorder import Recorder
from infra.local.services.soap_door import Trust
from ris.adapters.dispatch.dmp.client import DmpSoap
from ris.application.dispatch.dmp_port import SignedVersion
from ris.domain.errors import OutcomeUnknown, RemoteRejected
from tests.services.test_product_meets_services import Remote, a_version, dmp_client
from tests.support.national import OTHER_STRUCTURE, Pki, make_pki

ASKED = datetime(2026, 11, 26, 10, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return make_pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture
def dmp(pki: Pki, tmp_path: Path) -> Iterator[Remote]:
    service = Dmp(
        recorder=Recorder(tmp_path / "dmp"), received=Received(cda=tmp_path / "cda", pdf=tmp_path / "pdf"),
        ca=pki.files["ca"], crl=pki.files["crl"], records=RECORDS,
    )  # fmt: skip
    doors = DmpDoors(service, Trust(**pki.files))
    yield Remote(doors.status, tmp_path)
    doors.close()


def fed(client: DmpSoap, version: SignedVersion) -> str:
    client.submit(version, replaced_entry_uuid="", now=datetime.now(UTC))
    return found(client, version)


def found(client: DmpSoap, version: SignedVersion) -> str:
    return client.entry_uuid(version.report, version.report.document_id, now=datetime.now(UTC))


def statuses(dmp: Remote) -> dict[str, str]:
    return {one["unique_id"]: one["status"] for one in dmp.report()["documents"] if one["kind"] == "report"}


def delete(client: DmpSoap, version: SignedVersion, entry: str) -> None:
    client.delete(version.report, entry, requested_at=ASKED, now=datetime.now(UTC))


@pytest.mark.segur("DMP.02")
def test_a_document_of_ours_is_deleted_and_found_no_more(pki: Pki, dmp: Remote) -> None:
    client, version, other = dmp_client(pki, dmp), a_version(pki), a_version(pki)
    entry, kept = fed(client, version), fed(client, other)

    delete(client, version, entry)

    assert {version.report.document_id: "Deleted", other.report.document_id: "Approved"} == statuses(dmp)
    assert ("", kept) == (found(client, version), found(client, other))
    request = next((dmp.evidence / "dmp").glob("*-td3.3c-request.http")).read_bytes()
    assert b"urn:asip:ci-sis:2010:StatusType:Deleted" in request
    assert b"20261126100000" in request


def test_a_deletion_sent_again_is_no_second_one(pki: Pki, dmp: Remote) -> None:
    client, version = dmp_client(pki, dmp), a_version(pki)
    entry = fed(client, version)
    dmp.schedule("td3.3c", "lost_answer")

    with pytest.raises(OutcomeUnknown):
        delete(client, version, entry)
    assert "" == found(client, version)
    with pytest.raises(OutcomeUnknown) as again:
        delete(client, version, entry)

    assert "XDSDuplicateUniqueIdInRegistry" == again.value.code


def test_what_is_not_ours_or_not_there_is_not_deleted(pki: Pki, dmp: Remote) -> None:
    theirs = a_version(pki, structure=OTHER_STRUCTURE)
    entry = fed(dmp_client(pki, dmp, structure=OTHER_STRUCTURE), theirs)
    client, ours = dmp_client(pki, dmp), a_version(pki)

    with pytest.raises(RemoteRejected) as foreign:
        delete(client, ours, entry)
    with pytest.raises(RemoteRejected) as unknown:
        delete(client, ours, "urn:uuid:00000000-0000-0000-0000-000000000000")

    assert ("DMPAccessDeniedByRightsService", "UnresolvedReferenceException") == (foreign.value.code, unknown.value.code)
    assert {theirs.report.document_id: "Approved"} == statuses(dmp)
