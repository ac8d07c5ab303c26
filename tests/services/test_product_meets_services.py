"""The product's own clients against the strict services, over mutual TLS: what each answer makes of them."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from infra.local.services.dmp import RECORDS, Dmp, DmpDoors
from infra.local.services.dmp_evidence import Received
from infra.local.services.insi import KNOWN, Insi, InsiDoors
from infra.local.services.recorder import Recorder
from infra.local.services.soap_door import Trust
from ris.adapters.dispatch.dmp.client import DmpSoap, SigningIdentity
from ris.adapters.dispatch.dmp.identifiers import derived_oid
from ris.adapters.dispatch.dmp.settings import DmpSettings
from ris.adapters.dispatch.dmp.signature_document import sign_submission
from ris.adapters.dispatch.dmp.submission import signature_id, submission_set_id
from ris.adapters.dispatch.memory import MemoryStrangeAnswers
from ris.adapters.identity.insi_soap import InsiSettings, InsiSoap
from ris.adapters.report.cda import build_cda
from ris.adapters.report.pdf import render_report
from ris.application.dispatch.dmp_port import SignedVersion, StrangeAnswer
from ris.application.identity.insi_port import InsiQuery
from ris.domain.errors import OutcomeUnknown, RemoteRejected, RemoteUnavailable
from ris.domain.identity.ins import OID_NIR, OID_NIR_TEST, Ins
from ris.domain.report.frozen import FrozenReport
from tests.support.frozen_reports import a_frozen_report
from tests.support.national import IDAM, OTHER_STRUCTURE, STRUCTURE, Pki, control, make_pki

NOW = datetime.now(UTC)
REPORTS = itertools.count(1)


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return make_pki(tmp_path_factory.mktemp("pki"))


@dataclass
class Remote:
    """A service with its doors and its evidence."""

    status: dict[str, str]
    evidence: Path

    def schedule(self, point: str, *faults: Any) -> None:
        control(self.status["control"], schedule={point: list(faults)})

    def report(self, **body: Any) -> dict[str, Any]:
        return control(self.status["control"], **body)


@pytest.fixture
def dmp(pki: Pki, tmp_path: Path) -> Iterator[Remote]:
    service = Dmp(
        recorder=Recorder(tmp_path / "dmp"), received=Received(cda=tmp_path / "cda", pdf=tmp_path / "pdf"),
        ca=pki.files["ca"], crl=pki.files["crl"], records=RECORDS,
    )  # fmt: skip
    doors = DmpDoors(service, Trust(**pki.files))
    yield Remote(doors.status, tmp_path)
    doors.close()


@pytest.fixture
def insi(pki: Pki, tmp_path: Path) -> Iterator[Remote]:
    doors = InsiDoors(Insi(recorder=Recorder(tmp_path), identities=KNOWN, idams=[IDAM]), Trust(**pki.files))
    yield Remote(doors.status, tmp_path)
    doors.close()


def dmp_client(pki: Pki, dmp: Remote, structure: str = STRUCTURE, **changes: Any) -> DmpSoap:
    signer = pki.sign(structure)
    settings = DmpSettings(dmp.status["url"], "RIS", "1", "HOMOL-1", "2.25.9", read_timeout_s=5)
    made = DmpSoap(
        settings,
        pki.context(pki.client("DMP", structure)),
        SigningIdentity(signer.key, signer.certificate),
        lambda: str(uuid.uuid4()),
    )
    return replace(made, **changes)


def a_version(pki: Pki, structure: str = STRUCTURE, **changes: Any) -> SignedVersion:
    number = next(REPORTS)
    changes.setdefault("document_id", derived_oid("document", str(number)))
    changes.setdefault("set_id", derived_oid("set", str(number)))
    report = a_frozen_report(logged_in_at=datetime(2026, 1, 1, tzinfo=UTC), **changes)
    report = replace(report, structure=replace(report.structure, struct_idnat=structure))
    cda, signer = build_cda(report, render_report(report)), pki.sign(structure)
    signature = sign_submission(
        signature_id=signature_id(report), submission_set_id=submission_set_id(report), documents={report.document_id: cda},
        signed_at=report.validated_at, key=signer.key, certificate=signer.certificate,
    )  # fmt: skip
    return SignedVersion(report, cda, signature)


def ins_of(report: FrozenReport) -> Ins:
    assert report.identity is not None
    return report.identity.ins


def test_a_report_is_fed_once_and_found_again(pki: Pki, dmp: Remote) -> None:
    client, version = dmp_client(pki, dmp), a_version(pki)
    name = version.report.document_id

    assert client.existence(version.report, ins_of(version.report), now=datetime.now(UTC)).state == "open"
    assert client.entry_uuid(version.report, name, now=datetime.now(UTC)) == ""
    client.submit(version, replaced_entry_uuid="", now=datetime.now(UTC))
    found = client.entry_uuid(version.report, name, now=datetime.now(UTC))

    stored = {d["unique_id"]: d for d in dmp.report()["documents"]}
    assert stored[name]["entry_uuid"] == found
    assert [d["kind"] for d in stored.values()] == ["report", "signature"]
    assert (dmp.evidence / "cda" / f"{name}.xml").read_bytes() == version.cda
    assert (dmp.evidence / "pdf" / f"{name}.pdf").read_bytes().startswith(b"%PDF-1.4")
    assert (dmp.evidence / "pdf" / f"{name}-1.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(f.name for f in (dmp.evidence / "dmp").glob("*.http")) == [
        f"{n:03d}-{op}-{side}.http"
        for n, op in enumerate(("td0.2", "iti-18", "iti-41", "iti-18"), start=1)
        for side in ("request", "response")
    ]
    assert version.cda in (dmp.evidence / "dmp" / "003-iti-41-request.http").read_bytes()


@pytest.mark.parametrize("lost", ["lost_answer", "http_504", "not_xml", "dtd", "cut_xml", "cut_answer", "other_request"])
def test_a_lost_answer_is_an_unknown_outcome_and_asking_finds_the_document(pki: Pki, dmp: Remote, lost: str) -> None:
    strange = MemoryStrangeAnswers()
    client, version = dmp_client(pki, dmp, strange=strange), a_version(pki)
    dmp.schedule("iti-41", lost)

    with pytest.raises(OutcomeUnknown):
        client.submit(version, replaced_entry_uuid="", now=datetime.now(UTC))

    # What came is kept for the operator as it came; a connection that was cut left nothing.
    kept = strange.of_version(version.report.accession_number, 1)
    assert [one.operation for one in kept] == ([] if lost == "lost_answer" else ["repository"])
    sent = (dmp.evidence / "dmp" / "001-iti-41-response.http").read_bytes() if kept else b""
    assert all(one.content and one.content in sent for one in kept)
    assert client.entry_uuid(version.report, version.report.document_id, now=datetime.now(UTC)).startswith("urn:uuid:")


def test_an_answer_that_cannot_be_kept_changes_nothing_of_what_is_known(pki: Pki, dmp: Remote) -> None:
    class Full(MemoryStrangeAnswers):
        def keep(self, answer: StrangeAnswer) -> None:
            raise RemoteUnavailable("cloud_unavailable")

    client, version = dmp_client(pki, dmp, strange=Full()), a_version(pki)
    dmp.schedule("iti-41", "not_xml")

    with pytest.raises(OutcomeUnknown, match="dmp_answer_lost"):
        client.submit(version, replaced_entry_uuid="", now=datetime.now(UTC))


def test_the_same_bytes_again_are_a_duplicate_and_remade_ones_are_refused(pki: Pki, dmp: Remote) -> None:
    client, version = dmp_client(pki, dmp), a_version(pki)
    client.submit(version, replaced_entry_uuid="", now=datetime.now(UTC))

    with pytest.raises(OutcomeUnknown) as same:
        client.submit(version, replaced_entry_uuid="", now=datetime.now(UTC))
    with pytest.raises(RemoteRejected) as remade:
        client.submit(replace(version, signature=version.signature + b"\n"), replaced_entry_uuid="", now=datetime.now(UTC))

    assert (same.value.code, remade.value.code) == ("XDSDuplicateUniqueIdInRegistry", "XDSNonIdenticalHash")
    assert [d["submissions"] for d in dmp.report()["documents"]] == [3, 3]


@pytest.mark.parametrize("fault", ["http_503", "http_503_html", "busy"])
def test_what_was_surely_not_taken_may_be_sent_again(pki: Pki, dmp: Remote, fault: str) -> None:
    client, version = dmp_client(pki, dmp), a_version(pki)
    dmp.schedule("iti-41", fault)

    with pytest.raises(RemoteUnavailable):
        client.submit(version, replaced_entry_uuid="", now=datetime.now(UTC))
    client.submit(version, replaced_entry_uuid="", now=datetime.now(UTC))


@pytest.mark.parametrize("fault", ["cut_before_reading", "cut_after_reading"])
def test_a_cut_says_nothing_of_what_was_done(pki: Pki, dmp: Remote, fault: str) -> None:
    client, version = dmp_client(pki, dmp), a_version(pki)
    dmp.schedule("iti-41", fault)

    with pytest.raises(OutcomeUnknown):
        client.submit(version, replaced_entry_uuid="", now=datetime.now(UTC))

    assert dmp.report()["documents"] == []


def test_a_question_without_a_believable_answer_is_asked_again(pki: Pki, dmp: Remote) -> None:
    strange = MemoryStrangeAnswers()
    client, report = dmp_client(pki, dmp, strange=strange), a_frozen_report(logged_in_at=datetime(2026, 1, 1, tzinfo=UTC))
    faults = ["cut_after_reading", "http_503", "not_xml", "dtd", "cut_xml", "cut_answer", "other_request", "http_504"]
    dmp.schedule("td0.2", *faults)

    for _ in faults:
        with pytest.raises(RemoteUnavailable):
            client.existence(report, ins_of(report), now=datetime.now(UTC))
    assert client.existence(report, ins_of(report), now=datetime.now(UTC)).state == "open"
    assert [one.status for one in strange.of_version(report.accession_number, 1)] == [200, 200, 200, 200, 200, 504]


@pytest.mark.parametrize(("status", "code"), [("closed", "DMPClosed"), ("none", "XDSUnknownPatientId")])
def test_a_record_that_takes_nothing_says_so_twice(pki: Pki, dmp: Remote, status: str, code: str) -> None:
    client, version = dmp_client(pki, dmp), a_version(pki)
    ins = ins_of(version.report)
    dmp.report(
        record={
            "matricule": ins.matricule,
            "oid": ins.oid,
            "status": status,
            "closed_on": "20260201",
            "reason": "FERMETURE_DEMANDE_PATIENT",
        }
    )

    state = client.existence(version.report, ins, now=datetime.now(UTC))
    with pytest.raises(RemoteRejected) as refused:
        client.submit(version, replaced_entry_uuid="", now=datetime.now(UTC))

    assert state.state == status
    assert (state.since, state.reason) == (("20260201", "FERMETURE_DEMANDE_PATIENT") if status == "closed" else ("", ""))
    assert refused.value.code == code


def test_a_replacement_takes_the_place_of_our_own_document_only(pki: Pki, dmp: Remote) -> None:
    client, first = dmp_client(pki, dmp), a_version(pki)
    client.submit(first, replaced_entry_uuid="", now=datetime.now(UTC))
    entry = client.entry_uuid(first.report, first.report.document_id, now=datetime.now(UTC))
    name = first.report.document_id
    second = a_version(pki, version=2, set_id=first.report.set_id, replaces=name)
    theirs = a_version(pki, OTHER_STRUCTURE, version=2, set_id=first.report.set_id, replaces=name)
    other = dmp_client(pki, dmp, OTHER_STRUCTURE)

    with pytest.raises(RemoteRejected) as foreign:
        other.submit(theirs, replaced_entry_uuid=entry, now=datetime.now(UTC))
    with pytest.raises(RemoteRejected) as asked:
        other.entry_uuid(theirs.report, name, now=datetime.now(UTC))
    with pytest.raises(RemoteRejected) as nowhere:
        client.submit(second, replaced_entry_uuid=f"urn:uuid:{uuid.uuid4()}", now=datetime.now(UTC))
    client.submit(second, replaced_entry_uuid=entry, now=datetime.now(UTC))

    assert (foreign.value.code, asked.value.code) == ("DMPAccessDeniedByRightsService", "DMPAccessDeniedByRightsService")
    assert nowhere.value.code == "UnresolvedReferenceException"
    assert [d["status"] for d in dmp.report()["documents"] if d["kind"] == "report"] == ["Deprecated", "Approved"]


def test_a_second_version_that_is_the_first_in_the_record_has_no_replacement(pki: Pki, dmp: Remote) -> None:
    version = a_version(pki, version=2, replaces="2.25.77")

    dmp_client(pki, dmp).submit(version, replaced_entry_uuid="", now=datetime.now(UTC))

    assert dmp.report()["documents"][0]["version"] == 2


def test_a_wrong_certificate_never_gets_in(pki: Pki, dmp: Remote) -> None:
    report = a_frozen_report(logged_in_at=datetime(2026, 1, 1, tzinfo=UTC))
    for wrong in (pki.client(expired=True), pki.client(revoked=True), pki.sign()):
        with pytest.raises(RemoteUnavailable) as refused:
            dmp_client(pki, dmp, tls=pki.context(wrong)).existence(report, ins_of(report), now=datetime.now(UTC))
        assert refused.value.code == "dmp_tls_refused"

    assert dmp.report()["calls"] == {"tls_refused": 3}


def test_a_wrong_signing_certificate_is_refused_by_its_code(pki: Pki, dmp: Remote) -> None:
    report = a_frozen_report(logged_in_at=datetime(2026, 1, 1, tzinfo=UTC))
    for wrong in (pki.sign(expired=True), pki.sign(revoked=True), pki.client()):
        signing = SigningIdentity(wrong.key, wrong.certificate)
        with pytest.raises(RemoteRejected) as refused:
            dmp_client(pki, dmp, signing=signing).existence(report, ins_of(report), now=datetime.now(UTC))
        assert refused.value.code == "DMPInvalidCertificate"


def test_a_report_of_another_structure_than_the_certificate_is_refused(pki: Pki, dmp: Remote) -> None:
    version = a_version(pki, OTHER_STRUCTURE)

    with pytest.raises(RemoteRejected) as refused:
        dmp_client(pki, dmp).submit(version, replaced_entry_uuid="", now=datetime.now(UTC))

    assert refused.value.detail == "Structure introuvable ou Inactive"


CONSIDERED = InsiQuery("ADRUN", "ZOE", "F", "1975-12-31", "63220")


def insi_client(pki: Pki, insi: Remote, **changes: Any) -> InsiSoap:
    settings = InsiSettings(
        insi.status["url"], changes.pop("idam", IDAM), "RIS", "1.0", str(uuid.uuid4()), changes.pop("emetteur", STRUCTURE), {OID_NIR: OID_NIR_TEST},
        read_timeout_s=5,
    )  # fmt: skip
    made = InsiSoap(settings, pki.context(pki.client("INSI-MANU")), pki.context(pki.client("INSI-AUTO")), lambda: str(uuid.uuid4()))
    return replace(made, **changes)


def test_a_patient_is_found_under_any_prefix_by_either_certificate(pki: Pki, insi: Remote) -> None:
    client = insi_client(pki, insi)

    answers = [client.search(CONSIDERED, by_person=n < 3, now=NOW) for n in range(5)]

    for answer in answers:
        assert answer.code == "00"
        assert answer.found is not None
        assert answer.found.ins == Ins("275126322074974", OID_NIR_TEST)
        assert (answer.found.birth_given_all, answer.found.birth_place_insee) == ("ZOE", "63220")
    assert insi.report()["calls"] == {"INSI-MANU": 3, "INSI-AUTO": 2}
    assert len({a.raw.split(b"Envelope")[0] for a in answers}) == 4
    sent = insi.evidence / "001-rechercherInsAvecTraitsIdentite-response.http"
    assert sent.read_bytes().endswith(b"\r\n\r\n" + answers[0].raw)
    assert sent.read_bytes().startswith(b"HTTP/1.1 200 OK\r\n")
    asked = (insi.evidence / "001-rechercherInsAvecTraitsIdentite-request.http").read_bytes()
    assert asked.startswith(b"POST /lps HTTP/1.1\r\n")
    assert asked.endswith(b"</s:Envelope>")


def test_none_and_several_are_results(pki: Pki, insi: Remote) -> None:
    client = insi_client(pki, insi)

    assert client.search(InsiQuery("HOUILLES", "PIERRE", "M", "1993-01-27"), by_person=True, now=NOW).code == "01"
    assert client.search(InsiQuery("DE VINCI", "LEONARDO", "M", "2014-02-01"), by_person=True, now=NOW).code == "02"
    assert client.search(InsiQuery("TCHITCHI", "OLA", "F", "1936-06-21"), by_person=True, now=NOW).code == "01"
    assert client.search(InsiQuery("TCHITCHI", "CATARINA", "F", "1936-06-21"), by_person=True, now=NOW).code == "00"


def test_a_history_and_a_missing_trait_are_read(pki: Pki, insi: Remote) -> None:
    client = insi_client(pki, insi)
    insi.schedule("search", {"fault": "change", "elements": {"ListePrenom": None, "Sexe": None}})

    found = client.search(InsiQuery("ECETINSI", "PIERRE-ALAIN", "M", "2009-07-14"), by_person=True, now=NOW).found

    assert found is not None
    assert [ins.matricule for ins in found.history] == ["209076322083439", "209066322012355", "109076322083489"]
    assert (found.birth_given_all, found.sex, found.birth_place_insee) == ("", "", "")


@pytest.mark.parametrize(
    "fault", ["http_503", "http_503_html", "insi_102", "insi_101", "cut_before_reading", "cut_after_reading", "lost_answer", "not_xml", "dtd", "cut_xml", "cut_answer", "other_request"],
)  # fmt: skip
def test_a_bad_moment_of_insi_is_to_be_asked_again(pki: Pki, insi: Remote, fault: str) -> None:
    client = insi_client(pki, insi)
    insi.schedule("search", fault)

    with pytest.raises(RemoteUnavailable):
        client.search(CONSIDERED, by_person=True, now=NOW)
    assert client.search(CONSIDERED, by_person=True, now=NOW).code == "00"


def test_an_outage_of_n_calls_ends(pki: Pki, insi: Remote) -> None:
    client = insi_client(pki, insi)
    insi.schedule("search", {"fault": "http_503", "times": 3})

    for _ in range(3):
        with pytest.raises(RemoteUnavailable):
            client.search(CONSIDERED, by_person=False, now=NOW)

    assert client.search(CONSIDERED, by_person=False, now=NOW).code == "00"


def test_a_slow_insi_is_given_up_and_said_to_be_away(pki: Pki, insi: Remote) -> None:
    client = insi_client(pki, insi)
    hasty = replace(client, settings=replace(client.settings, read_timeout_s=0.05))
    insi.schedule("search", {"fault": "delay", "seconds": 0.4})

    with pytest.raises(RemoteUnavailable):
        hasty.search(CONSIDERED, by_person=True, now=NOW)


def test_a_slow_record_is_an_unknown_outcome(pki: Pki, dmp: Remote) -> None:
    client, version = dmp_client(pki, dmp), a_version(pki)
    hasty = replace(client, settings=replace(client.settings, read_timeout_s=0.05))
    dmp.schedule("iti-41", {"fault": "delay", "seconds": 0.4})

    with pytest.raises(OutcomeUnknown):
        hasty.submit(version, replaced_entry_uuid="", now=datetime.now(UTC))


def test_a_configuration_error_is_nobody_elses_to_retry(pki: Pki, insi: Remote) -> None:
    for client, code in (
        (insi_client(pki, insi, idam="UNKNOWN"), "desir_550"),
        (insi_client(pki, insi, tls_manual=pki.context(pki.client("DMP"))), "desir_560"),
        (insi_client(pki, insi, emetteur=OTHER_STRUCTURE), "siram_100"),
    ):
        with pytest.raises(RemoteRejected) as refused:
            client.search(CONSIDERED, by_person=True, now=NOW)
        assert refused.value.code == code


def test_the_vendors_platform_never_says_that_nobody_was_found(pki: Pki, insi: Remote) -> None:
    insi.report(profile="vendor-test")

    with pytest.raises(RemoteUnavailable) as refused:
        insi_client(pki, insi).search(InsiQuery("HOUILLES", "PIERRE", "M", "1993-01-27"), by_person=True, now=NOW)

    assert refused.value.code == "insi_101"
