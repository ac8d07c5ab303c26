"""Every page a person can reach from their first one: nothing that axe-core calls serious, nothing sideways at 360 px."""

from __future__ import annotations

import re
from collections import deque

import pytest

from infra.local.demo.journeys import visit
from infra.local.demo.scene import Scene
from tests.support.browser import Keyboard

pytestmark = pytest.mark.slow
PEOPLE = [  # the page-rich ones are looked at in every run, the others in whole runs of the slow suite
    ("receptionist", "group", "accueil.nord"),
    ("radiographer", "group", "manip.nord"),
    ("secretary", "group", "secretariat.nord"),
    ("identity_cell", "group", "identito.nord"),
    ("radiologist", "psc", "99900012347"),
    ("it", "group", "info.groupe"),
    ("finance", "group", "finance.groupe"),
    ("auditor", "group", "audit.groupe"),
]
ALWAYS = ("radiologist", "it")
MOST = 40
_LINKS = """
return [...document.querySelectorAll('a[href]')].filter(a => a.origin === location.origin && !a.hasAttribute('download'))
  .map(a => a.pathname + a.search)
"""
_NO_PAGE = re.compile(r"\.(csv|xlsx|svg|pdf|json)(\?|$)|/(login|logout|assets|logged-out)\b|/pdf\b|/documents?/|/export\b")


def kind(address: str) -> str:
    """Return what a page is, without what it is about: one of each is looked at."""
    path = address.partition("?")[0]
    names = ",".join(sorted(re.findall(r"[?&]([a-z_]+)=", address)))
    return re.sub(r"/(?=[^/]*\d)[A-Za-z0-9._-]+", "/*", path) + (f"?{names}" if names else "")


def slug(address: str) -> str:
    return re.sub(r"[^a-z]+", "-", kind(address).lower()).strip("-") or "home"


@pytest.mark.parametrize(
    ("role", "provider", "subject"),
    [pytest.param(*row, id=row[0], marks=[] if row[0] in ALWAYS else [pytest.mark.long]) for row in PEOPLE],
)
def test_every_page_of_a_person(
    keyboard: Keyboard, waiting: tuple[Scene, visit.Ordered], role: str, provider: str, subject: str
) -> None:
    keyboard.login(provider, subject)
    faults: dict[str, list[str]] = {}
    seen: set[str] = set()
    ahead = deque(["/", keyboard.path])
    while ahead and len(seen) < MOST:
        address = ahead.popleft()
        if kind(address) in seen:
            continue
        seen.add(kind(address))
        keyboard.open(address)
        keyboard.photograph(f"{role}-{slug(address)}")
        found = keyboard.faults()
        if found:
            faults[address] = found
        ahead += [link for link in keyboard.driver.execute_script(_LINKS) if not _NO_PAGE.search(link)]
    print(f"pages of {role}: {len(seen)}")

    assert not faults, "\n".join(f"{address}: {fault}" for address, found in faults.items() for fault in found)
    assert len(seen) > 2
