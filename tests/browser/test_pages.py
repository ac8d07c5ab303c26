"""Every page a person can reach from their first one: nothing that axe-core calls serious, nothing sideways at 360 px."""

from __future__ import annotations

import re
from collections import deque

import pytest

from infra.local.demo.__main__ import INPUT
from infra.local.demo.journeys import visit
from infra.local.demo.scene import Scene, read_booking
from tests.support.browser import Keyboard

pytestmark = pytest.mark.slow
PEOPLE = [
    ("receptionist", "group", "accueil.nord"),
    ("radiographer", "group", "manip.nord"),
    ("secretary", "group", "secretariat.nord"),
    ("identity_cell", "group", "identito.nord"),
    ("radiologist", "psc", "99900012347"),
    ("it", "group", "info.groupe"),
    ("finance", "group", "finance.groupe"),
    ("auditor", "group", "audit.groupe"),
]
MOST = 90
WHICH = {"day", "room", "start", "exam", "part", "of", "year", "period"}
"""Words of an address that say which one of a kind is meant."""
_LINKS = """
return [...document.querySelectorAll('a[href]')].filter(a => a.origin === location.origin && !a.hasAttribute('download'))
  .map(a => a.pathname + a.search)
"""
_OFFERS = """
return [...document.querySelectorAll('main form, main button, main a[href], main summary')]
  .map(e => e.dataset.action ?? e.getAttribute('formaction') ?? e.getAttribute('action') ?? e.getAttribute('href') ?? e.tagName)
"""
_ONE_OF_MANY = re.compile(r"(/sites/|/machines/|/cockpit/|/(?=[^/]*\d))[A-Za-z0-9._-]+")
_NO_PAGE = re.compile(r"\.(csv|xlsx|svg|pdf|json)(\?|$)|/(login|logout|assets|logged-out)\b|/pdf\b|/documents?/|/export\b")


def kind(address: str) -> str:
    """Return what a page is, without what it is about: one of each is looked at."""
    path = address.partition("?")[0]
    names = ",".join(sorted(set(re.findall(r"[?&]([a-z_]+)=", address)) - WHICH))
    return _ONE_OF_MANY.sub(r"\1*", path) + (f"?{names}" if names else "")


def slug(address: str) -> str:
    return re.sub(r"[^a-z]+", "-", kind(address).lower()).strip("-") or "home"


@pytest.fixture(scope="module")
def judged() -> set[tuple[str, ...]]:
    """What was judged already: another person's page of a kind that offers the same is the same page."""
    return set()


def face(keyboard: Keyboard, address: str) -> tuple[str, ...]:
    """Return what a page is and all that it offers, each once."""
    return (kind(address), *sorted({kind(offer) for offer in keyboard.driver.execute_script(_OFFERS)}))


@pytest.mark.parametrize(("role", "provider", "subject"), [pytest.param(*row, id=row[0]) for row in PEOPLE])
def test_every_page_of_a_person(
    keyboard: Keyboard,
    waiting: tuple[Scene, visit.Ordered],
    judged: set[tuple[str, ...]],
    role: str,
    provider: str,
    subject: str,
) -> None:
    keyboard.login(provider, subject)
    faults: dict[str, list[str]] = {}
    seen: set[str] = set()
    booking = read_booking(INPUT / "order_to_modality" / "booking.json")
    busy = [f"/sites/{booking.site}/{page}?day={booking.day}" for page in ("agenda", "worklist")]
    ahead = deque(["/", keyboard.path, *busy])
    while ahead and len(seen) < MOST:
        address = ahead.popleft()
        if kind(address) in seen:
            continue
        seen.add(kind(address))
        keyboard.open(address)
        if (shown := face(keyboard, address)) not in judged:
            judged.add(shown)
            keyboard.photograph(f"{role}-{slug(address)}")
            if found := keyboard.faults():
                faults[address] = found
        ahead += [link for link in keyboard.driver.execute_script(_LINKS) if not _NO_PAGE.search(link)]
    print(f"pages of {role}: {len(seen)}")

    assert not faults, "\n".join(f"{address}: {fault}" for address, found in faults.items() for fault in found)
    assert 2 < len(seen) < MOST, sorted(seen)
