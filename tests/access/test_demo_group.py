"""The demo group holds what the journeys and a newcomer need: two entities, three sites, every role, both doors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ris.adapters.reference.files import read_folder
from ris.domain.access.session import PROVIDERS, ROLES

ROOT = Path(__file__).parents[2]
DEMO = read_folder(ROOT / "infra" / "local" / "demo" / "reference")


def test_it_has_two_legal_entities_and_three_sites_one_of_them_apart() -> None:
    entities = [site.legal_entity for site in DEMO.sites]

    assert [site.site for site in DEMO.sites] == ["nord", "sud", "est"]
    assert sorted(map(entities.count, {entity.finess_ej for entity in DEMO.legal_entities})) == [1, 2]


@pytest.mark.parametrize("role", ROLES)
def test_somebody_holds_every_role(role: str) -> None:
    assert any(role in roles for account in DEMO.accounts for roles in account.roles.values())


def test_every_room_has_an_exam_to_do_and_every_exam_a_room() -> None:
    done_in = {(one.site, one.modality): one.dicom_modality for one in DEMO.modalities}
    possible = {done_in[room.site, name] for room in DEMO.rooms for name in room.modalities}

    assert possible == {exam.dicom_modality for exam in DEMO.catalogue}
    assert all(exam.preparation for exam in DEMO.catalogue)
    assert len(DEMO.catalogue) >= 12


def test_every_radiologist_is_a_practitioner_with_the_same_rpps() -> None:
    radiologists = {account.rpps for account in DEMO.accounts if any("radiologist" in roles for roles in account.roles.values())}

    assert radiologists == {practitioner.rpps for practitioner in DEMO.practitioners}


@pytest.mark.parametrize(("provider", "file"), zip(PROVIDERS, ("oidc_group_people.json", "psc_people.json"), strict=True))
def test_the_simulated_provider_knows_everybody_who_has_an_account_and_somebody_who_has_none(provider: str, file: str) -> None:
    people = {row["subject"] for row in json.loads((ROOT / "infra" / "local" / "services" / "data" / file).read_text())}
    linked = {login.subject for login in DEMO.logins if login.provider == provider}

    assert linked < people
