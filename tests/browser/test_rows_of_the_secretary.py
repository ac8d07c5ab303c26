"""A secretary without a mouse: what is to be typed, corrected and printed; nothing that waits is unseen."""

from __future__ import annotations

import pytest
from selenium.webdriver.common.keys import Keys

from infra.local.demo.journey import until
from infra.local.demo.portal_client import Browser
from tests.support.browser import Keyboard
from tests.support.second_site import RADIOLOGIST, SECRETARY, SITE, SecondSite, at_work
from tests.support.second_site_patients import PATIENTS

pytestmark = pytest.mark.slow
LISTED = "[data-list='{name}'] tbody tr"


@pytest.fixture(scope="module")
def radiologist(second_site: SecondSite) -> Browser:
    """The radiologist, without a browser of their own."""
    return second_site.browser("psc", RADIOLOGIST)


@pytest.fixture
def secretary(keyboard: Keyboard, second_site: SecondSite) -> Keyboard:
    """A secretary of two sites who has chosen the second one; the first page is what waits for them."""
    return at_work(keyboard, SECRETARY, "secretariat")


def accessions(keyboard: Keyboard, name: str) -> list[str]:
    return keyboard.all(LISTED.format(name=name), "accession")


def test_what_is_confided_is_typed_then_corrected_and_given_back(
    secretary: Keyboard, second_site: SecondSite, radiologist: Browser
) -> None:
    keyboard = secretary
    assert [[], []] == [accessions(keyboard, "typing"), accessions(keyboard, "correction")]
    assert not keyboard.faults()
    accession = second_site.performed(PATIENTS["dictee"], second_site.day(1), "12:00")
    editor = f"a[href='/exams/{accession}/report']"

    second_site.given_to_the_secretary(accession, radiologist, "typing", "Dictée 12")
    keyboard.follow("nav a[href$='/secretariat']")
    assert [accession] == accessions(keyboard, "typing")
    assert "Dictée 12" in keyboard.text(LISTED.format(name="typing"))
    keyboard.photograph("secretary-day")
    keyboard.follow(f"[data-list='typing'] {editor}")
    assert "Dictée 12" in keyboard.text("[data-note]")
    keyboard.overwrite("#text-2", "Pas d’anomalie à l’étage encéfalique.")
    assert not keyboard.has("[data-action='validate']")
    give_back(keyboard)
    assert [] == accessions(keyboard, "typing")
    read = radiologist.open(f"/exams/{accession}/report")
    assert "encéfalique" in read.body.decode()

    second_site.given_to_the_secretary(accession, radiologist, "correction", "Orthographe")
    keyboard.follow("nav a[href$='/secretariat']")
    assert [accession] == accessions(keyboard, "correction")
    keyboard.follow(f"[data-list='correction'] {editor}")
    keyboard.overwrite("#text-2", "Pas d’anomalie à l’étage encéphalique.")
    assert not keyboard.faults()
    give_back(keyboard)
    assert [] == accessions(keyboard, "correction")
    listed = radiologist.open(f"/sites/{SITE}/reading").page.rows(accession=accession)
    assert ["rereading"] == [row["turn"] for row in listed]
    assert "encéphalique" in radiologist.open(f"/exams/{accession}/report").body.decode()


def give_back(keyboard: Keyboard) -> None:
    """Give a report back to the radiologist; what comes next is the secretary's day."""
    keyboard.tab_to("button[data-turn-to='rereading']")
    keyboard.keys(Keys.ENTER)
    keyboard.until("return location.pathname.endsWith('/secretariat') && document.readyState === 'complete'")


def test_who_has_no_address_gets_paper_and_who_printed_it_is_known(
    secretary: Keyboard, second_site: SecondSite, radiologist: Browser
) -> None:
    keyboard, recipient = secretary, PATIENTS["lettre"].requester.partition("^")[0]
    accession = second_site.performed(PATIENTS["lettre"], second_site.day(1), "13:00")
    second_site.validated(accession, radiologist)
    letter = f"[data-letter][data-accession='{accession}'][data-recipient='{recipient}']"

    keyboard.reload_until("return document.querySelector(\"[data-list='letters'] a.button\")")
    keyboard.follow("[data-list='letters'] a.button")
    keyboard.reload_until(f"return document.querySelector(\"[data-list='waiting'] {letter}\")")
    keyboard.photograph("secretary-letters")
    assert not keyboard.faults()
    assert keyboard.opens_beside(f"[data-list='waiting'] {letter} a[data-pdf]").startswith(b"%PDF-1.")
    keyboard.press(f"[data-list='waiting'] {letter} form button")

    assert not keyboard.has(f"[data-list='waiting'] {letter}")
    assert [SECRETARY] == keyboard.all(f"[data-list='printed'] {letter}", "settledBy")
    assert not keyboard.faults()

    def said() -> list[dict[str, str]]:
        page = radiologist.open(f"/exams/{accession}").page
        return page.rows("delivery", channel="to_print", recipient=recipient, state="delivered")

    assert 1 == len(until("the radiologist sees that it left", said))
    keyboard.follow("nav a[href$='/secretariat']")
    assert accession not in accessions(keyboard, "letters")
