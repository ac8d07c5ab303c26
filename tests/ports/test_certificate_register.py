"""What the last watch of certificates found: what the memory twin promises, DynamoDB keeps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ris.adapters.access.certificate_register import DynamoCertificateRegister, MemoryCertificateRegister
from ris.application.access.watch_certificates import CertificateRegister, KnownCertificates
from ris.domain.access.certificates import HeldCertificate
from tests.support.cloud import deployed_cloud
from tests.support.tables import own_table

cloud = deployed_cloud()
NOW = datetime(2026, 11, 26, 9, 0, 0, 5, tzinfo=UTC)


@pytest.fixture(params=["memory", "dynamodb"])
def register(request: pytest.FixtureRequest) -> CertificateRegister:
    if request.param == "memory":
        return MemoryCertificateRegister()
    return DynamoCertificateRegister(own_table(request.getfixturevalue("cloud")))


def test_before_the_first_watch_nothing_is_known(register: CertificateRegister) -> None:
    assert register.latest() is None


def test_the_last_watch_stands_whole_over_the_one_before(register: CertificateRegister) -> None:
    held = tuple(HeldCertificate(f"670999002/dmp#{number}", NOW + timedelta(days=number)) for number in range(300))
    register.keep(KnownCertificates(NOW, (HeldCertificate("gone", NOW),), ("670999002/dmp",)))
    last = KnownCertificates(NOW + timedelta(hours=12), held, ("630999001/insi-auto",))
    register.keep(last)

    assert register.latest() == last
