"""Seals, anchors, the key and the certificates' vault: memory twins and AWS, one suite; the real key, bucket and lock."""

from __future__ import annotations

import itertools
import json
import os
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from infra.local.cloud.client import ROOT, Cloud
from infra.local.demo.pki import Authority
from ris.adapters.access.certificates import SecretsCertificateVault, credential_json
from ris.adapters.access.chain import DynamoSealStore, KmsAnchorKey, S3AnchorVault
from ris.adapters.access.chain_memory import MemoryAnchorKey, MemoryAnchorVault, MemorySealStore
from ris.adapters.access.dynamodb import DynamoAuditTrail
from ris.application.access.chain_ports import AnchorKey, AnchorVault, ChainServices, SealStore
from ris.application.access.seal_audit import MOST_IN_ONE, seal_audit
from ris.application.access.verify_audit import verify_audit
from ris.application.conflicts import Conflict
from ris.domain.access.chain import Seal, anchor_of, next_seal, signed
from ris.domain.errors import InvalidInput
from tests.support.chain import DAY, MORNING, record
from tests.support.cloud import deployed_cloud
from tests.support.tables import own_table

cloud = deployed_cloud()
BOTH = pytest.mark.parametrize("kind", ["memory", "aws"])
NUMBERS = itertools.count(1)
LATER = MORNING + timedelta(hours=1)


@pytest.fixture
def site() -> str:
    """A site nobody else has: the bucket is the session's, and nothing in it can be deleted."""
    return f"site-{os.getpid()}-{next(NUMBERS)}"


@pytest.fixture
def seals(kind: str, request: pytest.FixtureRequest) -> SealStore:
    return MemorySealStore() if kind == "memory" else DynamoSealStore(own_table(request.getfixturevalue("cloud")))


@pytest.fixture
def vault(kind: str, request: pytest.FixtureRequest) -> AnchorVault:
    if kind == "memory":
        return MemoryAnchorVault()
    running: Cloud = request.getfixturevalue("cloud")
    return S3AnchorVault(running.client("s3"), running.outputs["DocumentsBucket"])


@pytest.fixture
def key(kind: str, request: pytest.FixtureRequest) -> AnchorKey:
    if kind == "memory":
        return MemoryAnchorKey()
    running: Cloud = request.getfixturevalue("cloud")
    return KmsAnchorKey(lambda: running.client("kms"), running.outputs["AuditKeyArn"])


def a_seal(site: str, before: Seal | None = None, **values: Any) -> Seal:
    made = next_seal(site, DAY, before, [record(1, site=site), record(2, minutes=1, site=site)], LATER)
    return replace(signed(made, b"\x00\xffsignature"), **values)


@BOTH
def test_a_seal_comes_back_as_it_was_written(seals: SealStore, site: str) -> None:
    first = a_seal(site)
    closing = next_seal(site, DAY, first, (), LATER, closing=True)
    seals.append(first)
    seals.append(closing)

    assert seals.of_day(site, DAY) == [first, closing]
    assert seals.of_day(site, "2026-03-03") == []


@BOTH
def test_the_tenth_seal_comes_after_the_ninth(seals: SealStore, site: str) -> None:
    for number in (10, 9, 100):
        seals.append(a_seal(site, number=number))

    assert [seal.number for seal in seals.of_day(site, DAY)] == [9, 10, 100]


@BOTH
def test_a_number_is_given_once(seals: SealStore, site: str) -> None:
    seals.append(a_seal(site))

    with pytest.raises(Conflict):
        seals.append(a_seal(site, hash="0" * 64))


@BOTH
def test_an_anchor_is_kept_once_and_counted(vault: AnchorVault, site: str) -> None:
    first = a_seal(site)
    second = a_seal(site, first)
    for seal in (first, second, first):
        vault.keep(seal)

    assert (vault.count(site, DAY), vault.count(site, "2026-03-03")) == (2, 0)


@BOTH
def test_the_key_knows_its_own_signatures(key: AnchorKey) -> None:
    anchor = anchor_of(a_seal("nord"))
    signature = key.sign(anchor)

    assert key.verifies(anchor, signature)
    assert not key.verifies(anchor + b" ", signature)
    assert not key.verifies(anchor, signature[:-1] + bytes([signature[-1] ^ 1]))
    assert not key.verifies(anchor, b"")


def test_an_anchor_in_the_bucket_stays_through_overwriting_and_deleting(cloud: Cloud, site: str) -> None:
    s3, bucket = cloud.client("s3"), cloud.outputs["DocumentsBucket"]
    kept = S3AnchorVault(s3, bucket)
    kept.keep(a_seal(site))
    kept.keep(a_seal(site, sealed_at=LATER + timedelta(minutes=1)))
    place = f"audit/{site}/{DAY}/000001.json"
    s3.delete_object(Bucket=bucket, Key=place)

    assert kept.count(site, DAY) == 1
    (version,) = s3.list_object_versions(Bucket=bucket, Prefix=place)["Versions"]
    stored = json.loads(s3.get_object(Bucket=bucket, Key=place, VersionId=version["VersionId"])["Body"].read())
    assert stored["anchor"] == anchor_of(a_seal(site)).decode()
    with pytest.raises(Exception, match="AccessDenied"):
        s3.delete_object(Bucket=bucket, Key=place, VersionId=version["VersionId"])


def test_a_full_seal_fits_into_an_item_and_the_whole_chain_verifies(cloud: Cloud, site: str) -> None:
    table = own_table(cloud)
    s = ChainServices(
        DynamoAuditTrail(table),
        DynamoSealStore(table),
        S3AnchorVault(cloud.client("s3"), cloud.outputs["DocumentsBucket"]),
        KmsAnchorKey(lambda: cloud.client("kms"), cloud.outputs["AuditKeyArn"]),
    )
    largest = a_seal(site, bound=tuple(a_seal(site).bound[0] for _ in range(MOST_IN_ONE)), number=999)
    s.seals.append(largest)
    assert len(s.seals.of_day(site, DAY)[0].bound) == MOST_IN_ONE
    other = f"{site}-b"
    for number in range(5):
        s.trail.append(record(number, minutes=number, site=other))

    assert seal_audit(s, other, LATER) == 5
    s.trail.append(record(9, minutes=50, site=other))
    assert seal_audit(s, other, LATER + timedelta(minutes=5)) == 1
    report = verify_audit(s, other, [DAY], LATER + timedelta(hours=3))
    assert (report.records, report.seals, report.faults) == (6, 2, ())


@pytest.fixture(scope="module")
def entity(cloud: Cloud) -> str:
    """A legal entity's stack, deployed for this module."""
    finess = "990000017"
    cloud.deploy(f"ris-legal-entity-{finess}", ROOT / "infra" / "legal-entity.yaml", {"Prefix": "ris-demo", "FinessEj": finess})
    return finess


def test_the_certificates_of_a_secret_are_found_with_their_chain_and_their_renewal(cloud: Cloud, entity: str) -> None:
    secrets, authority = cloud.client("secretsmanager"), Authority()
    vault = SecretsCertificateVault(secrets, "ris-demo")
    name, secret = f"{entity}/dmp", f"ris-demo/legal-entity/{entity}/dmp"
    assert vault.certificates(name) == []

    old = authority.auth_cli(structure=f"1{entity}", name="Essai", service="DMP", expired=True)
    new = authority.auth_cli(structure=f"1{entity}", name="Essai", service="DMP")
    for credential, stage in ((old, "AWSCURRENT"), (new, "AWSPENDING")):
        text = credential_json(credential.certificate_pem().decode(), authority.chain_pem().decode(), credential.key_pem().decode())
        secrets.put_secret_value(SecretId=secret, SecretString=text, VersionStages=[stage])

    found = vault.certificates(name)
    assert [each.name for each in found] == [name, f"{name}#2", f"{name}#3", f"{name}#4"]
    assert {old.certificate.not_valid_after_utc, new.certificate.not_valid_after_utc} <= {each.not_after for each in found}


def test_a_secret_that_holds_something_else_holds_no_certificate(cloud: Cloud, entity: str) -> None:
    vault = SecretsCertificateVault(cloud.client("secretsmanager"), "ris-demo")
    for text in ("not json", "[]", '{"certificate_pem": "not pem"}', '{"certificate_pem": 7}', "{}"):
        cloud.client("secretsmanager").put_secret_value(SecretId=f"ris-demo/legal-entity/{entity}/insi-manu", SecretString=text)
        assert vault.certificates(f"{entity}/insi-manu") == []


def test_a_certificate_is_put_in_with_its_own_key_only() -> None:
    authority = Authority()
    one = authority.auth_cli(structure="1990000017", name="Essai", service="DMP")
    other = authority.auth_cli(structure="1990000017", name="Essai", service="DMP")
    chain = authority.chain_pem().decode()

    assert set(json.loads(credential_json(one.certificate_pem().decode(), chain, one.key_pem().decode()))) == {
        "certificate_pem",
        "key_pem",
        "chain_pem",
    }
    with pytest.raises(InvalidInput, match="certificate_of_another_key"):
        credential_json(one.certificate_pem().decode(), chain, other.key_pem().decode())
    with pytest.raises(InvalidInput, match="not_pem"):
        credential_json("certificate", chain, one.key_pem().decode())
