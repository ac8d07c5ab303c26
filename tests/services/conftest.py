"""Providers with a clock the test moves, and listeners on free ports."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.services.hl7_listener import Application, Listener
from infra.local.services.oidc_group import GROUP
from infra.local.services.oidc_process import DATA
from infra.local.services.oidc_provider import Profile, Provider
from infra.local.services.psc import PSC
from infra.local.services.recorder import Recorder
from tests.support.oidc_party import CALLBACK, GOODBYE, Clock, Party


def party(profile: Profile, people: str, folder: Path) -> Party:
    clock = Clock()
    provider = Provider(
        profile,
        issuer=f"https://127.0.0.1:9443{profile.realm}",
        front="http://127.0.0.1:9080",
        clients=[
            {
                "client_id": "ris",
                "client_secret": "s3cret:é",
                "redirect_uris": [CALLBACK],
                "post_logout_redirect_uris": [GOODBYE],
            }
        ],
        people=json.loads((DATA / people).read_text()),
        recorder=Recorder(folder),
        now=clock,
    )
    return Party(provider, clock, folder)


@pytest.fixture
def group(tmp_path: Path) -> Party:
    return party(GROUP, "oidc_group_people.json", tmp_path)


@pytest.fixture
def psc(tmp_path: Path) -> Party:
    return party(PSC, "psc_people.json", tmp_path)


@pytest.fixture
def pacs(tmp_path: Path) -> Iterator[tuple[Listener, Application]]:
    application = Application(name="PACS", types=frozenset({"ORM^O01"}), recorder=Recorder(tmp_path))
    listener = Listener(application)
    yield listener, application
    listener.close()
