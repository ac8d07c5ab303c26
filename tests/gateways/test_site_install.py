"""`ris site install`: from the outputs of the site's real template to files a gateway starts from; nothing overwritten in silence."""

from __future__ import annotations

import configparser
import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from typer.testing import CliRunner, Result

from gateways.edge import site_cli
from gateways.edge.config import load
from gateways.edge.keyring import spool_key
from tests.support.gateway import MemoryCloud
from tests.support.stacks import site

ANCHOR = "arn:aws:rolesanywhere:eu-west-3:123456789012:trust-anchor/0"
DIGEST = "registry.example/ris-gateway@sha256:" + "0" * 64
LOCAL: dict[str, Any] = {
    "dicom": {"host": "0.0.0.0", "port": 11112, "modalities": [{"ae_title": "CT1"}]},
    "destinations": {"PACS": {"host": "10.0.0.5", "port": 2575}},
}


def install(folder: Path, *more: str, anchor: str = ANCHOR, local: dict[str, Any] = LOCAL) -> Result:
    outputs = [{"OutputKey": key, "OutputValue": value} for key, value in site("nord", anchor).outputs.items()]
    (folder / "outputs.json").write_text(json.dumps({"Stacks": [{"Outputs": outputs}]}))
    (folder / "local.json").write_text(json.dumps(local))
    given = ["--outputs", str(folder / "outputs.json"), "--local", str(folder / "local.json"), "--gateway-id", "nord-1"]
    return CliRunner().invoke(site_cli.app, ["install", *given, "--into", str(folder / "root"), *more])


def written(folder: Path) -> dict[str, bytes]:
    root = folder / "root"
    return {str(file.relative_to(root)): file.read_bytes() for file in root.rglob("*") if file.is_file()}


def test_a_machine_is_given_all_a_gateway_needs(tmp_path: Path) -> None:
    result = install(tmp_path)
    root = tmp_path / "root"

    assert 0 == result.exit_code, result.output
    settings = load(root / "etc/ris/gateway.json")
    assert ("nord", "nord-1", "alias/ris-demo-nord-spool") == (settings.site, settings.gateway_id, settings.spool_key)
    assert settings.queues is not None
    assert settings.queues.hl7_inbound.endswith("/ris-demo-hl7-inbound.fifo")
    assert settings.queues.worklist_feed.endswith("/ris-demo-nord-worklist-feed")
    assert len(settings.group_key) == 64
    assert 0o600 == (root / "etc/ris/gateway.key").stat().st_mode & 0o777
    assert "etc/systemd/system/ris-gateway.service" in written(tmp_path)
    aws = configparser.ConfigParser(interpolation=None)
    aws.read(root / "etc/ris/aws")
    assert ANCHOR in aws["default"]["credential_process"]
    assert "/run/credentials/ris-gateway.service/gateway.key" in aws["default"]["credential_process"]


def test_the_request_is_signed_by_the_key_and_names_the_role(tmp_path: Path) -> None:
    install(tmp_path)
    request = x509.load_pem_x509_csr((tmp_path / "root/etc/ris/gateway.csr").read_bytes())
    key = serialization.load_pem_private_key((tmp_path / "root/etc/ris/gateway.key").read_bytes(), None)

    assert request.is_signature_valid
    assert key.public_key() == request.public_key()
    assert "CN=ris-demo-nord-gateway" == request.subject.rfc4514_string()


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    result = install(tmp_path, "--dry-run")

    assert 0 == result.exit_code
    assert {} == written(tmp_path)


def test_the_same_again_changes_nothing(tmp_path: Path) -> None:
    install(tmp_path)
    before = written(tmp_path)

    assert 0 == install(tmp_path).exit_code
    assert before == written(tmp_path)


def test_what_differs_is_refused_whole_and_replaced_only_when_told(tmp_path: Path) -> None:
    install(tmp_path)
    before = written(tmp_path)
    other = {**LOCAL, "retention_days": 7}

    refused = install(tmp_path, local=other)
    assert 1 == refused.exit_code
    assert "/etc/ris/gateway.json" in refused.output
    assert before == written(tmp_path)

    assert 0 == install(tmp_path, "--replace", local=other).exit_code
    after = written(tmp_path)
    assert before["etc/ris/gateway.json"] == after["etc/ris/gateway.json.old"]
    assert before["etc/ris/gateway.key"] == after["etc/ris/gateway.key"]
    old, new = (json.loads(one["etc/ris/gateway.json"]) for one in (before, after))
    assert (7, old["group_key"]) == (new["retention_days"], new["group_key"])


def test_an_image_is_installed_by_its_digest_only(tmp_path: Path) -> None:
    assert 1 == install(tmp_path, "--image", "registry.example/ris-gateway:latest").exit_code
    assert {} == written(tmp_path)
    assert 0 == install(tmp_path, "--image", DIGEST).exit_code
    assert f"IMAGE={DIGEST}\n".encode() == written(tmp_path)["etc/ris/.env"]
    assert b"ris site update --resume" in written(tmp_path)["etc/systemd/system/ris-update.service"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_the_container_s_user_reads_its_settings_and_key_and_nobody_else_does(tmp_path: Path) -> None:
    install(tmp_path, "--image", DIGEST)
    files = {name: (tmp_path / "root/etc/ris" / name).stat() for name in ("gateway.json", "gateway.key", "compose.yaml")}
    user = yaml.safe_load((tmp_path / "root/etc/ris/compose.yaml").read_text("utf-8"))["services"]["gateway"]["user"]

    assert {f"{one.st_uid}:{one.st_gid}" for name, one in files.items() if name != "compose.yaml"} == {user}
    assert 0 == files["gateway.json"].st_mode & 0o007 == files["gateway.key"].st_mode & 0o077
    assert 0 == files["compose.yaml"].st_uid


def test_the_unit_is_given_what_only_root_reads(tmp_path: Path) -> None:
    install(tmp_path)
    unit = written(tmp_path)["etc/systemd/system/ris-gateway.service"].decode()
    closed = [file.name for file in (tmp_path / "root/etc/ris").iterdir() if not file.stat().st_mode & 0o004]

    assert {"gateway.json", "gateway.key"} == set(closed)
    assert all(f"LoadCredential={name}:/etc/ris/{name}" in unit for name in closed)
    assert "--config ${CREDENTIALS_DIRECTORY}/gateway.json" in unit


def test_without_a_trust_anchor_no_credential_is_made_up(tmp_path: Path) -> None:
    install(tmp_path, anchor="")

    assert b"credential_process" not in written(tmp_path)["etc/ris/aws"]


@pytest.mark.parametrize(("local", "named"), [({"dicm": {}}, "dicm"), ({"retention_days": "x"}, "retention_days")])
def test_a_local_setting_that_is_none_is_named(tmp_path: Path, local: dict[str, Any], named: str) -> None:
    result = install(tmp_path, local=local)

    assert 1 == result.exit_code
    assert named in result.output
    assert {} == written(tmp_path)


def test_the_installed_settings_ask_kms_for_the_key_that_the_stack_made_for_the_site(tmp_path: Path) -> None:
    install(tmp_path)
    settings = load(tmp_path / "root/etc/ris/gateway.json")
    cloud, folder = MemoryCloud(), tmp_path / "spool"
    folder.mkdir()
    named = {"key_id": settings.spool_key, "site": settings.site, "gateway_id": settings.gateway_id}
    made = spool_key(folder, cloud, **named)
    (statement,) = (one for one in site().named("AWS::KMS::Key").properties["KeyPolicy"]["Statement"] if "Condition" in one)
    ((_, context),) = cloud.keys.values()

    assert made == spool_key(folder, cloud, **named)
    assert context["site"] == statement["Condition"]["StringEquals"]["kms:EncryptionContext:site"]
    assert settings.spool_key == site().named("AWS::KMS::Alias").properties["AliasName"]
