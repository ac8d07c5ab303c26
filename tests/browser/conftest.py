"""The deployed system with one patient's journey behind it and a second one's order waiting, and a browser before it."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from infra.local.demo.__main__ import INPUT
from infra.local.demo.evidence import EvidenceFolder
from infra.local.demo.journey import Journal
from infra.local.demo.journeys import JOURNEYS, visit
from infra.local.demo.national import Input
from infra.local.demo.progress import LiveProgress
from infra.local.demo.remotes import from_environment
from infra.local.demo.scene import Scene
from infra.local.demo.supervisor import System
from tests.support.browser import BROWSERS, Keyboard, chromium


@pytest.fixture(scope="session")
def waiting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Scene, visit.Ordered]]:
    """The second patient's scene and order; the first one's journey is over."""
    missing = [name for name in BROWSERS if not Path(name).exists()]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")
    out = EvidenceFolder(tmp_path_factory.mktemp("browser") / "demo")
    first, second = INPUT / "order_to_modality", INPUT / "announcement"
    given = Input(identities=(first / "insi.csv", second / "insi.csv"))
    progress = LiveProgress(Console(file=io.StringIO()))
    with progress, System(out, from_environment(os.environ), ["nord"], given) as system:
        journal = Journal(out.folder / "journey.json", progress, system.ended)
        system.start(journal)
        JOURNEYS["order_to_modality"](Scene("order_to_modality", first, system, journal))
        scene = Scene("announcement", second, system, journal)
        yield scene, visit.announce(scene)


@pytest.fixture
def keyboard(waiting: tuple[Scene, visit.Ordered]) -> Iterator[Keyboard]:
    """A browser with nobody logged in, driven by keys alone."""
    with chromium() as driver:
        yield Keyboard(driver, waiting[0].system.cloud.portal_url)
