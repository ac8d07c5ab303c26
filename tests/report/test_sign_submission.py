"""The task that signs: whose certificate, which bytes, and the end of a validation."""

from __future__ import annotations

import json
from base64 import b64encode
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from lxml import etree

from ris.adapters.dispatch.dmp.signature_document import DS
from ris.adapters.report.signer import LegalEntityKeys, LotSigner, SigningKey
from ris.application.report.sign_submission import sign_submission
from ris.domain.dispatch.delivery import DeliveryState
from ris.domain.errors import Refused, RemoteUnavailable
from ris.domain.report.draft import DraftStatus
from ris.domain.report.version import CDA, SIGNATURE, VersionState
from tests.support.certificates import a_signer
from tests.support.reports import ACCESSION, ENTITY, NOW, ReportWorld


def signing_with(world: ReportWorld, key: SigningKey) -> ReportWorld:
    world.s = replace(world.s, signer=LotSigner(lambda _: key))
    return world


@pytest.mark.segur("CRR.01")
def test_a_signed_report_is_validated_by_whom_and_when() -> None:
    world = ReportWorld()

    version = world.signed()

    draft = world.reports.draft(ACCESSION)
    assert draft is not None
    assert draft.validation is not None
    assert (DraftStatus.VALIDATED, 1, None) == (draft.status, draft.version, draft.due_at)
    assert ("dr.rayon", NOW.replace(microsecond=0)) == (draft.validation.account_id, draft.validation.validated_at)
    assert (VersionState.SIGNED, None) == (version.state, version.due_at)
    assert version == sign_submission(world.s, ACCESSION, 1, NOW)


def test_the_manifest_names_the_kept_cda_by_its_canonical_digest() -> None:
    world = ReportWorld()
    version = world.signed()

    root = etree.fromstring(world.documents.kept[version.files[SIGNATURE].key])
    cda = etree.fromstring(world.documents.kept[version.files[CDA].key])
    digest = b64encode(sha256(etree.tostring(cda, method="c14n", with_comments=True)).digest()).decode()
    references = {one.get("URI"): one.findtext(f"{{{DS}}}DigestValue") for one in root.iter(f"{{{DS}}}Reference")}
    assert digest == references[f"urn:oid:{version.document_id}"]


def test_a_certificate_of_another_structure_puts_the_draft_back() -> None:
    other = a_signer(structure="1999999999")
    world = signing_with(ReportWorld(), SigningKey(other.key, other.certificate))

    with pytest.raises(Refused) as refused:
        world.signed()

    draft, version = world.reports.draft(ACCESSION), world.reports.version(ACCESSION, 1)
    row, *_ = world.deliveries.of_owner(ACCESSION)
    assert draft is not None
    assert version is not None
    assert draft.refusal is not None
    assert ("certificate_of_another_structure", "structure") == (refused.value.code, refused.value.field)
    assert ("certificate_of_another_structure", DraftStatus.DRAFT) == (draft.refusal.code, draft.status)
    assert (VersionState.WITHDRAWN, DeliveryState.WITHDRAWN) == (version.state, row.state)


def test_a_certificate_of_another_key_is_refused() -> None:
    mine, other = a_signer(structure=f"1{ENTITY}"), a_signer("OTHER", structure=f"1{ENTITY}")

    with pytest.raises(Refused) as refused:
        signing_with(ReportWorld(), SigningKey(other.key, mine.certificate)).signed()

    assert "certificate_of_another_key" == refused.value.code


def test_an_expired_certificate_is_waited_for_and_the_report_goes_by_itself() -> None:
    world = ReportWorld()
    world.validated()
    late = datetime(2040, 1, 1, tzinfo=UTC)

    with pytest.raises(RemoteUnavailable) as unavailable:
        world.run(now=late)

    draft = world.reports.draft(ACCESSION)
    assert draft is not None
    assert ("certificate_not_in_force", DraftStatus.VALIDATING) == (unavailable.value.code, draft.status)
    assert [ACCESSION] == [one.accession_number for one in world.reports.unsigned("nord", now=late + timedelta(minutes=6), limit=5)]
    assert VersionState.SIGNED is world.run(now=NOW).state


def test_the_first_signature_stands_when_the_key_was_renewed_in_between() -> None:
    world = ReportWorld()
    version = world.signed()
    kept = dict(world.documents.kept)
    row = world.reports.version(ACCESSION, 1)
    draft = world.reports.draft(ACCESSION)
    assert row is not None
    assert draft is not None
    # As if the function had died between keeping the signature and writing the row.
    unsigned = replace(row, state=VersionState.BUILT, files={k: v for k, v in row.files.items() if k != SIGNATURE})
    world.reports.commit(replace(draft, status=DraftStatus.VALIDATING), unsigned)
    renewed = a_signer("RENEWED", structure=f"1{ENTITY}")

    again = sign_submission(signing_with(world, SigningKey(renewed.key, renewed.certificate)).s, ACCESSION, 1, NOW)

    assert version.files == again.files
    assert kept == world.documents.kept


class Secrets:
    """Secrets Manager with what a test puts in."""

    def __init__(self, **texts: str) -> None:
        self.texts, self.asked = texts, 0

    def get_secret_value(self, *, SecretId: str) -> dict[str, str]:
        from botocore.exceptions import ClientError

        self.asked += 1
        if SecretId not in self.texts:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "GetSecretValue")
        return {"SecretString": self.texts[SecretId]}


class Kms:
    """KMS with one key."""

    def __init__(self, key: rsa.RSAPrivateKey) -> None:
        self.key, self.aliases = key, []

    def get_public_key(self, *, KeyId: str) -> dict[str, bytes]:
        from cryptography.hazmat.primitives import serialization

        self.aliases.append(KeyId)
        der = self.key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return {"PublicKey": der}

    def sign(self, *, KeyId: str, Message: bytes, MessageType: str, SigningAlgorithm: str) -> dict[str, bytes]:
        from cryptography.hazmat.primitives import hashes

        assert (MessageType, SigningAlgorithm) == ("RAW", "RSASSA_PKCS1_V1_5_SHA_256")
        assert len(Message) <= 4096
        self.aliases.append(KeyId)
        return {"Signature": self.key.sign(Message, padding.PKCS1v15(), hashes.SHA256())}


def keys(secrets: Secrets, kms: Kms, clock: list[float]) -> LegalEntityKeys:
    return LegalEntityKeys(
        secrets=lambda: secrets, kms=lambda: kms, secret_prefix="ris-demo", key_alias_prefix="alias/ris-demo-sign-",
        monotonic=lambda: clock[0],
    )  # fmt: skip


def test_a_key_that_stays_in_kms_signs_under_its_alias_and_a_renewed_certificate_is_taken_up() -> None:
    signer, clock = a_signer(structure=f"1{ENTITY}"), [0.0]
    secrets = Secrets(**{f"ris-demo/legal-entity/{ENTITY}/sign-certificate": json.dumps({"certificate_pem": signer.pem})})
    kms = Kms(signer.key)
    world = ReportWorld()
    found = keys(secrets, kms, clock)
    world.s = replace(world.s, signer=LotSigner(found))

    assert VersionState.SIGNED is world.signed().state

    assert {f"alias/ris-demo-sign-{ENTITY}"} == set(kms.aliases)
    assert 2 == len(kms.aliases)
    found(ENTITY)
    assert 1 == secrets.asked
    clock[0] += timedelta(minutes=6).total_seconds()
    found(ENTITY)
    assert 2 == secrets.asked


@pytest.mark.parametrize("text", [None, "", "{}", "[]", '{"certificate_pem": "no"}', '{"certificate_pem": null}'])
def test_a_certificate_that_nobody_put_in_is_waited_for(text: str | None) -> None:
    name = f"ris-demo/legal-entity/{ENTITY}/sign-certificate"
    secrets = Secrets(**({} if text is None else {name: text}))

    with pytest.raises(RemoteUnavailable) as unavailable:
        keys(secrets, Kms(a_signer().key), [0.0])(ENTITY)

    assert "certificate_missing" == unavailable.value.code
