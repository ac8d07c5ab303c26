"""`ris certificates` and `ris audit` as an operator runs them: processes of their own against a deployed legal entity and trail."""

from __future__ import annotations

import csv
import json
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from infra.local.cloud.client import ROOT, Cloud
from infra.local.demo.pki import Authority, Credential
from ris.adapters.access.certificate_register import DynamoCertificateRegister
from ris.adapters.access.chain import DynamoSealStore, KmsAnchorKey, S3AnchorVault
from ris.adapters.access.dynamodb import DynamoAuditTrail
from ris.adapters.dynamodb import Table
from ris.adapters.keys.kms_rsa import KmsRsaPrivateKey
from ris.adapters.reference.dynamodb import DynamoReferenceTable
from ris.adapters.reference.files import read_folder
from ris.application.access.chain_ports import ChainServices
from ris.application.access.seal_audit import seal_audit
from ris.application.load_reference import load_reference
from ris.domain.access.audit import AuditRecord
from tests.support.cloud import deployed_cloud
from tests.support.forks import ris
from tests.support.tables import acts_of_operators, own_table, state_file

cloud = deployed_cloud()
DEMO = ROOT / "infra" / "local" / "demo" / "reference"
ENTITY = json.loads((DEMO / "legal_entities.json").read_text("utf-8"))[
    1
]  # the other one: suites of the same session make the first one's secrets
FINESS = ENTITY["finess_ej"]


@dataclass
class Operator:
    """The command against one deployment, and the authority that answers its requests."""

    state: Path
    folder: Path
    authority: Authority

    def ris(self, *words: str) -> subprocess.CompletedProcess[str]:
        return ris(self.state, *words)

    def file(self, name: str, content: bytes) -> str:
        path = self.folder / name
        path.write_bytes(content)
        return str(path)

    def put(self, kind: str, certificate: x509.Certificate, key: Credential | None = None) -> subprocess.CompletedProcess[str]:
        """Run `put` with these files."""
        files = ["--certificate", self.file("leaf.pem", certificate.public_bytes(Encoding.PEM))]
        files += ["--chain", self.file("chain.pem", self.authority.chain_pem())]
        files += ["--key", self.file("key.pem", key.key_pem())] if key else []
        return self.ris("certificates", "put", FINESS, kind, *files)


@pytest.fixture(scope="module")
def operator(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Operator:
    reference, audit = own_table(cloud), own_table(cloud)
    load_reference(DynamoReferenceTable(reference), read_folder(DEMO), now=datetime.now(UTC))
    cloud.deploy("ris-cli-legal-entity", ROOT / "infra" / "legal-entity.yaml", {"FinessEj": FINESS})
    folder = tmp_path_factory.mktemp("cli-certificates")
    state = state_file(cloud, folder, ReferenceTable=reference, AuditTable=audit)
    return Operator(state, folder, Authority())


def audit_of(cloud: Cloud, operator: Operator) -> Table:
    return Table(cloud.client("dynamodb"), json.loads(operator.state.read_text())["outputs"]["AuditTable"])


def chain_of(cloud: Cloud, operator: Operator) -> ChainServices:
    outputs = json.loads(operator.state.read_text())["outputs"]
    table = audit_of(cloud, operator)
    vault = S3AnchorVault(cloud.client("s3"), outputs["DocumentsBucket"])
    return ChainServices(
        DynamoAuditTrail(table), DynamoSealStore(table), vault, KmsAnchorKey(lambda: cloud.client("kms"), outputs["AuditKeyArn"])
    )


def test_the_request_names_the_entity_and_is_signed_by_the_key_that_stays_in_kms(cloud: Cloud, operator: Operator) -> None:
    done = operator.ris("certificates", "csr", FINESS, "--department", "Puy-de-Dôme (63)")

    assert (done.returncode, done.stderr) == (0, "")
    request = x509.load_pem_x509_csr(done.stdout.encode())
    assert request.is_signature_valid
    assert request.public_key() == KmsRsaPrivateKey(cloud.client("kms"), f"alias/ris-demo-sign-{FINESS}").public_key()
    assert [attribute.value for attribute in request.subject] == [
        "FR",
        "Puy-de-Dôme (63)",
        ENTITY["name"],
        ENTITY.get("struct_idnat") or f"1{FINESS}",
        "DMP SIGN",
    ]


def test_a_request_for_an_entity_nobody_knows_is_refused_in_words(operator: Operator) -> None:
    done = operator.ris("certificates", "csr", "999999999")

    assert (done.returncode, done.stdout) == (1, "")
    assert "unknown_legal_entity" in done.stderr
    assert "Traceback" not in done.stderr


def test_certificates_are_put_in_listed_and_their_keys_shown_nowhere(cloud: Cloud, operator: Operator) -> None:
    request = x509.load_pem_x509_csr(operator.ris("certificates", "csr", FINESS).stdout.encode())
    sign = operator.authority.sign_of_request(request)
    client = operator.authority.auth_cli(structure=f"1{FINESS}", name="Essai", service="DMP")
    before = operator.ris("certificates", "list", "--json")

    done = [operator.put("sign-certificate", sign), operator.put("dmp", client.certificate, client)]

    assert [each.returncode for each in done] == [0, 0], [each.stderr for each in done]
    kept = acts_of_operators(audit_of(cloud, operator), "-")
    assert [("put_certificate", f"{FINESS}.{kind}", "allowed", "") for kind in ("sign-certificate", "dmp")] == kept[-2:]
    assert f"{FINESS}/dmp" in json.loads(before.stdout)["missing"]
    listed = operator.ris("certificates", "list", "--json")
    found = {each["name"]: each["days_left"] for each in json.loads(listed.stdout)["certificates"]}
    assert {f"{FINESS}/dmp", f"{FINESS}/sign-certificate"} <= found.keys()
    assert found[f"{FINESS}/dmp"] == (client.certificate.not_valid_after_utc - datetime.now(UTC)).days
    assert listed.returncode == 1, "others are still missing"
    assert "PRIVATE" not in "".join(each.stdout + each.stderr for each in (*done, listed))
    stored: Any = cloud.client("secretsmanager").get_secret_value(SecretId=f"ris-demo/legal-entity/{FINESS}/sign-certificate")
    assert "key_pem" not in json.loads(stored["SecretString"])


def test_a_certificate_of_another_key_is_not_put_in(cloud: Cloud, operator: Operator) -> None:
    one = operator.authority.auth_cli(structure=f"1{FINESS}", name="Essai", service="INSI-AUTO")
    other = operator.authority.auth_cli(structure=f"1{FINESS}", name="Essai", service="INSI-AUTO")

    for done in (operator.put("insi-auto", one.certificate, other), operator.put("sign-certificate", one.certificate)):
        assert done.returncode == 1
        assert "certificate_of_another_key" in done.stderr
    assert f"{FINESS}/insi-auto" in json.loads(operator.ris("certificates", "list", "--json").stdout)["missing"]
    refused = {act[1:] for act in acts_of_operators(audit_of(cloud, operator), "-") if act[2] == "refused"}
    assert {(f"{FINESS}.{kind}", "refused", "certificate_of_another_key") for kind in ("insi-auto", "sign-certificate")} == refused


def test_a_key_beside_the_sign_certificate_and_none_beside_the_others_is_wrong_use(operator: Operator) -> None:
    one = operator.authority.auth_cli(structure=f"1{FINESS}", name="Essai", service="DMP")

    assert operator.put("sign-certificate", one.certificate, one).returncode == 2
    assert operator.put("dmp", one.certificate).returncode == 2
    assert operator.put("something", one.certificate, one).returncode == 2


def test_an_intact_trail_verifies_and_a_changed_record_is_named(cloud: Cloud, operator: Operator) -> None:
    s, now = chain_of(cloud, operator), datetime.now(UTC)
    at = now - timedelta(minutes=30)
    for number in range(3):
        s.trail.append(AuditRecord(f"cli{number}", at, "cli-audit", "read_exam", "allowed", account_id="a"))
    seal_audit(s, "cli-audit", now)

    intact = operator.ris("audit", "verify", "cli-audit")
    assert (intact.returncode, intact.stderr) == (0, "")
    assert "intacte" in intact.stdout

    outputs = json.loads(operator.state.read_text())["outputs"]
    key = {"pk": {"S": f"AUDIT#cli-audit#{at:%Y-%m-%d}"}, "sk": {"S": f"{at:%Y-%m-%dT%H:%M:%S.%fZ}#cli1"}}
    values = {":other": {"S": "somebody else"}}
    update = {"UpdateExpression": "SET account_id = :other", "ExpressionAttributeValues": values}
    cloud.client("dynamodb").update_item(TableName=outputs["AuditTable"], Key=key, **update)

    changed = operator.ris("audit", "verify", "cli-audit", "--json")
    assert changed.returncode == 1
    report = json.loads(changed.stdout)
    assert (report["records"], [(fault["code"], fault["place"]) for fault in report["faults"]]) == (
        3,
        [("record_changed", key["sk"]["S"])],
    )
    assert "cli1" in operator.ris("audit", "verify", "cli-audit").stdout


@pytest.mark.parametrize("days", [("--from", "yesterday"), ("--from", "2026-03-02", "--to", "2026-03-01")])
def test_days_that_are_none_are_wrong_use(operator: Operator, days: tuple[str, ...]) -> None:
    done = operator.ris("audit", "verify", "cli-audit", *days)

    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_accesses_are_exported_in_order_and_the_export_is_one_of_them(cloud: Cloud, operator: Operator) -> None:
    s, now = chain_of(cloud, operator), datetime.now(UTC)
    for number, days in enumerate((2, 1, 0)):
        at = now - timedelta(days=days, seconds=5)
        s.trail.append(
            AuditRecord(f"exp{number}", at, "cli-export", "read_exam", "allowed", account_id="=a", patient_id=f"p{number % 2}")
        )
    file = operator.folder / "accesses.csv"

    whole = operator.ris("audit", "export", "cli-export", "-o", str(file), "--json")
    rows = list(csv.DictReader(file.read_text("utf-8-sig").splitlines(), delimiter=";"))
    of_one = operator.ris("audit", "export", "cli-export", "-o", str(file), "--patient", "p0")

    assert (0, 0) == (whole.returncode, of_one.returncode), whole.stderr + of_one.stderr
    assert ["exp0", "exp1", "exp2"] == [row["audit_id"] for row in rows if row["action"] == "read_exam"]
    assert {"'=a"} == {row["account"] for row in rows if row["action"] == "read_exam"}
    assert ["export_audit"] == [row["action"] for row in rows if row["account"].startswith("operator:")]
    again = list(csv.DictReader(file.read_text("utf-8-sig").splitlines(), delimiter=";"))
    assert ["exp0", "exp2", "export_audit"] == [
        row["action"] if row["account"].startswith("operator") else row["audit_id"] for row in again
    ]
    assert "3 accès" in of_one.stdout


def test_a_certificate_that_was_put_is_told_as_json_too(cloud: Cloud, operator: Operator) -> None:
    one = operator.authority.auth_cli(structure=f"1{FINESS}", name="Essai", service="DMP")
    files = ["--certificate", operator.file("leaf.pem", one.certificate.public_bytes(Encoding.PEM))]
    files += [
        "--chain",
        operator.file("chain.pem", operator.authority.chain_pem()),
        "--key",
        operator.file("key.pem", one.key_pem()),
    ]

    done = operator.ris("certificates", "put", FINESS, "dmp", *files, "--json")

    assert {"legal_entity": FINESS, "kind": "dmp"}.items() <= json.loads(done.stdout).items(), done.stderr
    outputs = json.loads(operator.state.read_text())["outputs"]
    known = DynamoCertificateRegister(Table(cloud.client("dynamodb"), outputs["MessagesTable"])).latest()
    assert known
    assert f"{FINESS}/dmp" in [each.name for each in known.certificates]  # the portal's page knows at once
