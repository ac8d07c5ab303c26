"""The deployed system with one patient's journey behind it and a second one's order waiting, a second site, and a browser before it."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console
from selenium import webdriver

from infra.local.demo.__main__ import INPUT
from infra.local.demo.evidence import EvidenceFolder
from infra.local.demo.journey import Journal
from infra.local.demo.journeys import JOURNEYS, visit
from infra.local.demo.national import Input
from infra.local.demo.progress import LiveProgress
from infra.local.demo.remotes import from_environment
from infra.local.demo.scene import Scene
from tests.support.browser import BROWSERS, Keyboard, chromium, forget
from tests.support.finished_exams import FinishedExams
from tests.support.second_site import (
    SITE,
    SecondSite,
    SecondSiteSystem,
    reference,
    zone_of_a_morning,
)
from tests.support.second_site_patients import INSI_COLUMNS, PATIENTS
from tests.support.whole_system import Silent

ZONE = zone_of_a_morning()


@pytest.fixture(scope="session")
def waiting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Scene, visit.Ordered]]:
    """The second patient's scene and order; the first one's journey is over."""
    missing = [name for name in BROWSERS if not Path(name).exists()]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    folder = tmp_path_factory.mktemp("browser")
    out = EvidenceFolder(folder / "demo")
    first, second, insi = INPUT / "order_to_modality", INPUT / "announcement", folder / "insi.csv"
    insi.write_text("\n".join([INSI_COLUMNS, *(one.insi_row for one in PATIENTS.values())]) + "\n")
    given = Input(identities=(first / "insi.csv", second / "insi.csv", insi))
    progress = LiveProgress(Console(file=io.StringIO()))
    with progress, SecondSiteSystem(out, from_environment(os.environ), ["nord", SITE], given) as system:
        system.folder = reference(folder / "reference", ZONE)
        journal = Journal(out.folder / "journey.json", progress, system.ended)
        system.start(journal)
        JOURNEYS["order_to_modality"](Scene("order_to_modality", first, system, journal))
        scene = Scene("announcement", second, system, journal)
        yield scene, visit.announce(scene)


@pytest.fixture(scope="session")
def second_site(waiting: tuple[Scene, visit.Ordered]) -> SecondSite:
    """The second site, whose patients are announced and ordered."""
    return SecondSite(waiting[0], ZONE, list(PATIENTS.values()))


@pytest.fixture(scope="session")
def exams(waiting: tuple[Scene, visit.Ordered], tmp_path_factory: pytest.TempPathFactory) -> FinishedExams:
    """Makes what a test needs of exams without a report, of the first patient."""
    folder, system = tmp_path_factory.mktemp("exams"), waiting[0].system
    return FinishedExams(system, Journal(folder / "journey.json", Silent(), system.ended), folder)


@pytest.fixture(scope="session")
def window(waiting: tuple[Scene, visit.Ordered]) -> Iterator[webdriver.Chrome]:
    """A browser that all tests use one after the other."""
    with chromium() as driver:
        yield driver


@pytest.fixture
def keyboard(waiting: tuple[Scene, visit.Ordered], window: webdriver.Chrome) -> Keyboard:
    """A browser with nobody logged in, driven by keys alone."""
    forget(window)
    return Keyboard(window, waiting[0].system.cloud.portal_url)
