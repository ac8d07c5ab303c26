"""Everybody is told in time: 90, 60, 30 and 7 days before, and when there is no certificate at all."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from ris.adapters.access.certificate_register import MemoryCertificateRegister
from ris.adapters.access.memory import MemoryCertificateVault
from ris.application.access.watch_certificates import CertificateServices, watch_certificates
from ris.domain.access.certificates import HeldCertificate

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


class TwoEntities:
    def legal_entities(self) -> Sequence[str]:
        return ["630999001", "670999002"]

    def sites(self) -> Sequence[str]:
        return ["nord"]


def services(**days: float) -> CertificateServices:
    held = {f"630999001/{kind}": [HeldCertificate(f"630999001/{kind}", NOW + timedelta(days=left))] for kind, left in days.items()}
    return CertificateServices(MemoryCertificateVault(held), TwoEntities(), MemoryCertificateRegister(), shared=("group-provider",))


@pytest.mark.parametrize(
    ("left", "days", "alert"),
    [
        (1000, 1000, 0),
        (91, 91, 0),
        (90.9, 90, 90),
        (61, 61, 90),
        (60, 60, 60),
        (30, 30, 30),
        (7, 7, 7),
        (0.5, 0, 7),
        (-0.1, -1, 7),
        (-400, -400, 7),
    ],
)
def test_the_days_left_and_the_alert_they_reach(left: float, days: int, alert: int) -> None:
    (found,) = watch_certificates(services(dmp=left), NOW).certificates

    assert (found.name, found.days_left, found.alert) == ("630999001/dmp", days, alert)


def test_what_is_missing_is_said_for_every_entity_and_the_shortest_comes_first() -> None:
    s = services(**{"insi-auto": 50, "dmp": 5, "sign-certificate": 500})

    watch = watch_certificates(s, NOW)

    assert [each.days_left for each in watch.certificates] == [5, 50, 500]
    assert watch.missing == (
        "630999001/insi-manu",
        "670999002/insi-manu",
        "670999002/insi-auto",
        "670999002/dmp",
        "670999002/sign-certificate",
    )


def test_a_renewal_under_way_is_watched_with_the_one_in_use() -> None:
    both = [
        HeldCertificate("630999001/dmp", NOW + timedelta(days=20)),
        HeldCertificate("630999001/dmp#2", NOW + timedelta(days=1100)),
    ]
    s = CertificateServices(MemoryCertificateVault({"630999001/dmp": both}), TwoEntities(), MemoryCertificateRegister())

    assert [(each.name, each.alert) for each in watch_certificates(s, NOW).certificates] == [
        ("630999001/dmp", 30),
        ("630999001/dmp#2", 0),
    ]


def test_mailboxes_are_watched_too_and_what_was_found_is_kept_for_who_has_no_right_to_secrets() -> None:
    ends = {"mailbox/nord": 20, "630999001/dmp": 5}
    held = {name: [HeldCertificate(name, NOW + timedelta(days=days))] for name, days in ends.items()}
    s = CertificateServices(MemoryCertificateVault(held), TwoEntities(), MemoryCertificateRegister())  # type: ignore[arg-type]

    watch = watch_certificates(s, NOW)

    kept = s.register.latest()
    assert kept
    assert (
        ["630999001/dmp", "mailbox/nord"] == [each.name for each in watch.certificates] == [each.name for each in kept.certificates]
    )
    assert (NOW, watch.missing) == (kept.watched_at, kept.missing)
    assert "mailbox/nord" not in watch.missing  # a site may have no mailbox
