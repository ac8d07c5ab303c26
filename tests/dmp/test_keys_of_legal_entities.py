"""Certificates from secrets, keys in KMS, one legal entity apart from the other."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives import serialization

from ris.adapters.dispatch.dmp.access import KEPT_S, KeysOfLegalEntities
from ris.adapters.dispatch.dmp.settings import DmpSettings
from ris.adapters.dispatch.step_functions import StepFunctionsDispatches
from ris.domain.errors import Refused, RemoteUnavailable
from tests.support.certificates import a_signer

SETTINGS = DmpSettings("https://dmp.invalid/services", "RIS", "1", "HOMOL-1", "2.25.9")
OURS, OTHERS = "990000025", "990000033"


def failing(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, "GetSecretValue")


@dataclass
class Secrets:
    """Secrets Manager with a dict, and an outage on demand."""

    texts: dict[str, str] = field(default_factory=dict)
    outage: bool = False
    asked: list[str] = field(default_factory=list)

    def get_secret_value(self, SecretId: str) -> dict[str, str]:
        self.asked.append(SecretId)
        if self.outage:
            raise failing("InternalServiceError")
        if SecretId not in self.texts:
            raise failing("ResourceNotFoundException")
        return {"SecretString": self.texts[SecretId]}


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def client_secret() -> str:
    signer = a_signer("DMP CLIENT")
    key = signer.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    return json.dumps({"certificate_pem": signer.pem, "key_pem": key, "chain_pem": signer.pem})


def made(**changes: Any) -> KeysOfLegalEntities:
    secrets = Secrets(
        {
            f"ris/legal-entity/{OURS}/dmp": client_secret(),
            f"ris/legal-entity/{OURS}/sign-certificate": json.dumps({"certificate_pem": a_signer().pem}),
        }
    )
    given: dict[str, Any] = {
        "settings": SETTINGS, "secrets": secrets, "kms": None, "secret_prefix": "ris", "key_alias_prefix": "alias/ris-sign-",
        "new_id": lambda: "id", "monotonic": Clock(),
    }  # fmt: skip
    return KeysOfLegalEntities(**(given | changes))


def test_a_legal_entity_speaks_with_its_own_certificates() -> None:
    access = made()

    record = access.record(OURS)

    assert access.structure(OURS) == "1990000017"
    assert record.signing.certificate == a_signer().certificate
    assert record.signing.key._key_id == f"alias/ris-sign-{OURS}"  # type: ignore[attr-defined]


def test_a_legal_entity_without_certificate_is_not_configured() -> None:
    access = made()

    for ask in (access.record, access.structure):
        with pytest.raises(Refused, match="dmp_not_configured"):
            ask(OTHERS)


@pytest.mark.parametrize("text", ["", "{}", "[]", "not json", '{"certificate_pem": ""}'])
def test_a_secret_nobody_filled_is_not_configured(text: str) -> None:
    access = made()
    access.secrets.texts[f"ris/legal-entity/{OURS}/sign-certificate"] = text

    with pytest.raises(Refused, match="dmp_not_configured"):
        access.structure(OURS)


def test_a_group_without_an_address_is_not_configured() -> None:
    with pytest.raises(Refused, match="dmp_not_configured"):
        made(settings=None).record(OURS)


def test_an_outage_of_the_secrets_is_to_be_tried_again() -> None:
    access = made()
    access.secrets.outage = True

    with pytest.raises(RemoteUnavailable, match="cloud_unavailable"):
        access.structure(OURS)


def test_a_renewed_certificate_is_taken_up_within_minutes() -> None:
    clock = Clock(10.0)
    access = made(monotonic=clock)
    assert access.structure(OURS) == "1990000017"
    access.secrets.texts[f"ris/legal-entity/{OURS}/sign-certificate"] = json.dumps(
        {"certificate_pem": a_signer("DMP SIGN", "1990000041").pem}
    )
    assert access.structure(OURS) == "1990000017"

    clock.now += KEPT_S

    assert access.structure(OURS) == "1990000041"
    assert len(access.secrets.asked) == 2


class Machines:
    """Step Functions that keeps what was started."""

    def __init__(self, *codes: str) -> None:
        self.codes, self.started = list(codes), []

    def start_execution(self, **given: str) -> None:
        self.started.append(given)
        if self.codes:
            raise failing(self.codes.pop(0))


def test_a_dispatch_starts_under_its_name_and_a_second_start_is_no_error() -> None:
    machines = Machines("ExecutionAlreadyExists", "ThrottlingException")
    workflows = StepFunctionsDispatches(machines, "arn:machine")

    workflows.start_dispatch("26000000001", 2, 3, (("dmp", "DMP"),))
    with pytest.raises(RemoteUnavailable, match="workflows_unavailable"):
        workflows.start_dispatch("26000000001", 2, 3, (("dmp", "DMP"),))

    assert machines.started[0] == {
        "stateMachineArn": "arn:machine",
        "name": "dispatch-26000000001-2-3-dmp-DMP",
        "input": '{"accession_number":"26000000001","version":2,"rows":[{"channel":"dmp","recipient":"DMP"}]}',
    }
