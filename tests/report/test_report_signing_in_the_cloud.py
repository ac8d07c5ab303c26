"""The signing machine as deployed: the real template, functions, layer, key in KMS, locked bucket and rights."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pikepdf.pdfa
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

from infra.local.cloud.client import ROOT, Cloud
from ris.adapters.agenda.memory import MemoryWorkflows
from ris.adapters.dispatch.directory import DynamoDirectory
from ris.adapters.keys.kms_rsa import KmsRsaPrivateKey
from ris.adapters.reference.dynamodb import DynamoAccountBook, DynamoReferenceBook
from ris.adapters.report.dynamodb import DynamoReportStore
from ris.adapters.report.frozen_json import FrozenJson
from ris.adapters.report.makers import CdaMaker, PdfMaker
from ris.adapters.report.s3 import S3DocumentStore
from ris.adapters.report.step_functions import StepFunctionsSigning
from ris.application.agenda.services import Services
from ris.application.report.edit_report import EditReport, edit_report
from ris.application.report.ports import SubmissionSigner
from ris.application.report.services import ReportServices
from ris.application.report.validate_report import ValidateReport, validate_report
from ris.domain.access.session import PscSession, Session
from ris.domain.agenda.exam import Exam, ExamState
from ris.domain.errors import RemoteUnavailable
from ris.domain.identity.ins import OID_NIR_TEST, Ins, StrictTraits
from ris.domain.identity.patient import IdentityStatus
from ris.domain.report.draft import DraftStatus
from ris.domain.report.frozen import FrozenReport, Section
from ris.domain.report.version import PDF, Version, VersionState
from tests.support.agenda_cloud import cloud_services, held
from tests.support.cloud import deployed_cloud
from tests.support.grants import called, granted, missing
from tests.support.stacks import tenant
from tests.support.waiting import until

cloud = deployed_cloud()
ENTITY = "630999001"
NOW = datetime.now(UTC)
TEXT = (Section("Résultats", "Œdème « discret », ≤ 3 mm.\n\n" * 20), Section("Conclusion", "Examen normal."))


class Unsigned(SubmissionSigner):
    """The portal signs nothing."""

    def sign(self, report: FrozenReport, cda: bytes, *, legal_entity: str, now: datetime) -> bytes:
        raise AssertionError


@pytest.fixture(scope="module")
def agenda(cloud: Cloud) -> Services:
    return cloud_services(cloud)


@pytest.fixture(scope="module")
def s(cloud: Cloud, agenda: Services) -> ReportServices:
    """Return the report's services as the portal has them, and give the legal entity its key and certificate."""
    key_of_the_entity(cloud)
    env = cloud.function_env("PortalFunction")
    exams = agenda.exams._table  # type: ignore[attr-defined]
    reference = agenda.reference
    assert isinstance(reference, DynamoReferenceBook)
    return ReportServices(
        reports=DynamoReportStore(exams),
        documents=S3DocumentStore(lambda: cloud.client("s3"), cloud.function_env("FreezeReportFunction")["BUCKET_DOCUMENTS"]),
        exams=agenda.exams,
        patients=agenda.patients,
        reference=reference,
        directory=DynamoDirectory(reference._table),
        accounts=DynamoAccountBook(reference._table),
        deliveries=agenda.deliveries,
        workflows=StepFunctionsSigning(lambda: cloud.client("stepfunctions"), env["SIGNING_STATE_MACHINE_ARN"]),
        codec=FrozenJson(),
        renderer=PdfMaker(),
        builder=CdaMaker(),
        signer=Unsigned(),
    )


def key_of_the_entity(cloud: Cloud) -> None:
    """Make the SIGN key in KMS and a certificate of it, once a session."""
    env = cloud.function_env("SignSubmissionFunction")
    kms, secrets = cloud.client("kms"), cloud.client("secretsmanager")
    alias, secret = f"{env['SIGN_KEY_ALIAS_PREFIX']}{ENTITY}", f"{env['SECRET_PREFIX']}/legal-entity/{ENTITY}/sign-certificate"
    if alias not in {one["AliasName"] for one in kms.list_aliases()["Aliases"]}:
        key_id = kms.create_key(KeyUsage="SIGN_VERIFY", KeySpec="RSA_2048")["KeyMetadata"]["KeyId"]
        kms.create_alias(AliasName=alias, TargetKeyId=key_id)
    key = KmsRsaPrivateKey(kms, alias)
    name = x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, f"1{ENTITY}"), x509.NameAttribute(NameOID.COMMON_NAME, "S")]
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(NOW - timedelta(days=2))
        .not_valid_after(NOW + timedelta(days=30))
        .sign(key, hashes.SHA256())
    )
    from cryptography.hazmat.primitives.serialization import Encoding

    text = json.dumps({"certificate_pem": certificate.public_bytes(Encoding.PEM).decode(), "key_pem": "", "chain_pem": ""})
    if secret in {one["Name"] for one in secrets.list_secrets()["SecretList"]}:
        secrets.put_secret_value(SecretId=secret, SecretString=text)
    else:
        secrets.create_secret(Name=secret, SecretString=text)


def performed(agenda: Services) -> Exam:
    """Return a performed exam of a patient of its own whose identity is qualified."""
    exam = held(replace(agenda, workflows=MemoryWorkflows()), NOW, start=False)
    patient = agenda.patients.get(exam.patient_id)
    assert patient is not None
    birth = patient.traits.birth_date
    assert birth is not None
    agenda.patients.save(
        replace(
            patient,
            status=IdentityStatus.QUALIFIEE,
            ins=Ins("275126322074974", OID_NIR_TEST),
            strict=StrictTraits("ESSAI", "ZOE", "ZOE", birth, "F", "63220"),
            consents={"ZFA-9": "INO"},
        )
    )
    return agenda.exams.save(replace(exam, state=ExamState.COMPLETED, hold_expires_at=None))


def a_session() -> Session:
    """Return Dr Lemarchand's session through Pro Sante Connect."""
    roles = {"nord": frozenset({"radiologist"})}
    psc = PscSession("899900012347", "eidas1", NOW)
    return Session(
        "id", "radiologue.nord", "Dr", roles, frozenset(), "psc", "c", NOW, NOW, NOW + timedelta(hours=1), "99900012347", psc
    )


def validated(s: ReportServices, exam: Exam, **changes: Any) -> None:
    command = EditReport(exam.accession_number, 0, "Scanner thoracique", TEXT, "radiologue.nord")
    draft = edit_report(s, replace(command, **changes), NOW)
    validate_report(s, ValidateReport(exam.accession_number, draft.rev, a_session()), NOW)


def execution(cloud: Cloud, machine: str, name: str) -> dict[str, Any]:
    (found,) = until(lambda: [one for one in cloud.executions(machine) if one["name"] == name], 30)
    return cloud.wait_execution(found["executionArn"])


def signed(s: ReportServices, exam: Exam) -> Version:
    version = s.reports.version(exam.accession_number, 1)
    assert version is not None
    assert VersionState.SIGNED is version.state
    return version


def test_one_click_ends_in_four_documents_kept_for_ever_and_a_started_dispatch(
    cloud: Cloud, agenda: Services, s: ReportServices
) -> None:
    exam = performed(agenda)

    validated(s, exam)
    ended = execution(cloud, "ReportSigningStateMachine", f"signing-{exam.accession_number}-1")

    assert "SUCCEEDED" == ended["status"], (ended, cloud.logs("SignSubmissionFunction")[-3:])
    version, draft = signed(s, exam), s.reports.draft(exam.accession_number)
    assert draft is not None
    assert DraftStatus.VALIDATED is draft.status
    assert ["frozen.json", "report.cda.xml", "report.pdf", "signature.xml"] == sorted(version.files)
    assert s.documents.get(version.files[PDF].key).startswith(b"%PDF-1.4")
    (row,) = [row for row in agenda.deliveries.of_owner(exam.accession_number) if row.channel == "dmp"]
    assert (1, version.document_id) == (row.report_version, row.document_id)
    assert execution(cloud, "ReportDispatchStateMachine", f"dispatch-{exam.accession_number}-1-1")
    texts = [json.dumps(event, default=str) for event in cloud.history(ended["executionArn"])]
    assert max(map(len, texts)) < 8_192
    patient = agenda.patients.get(exam.patient_id)
    assert patient is not None
    for secret in (patient.traits.birth_family, "275126322074974", "discret"):
        assert not [text for text in texts if secret in text]


def test_a_report_of_150_000_characters_passes_through_small_states(cloud: Cloud, agenda: Services, s: ReportServices) -> None:
    exam = performed(agenda)
    long = "Pas d'épanchement pleural ni péricardique. Médiastin sans particularité.\n\n" * (150_000 // 74)

    validated(s, exam, sections=(Section("Résultats", long), Section("Conclusion", "Normal.")))
    ended = execution(cloud, "ReportSigningStateMachine", f"signing-{exam.accession_number}-1")

    assert "SUCCEEDED" == ended["status"]
    assert signed(s, exam).files[PDF].size > 50_000
    assert max(len(json.dumps(event, default=str)) for event in cloud.history(ended["executionArn"])) < 8_192


def test_the_sweep_signs_a_click_whose_machine_never_started(cloud: Cloud, agenda: Services, s: ReportServices) -> None:
    exam = performed(agenda)

    class Nowhere:
        def start_signing(self, *_: object, **__: object) -> None:
            raise RemoteUnavailable("workflows_unavailable")

    validated(replace(s, workflows=Nowhere()), exam)
    draft = s.reports.draft(exam.accession_number)
    assert draft is not None
    s.reports.save_draft(replace(draft, due_at=datetime.now(UTC) - timedelta(seconds=1)))

    answer = cloud.invoke("SweepDueFunction", {"sites": ["nord"]})

    assert 0 == answer["failed"], cloud.logs("SweepDueFunction")[-4:]
    execution(cloud, "ReportSigningStateMachine", f"signing-{exam.accession_number}-1-2")
    signed(s, exam)


def test_a_refusal_in_the_machine_comes_back_to_the_draft(cloud: Cloud, agenda: Services, s: ReportServices) -> None:
    exam = performed(agenda)
    patient = agenda.patients.get(exam.patient_id)
    assert patient is not None

    class Later:
        """Starts the machine after somebody broke the patient's name."""

        def start_signing(self, *arguments: Any, **named: Any) -> None:
            agenda.patients.save(replace(patient, traits=replace(patient.traits, used_family="漢")))
            s.workflows.start_signing(*arguments, **named)

    validated(replace(s, workflows=Later()), exam)
    ended = execution(cloud, "ReportSigningStateMachine", f"signing-{exam.accession_number}-1")

    draft = s.reports.draft(exam.accession_number)
    assert draft is not None
    assert draft.refusal is not None
    assert ("FAILED", "InvalidInput") == (ended["status"], ended["error"])
    assert (DraftStatus.DRAFT, "character_not_drawable", "patient.used_family") == (
        draft.status, draft.refusal.code, draft.refusal.field,
    )  # fmt: skip
    assert s.reports.version(exam.accession_number, 1) is None
    assert "漢" not in json.dumps(ended, default=str, ensure_ascii=False)


def test_what_was_kept_is_pdf_a_and_nobody_writes_over_it(
    cloud: Cloud, agenda: Services, s: ReportServices, tmp_path_factory: pytest.TempPathFactory
) -> None:
    exam = performed(agenda)
    validated(s, exam)
    execution(cloud, "ReportSigningStateMachine", f"signing-{exam.accession_number}-1")
    file = signed(s, exam).files[PDF]
    path = tmp_path_factory.mktemp("pdf") / f"{uuid.uuid4().hex}.pdf"
    path.write_bytes(s.documents.get(file.key))

    assert [] == list(pikepdf.pdfa.validate_written(path, "1b").findings)
    assert path.read_bytes() == s.documents.keep(file.key, b"another", content_type="application/pdf")


def test_the_product_s_files_of_the_demo_group_are_complete_for_a_report(agenda: Services) -> None:
    assert (ROOT / "infra/local/demo/reference/sites.json").is_file()
    for site in agenda.reference.sites():
        assert agenda.reference.legal_entity(site.legal_entity)
        assert site.report_notice
        assert site.address
    assert [] == [one.exam_code for one in agenda.reference.catalogue() if not (one.loinc and one.region_code and one.region_label)]


@pytest.mark.parametrize("function", ["FreezeReportFunction", "RenderReportFunction", "BuildCdaFunction", "SignSubmissionFunction"])
def test_a_signing_function_calls_nothing_that_its_role_does_not_grant(
    cloud: Cloud, agenda: Services, s: ReportServices, function: str
) -> None:
    exam = performed(agenda)
    validated(s, exam)
    execution(cloud, "ReportSigningStateMachine", f"signing-{exam.accession_number}-1")
    # A second run of each state meets what was kept before.
    again = {"accession_number": exam.accession_number, "version": 1}
    cloud.invoke(
        function,
        {**again, "draft_rev": 0, "validator_account": "a", "validated_at": NOW.isoformat(), "logged_in_at": NOW.isoformat()},
    )

    calls = called(cloud.calls(), function)

    assert calls
    assert missing(granted(tenant(), tenant().resources[function]), calls) == set()
