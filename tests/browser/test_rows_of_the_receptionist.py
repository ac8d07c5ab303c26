"""A receptionist without a mouse: the day, the first free place, booking, moving, cancelling, who is absent, who comes, who waits."""

from __future__ import annotations

from datetime import timedelta

import pytest
from selenium.webdriver.common.keys import Keys

from infra.local.demo.journey import until
from tests.support.browser import Keyboard
from tests.support.second_site import RADIOGRAPHER, RECEPTIONIST, SITE, SecondSite, at_work
from tests.support.second_site_patients import PATIENTS

pytestmark = pytest.mark.slow
PREFLIGHT = "[data-preflight] li[data-channel='{channel}']"


@pytest.fixture(scope="module", autouse=True)
def absent(second_site: SecondSite) -> str:
    """The exam of somebody who does not come: in a minute or two, so that its time is past when it is looked at."""
    start = second_site.now + timedelta(minutes=1 if second_site.now.second < 30 else 2)
    return second_site.booked(PATIENTS["absente"], second_site.day(), f"{start:%H:%M}")


@pytest.fixture
def receptionist(keyboard: Keyboard, second_site: SecondSite) -> Keyboard:
    """A receptionist of two sites who has chosen the second one; the first page is the desk."""
    return at_work(keyboard, RECEPTIONIST, "desk")


def open_of_the_desk(keyboard: Keyboard, accession: str, day: str) -> None:
    """Find an exam in the day by patient, and open it."""
    keyboard.follow("nav a[href$='/desk']")
    keyboard.date("#day", day)
    keyboard.press(".day-bar form button")
    assert [day] == keyboard.all("table.list", "day")
    keyboard.follow(f"tr[data-accession='{accession}'] td.time a")


def refuse_mail(keyboard: Keyboard, refused: str) -> None:
    """Note on the patient's page that they refuse mail, or no longer do."""
    keyboard.press("[data-refusal='PATIENT'] button")
    assert [refused] == keyboard.all("[data-refusal='PATIENT']", "refused")


def reason(keyboard: Keyboard, code: str) -> None:
    """Choose why an exam is cancelled, and cancel it."""
    keyboard.pick("input[name='reason']", code)
    keyboard.press("form button.danger")


def test_the_first_free_place_over_the_sites_is_booked_seen_by_room_and_by_patient_moved_and_cancelled(
    receptionist: Keyboard, second_site: SecondSite
) -> None:
    keyboard, patient = receptionist, PATIENTS["place"]
    first, later = second_site.day(2), second_site.day(3)
    second_site.request(patient)

    keyboard.follow("a[href$='/openings']")
    keyboard.choose("#exam", patient.exam)
    keyboard.date("#day", first)
    keyboard.press("#search button")
    assert {"nord", SITE} == set(keyboard.all("[data-openings]", "openings"))
    keyboard.photograph("receptionist-first-free-place")
    room, start = keyboard.all(here := f"[data-openings='{SITE}'] a[data-day='{first}']", "room")[0], keyboard.all(here, "start")[0]
    keyboard.follow(here)
    keyboard.follow(f"[data-placer-order='{patient.placer_order}'] a.button")
    assert ["qualify_identity"] == keyboard.all(PREFLIGHT.format(channel="dmp"), "mend")
    assert not keyboard.faults()
    keyboard.press("#booking p.actions button")
    keyboard.until("return document.querySelector('[data-exam][data-state=booked]')")
    accession = keyboard.path.rsplit("/", 1)[-1]
    assert start == until("the machine's worklist", lambda: second_site.worklist(first).get(accession))

    keyboard.follow("a[href*='/agenda?day=']")
    assert [room, start] == keyboard.facts(f"li[data-accession='{accession}']", "room", "start")
    open_of_the_desk(keyboard, accession, first)

    keyboard.follow("a[href$='/move']")
    keyboard.date("#day", later)
    keyboard.press("button[name='show']")
    keyboard.press(f"form[data-proposal][data-site='{SITE}'][data-day='{later}'][data-start='10:00'] button")
    assert [later, "10:00"] == keyboard.facts("[data-exam]", "day", "start")
    assert "10:00" == until("the machine's worklist of the other day", lambda: second_site.worklist(later).get(accession))
    assert accession not in second_site.worklist(first)

    keyboard.follow("a[href$='/cancel']")
    reason(keyboard, "no_show")
    assert ["too_early_for_no_show"] == keyboard.all("[data-error-code]", "errorCode")
    assert not keyboard.faults()
    reason(keyboard, "patient")
    assert ["cancelled"] == keyboard.all("[data-exam]", "state")
    until("the machine's worklist without it", lambda: accession not in second_site.worklist(later))
    keyboard.follow("nav a[href$='/requests']")
    assert keyboard.has(f"[data-placer-order='{patient.placer_order}']")


def test_who_comes_is_qualified_asked_waits_and_is_called_in(receptionist: Keyboard, second_site: SecondSite) -> None:
    keyboard, patient = receptionist, PATIENTS["arrivee"]
    accession = second_site.booked(patient, second_site.day(), "21:00")
    desk, row = f"/sites/{SITE}/desk", f"tr[data-accession='{accession}']"

    keyboard.follow("nav a[href$='/desk']")
    keyboard.reload_until(f'return document.querySelector("{row}[data-next=document]")')
    assert ["expected"] == keyboard.all(row, "arrival")
    keyboard.follow(f"{row} a[href$='/arrival']")
    assert ["held", "qualify_identity"] == keyboard.facts(PREFLIGHT.format(channel="dmp"), "expected", "mend")
    assert not keyboard.faults()

    keyboard.follow(f"{PREFLIGHT.format(channel='dmp')} a")
    assert keyboard.path.startswith("/patients/")
    keyboard.choose("form[data-action='document'] select", "CN")
    keyboard.press("form[data-action='document'] button[type='submit']")
    keyboard.reload_until("return document.querySelector('#identity[data-status=QUAL]')")
    keyboard.follow("nav a[href$='/desk']")
    keyboard.follow(f"{row} a[href$='/arrival']")
    assert ["pending", "inform_patient"] == keyboard.facts(PREFLIGHT.format(channel="dmp"), "expected", "mend")
    keyboard.photograph("receptionist-arrival")
    keyboard.pick("form[data-action='information'] input[type='radio']", "INO")
    keyboard.press("form[data-action='information'] button")
    keyboard.follow("nav a[href$='/desk']")
    keyboard.follow(f"{row} a[href$='/arrival']")
    assert ["pending", ""] == keyboard.facts(PREFLIGHT.format(channel="dmp"), "expected", "mend")

    keyboard.follow(".patient-line .who-name")
    refuse_mail(keyboard, "yes")
    keyboard.follow("nav a[href$='/desk']")
    keyboard.follow(f"{row} a[href$='/arrival']")
    assert ["withdrawn", "lift_refusal"] == keyboard.facts(PREFLIGHT.format(channel="mss_patient"), "expected", "mend")
    keyboard.follow(f"{PREFLIGHT.format(channel='mss_patient')} a")
    refuse_mail(keyboard, "no")
    keyboard.follow("nav a[href$='/desk']")
    keyboard.follow(f"{row} a[href$='/arrival']")
    assert ["pending", ""] == keyboard.facts(PREFLIGHT.format(channel="mss_patient"), "expected", "mend")

    keyboard.press("#arrival p.actions button")
    assert ["questions_unanswered"] == keyboard.all("#rule", "rule")
    keyboard.pick("input[name='answer-grossesse']", "yes")
    keyboard.press("#arrival p.actions button")
    assert ["contraindication"] == keyboard.all("#rule", "rule")
    assert not keyboard.faults()
    keyboard.pick("input[name='answer-grossesse']", "no")
    keyboard.press("#arrival p.actions button")
    assert desk == keyboard.path
    assert [accession] == keyboard.all("#waiting [data-waiting]", "waiting")
    machines = second_site.browser("group", RADIOGRAPHER).open(f"/sites/{SITE}/worklist")
    assert "en salle d’attente" in machines.page.found(accession=accession)[0].text

    keyboard.press(f"[data-waiting='{accession}'] button")
    assert [[], ["called"]] == [keyboard.all("#waiting [data-waiting]", "waiting"), keyboard.all(row, "arrival")]


def test_a_code_is_scanned_and_who_has_no_appointment_is_admitted(receptionist: Keyboard, second_site: SecondSite) -> None:
    keyboard, patient = receptionist, PATIENTS["passante"]
    second_site.request(patient)

    keyboard.follow("a[href$='/walk-in']")
    keyboard.follow("main a[href='/scan']")
    assert "code" == keyboard.focused
    keyboard.scan(*patient.datamatrix)
    assert [["", ""]] == [keyboard.facts("[data-patient]", "differs", "sameIns")]
    assert patient.ipp in keyboard.text("[data-patient]")
    assert not keyboard.faults()
    keyboard.follow("[data-patient] a.button")
    keyboard.follow(f"main a[href*='/sites/{SITE}/walk-in']")
    place = keyboard.facts("[data-next]", "room", "start")
    keyboard.photograph("receptionist-walk-in")
    keyboard.press("#walk-in p.actions button")
    accession = keyboard.path.rsplit("/", 1)[-1]
    assert [*place, second_site.day()] == keyboard.facts("[data-exam]", "room", "start", "day")

    keyboard.follow("nav a[href$='/desk']")
    assert accession in keyboard.all("#waiting [data-waiting]", "waiting")
    keyboard.follow("nav a[href$='/requests']")
    assert patient.placer_order not in keyboard.all("[data-request]", "placerOrder")
    found = until("the machine's worklist", lambda: second_site.worklist(second_site.day(), "US_SUD").get(accession))
    assert place[1] == found


def test_two_receptionists_want_one_place_and_a_key_pressed_twice_books_once(
    receptionist: Keyboard, second_site: SecondSite
) -> None:
    keyboard, patient, day = receptionist, PATIENTS["disputee"], second_site.day(4)
    second_site.request(patient)
    keyboard.follow("nav a[href$='/requests']")
    keyboard.follow(f"[data-placer-order='{patient.placer_order}'] a[href*='/booking?']")
    assert ["held", "print"] == keyboard.facts(PREFLIGHT.format(channel="to_print"), "expected", "mend")
    keyboard.date("#day", day)
    keyboard.press("button[name='show']")
    keyboard.follow("a[data-start='09:00'][data-room='salle-scanner']")
    second_site.booked(PATIENTS["rivale"], day, "09:00")

    keyboard.press("#booking p.actions button")
    assert ["slot_taken"] == keyboard.all("#rule", "rule")
    assert not keyboard.faults()
    keyboard.follow("a[data-start='09:15'][data-room='salle-scanner']")
    keyboard.tab_to("#booking p.actions button")
    keyboard.keys(Keys.ENTER, Keys.ENTER)
    keyboard.until("return document.querySelector('[data-exam][data-state=booked]')")
    accession = keyboard.path.rsplit("/", 1)[-1]
    keyboard.driver.back()
    keyboard.press("#booking p.actions button")

    assert f"/exams/{accession}" == keyboard.path
    assert ["09:00", "09:15"] == sorted(until("both exams", lambda: _both(second_site.worklist(day))).values())


def test_who_did_not_come_is_noted(receptionist: Keyboard, second_site: SecondSite, absent: str) -> None:
    keyboard, due = receptionist, second_site.exam(absent)["start"]
    until("the time of the appointment", lambda: f"{second_site.now:%H:%M}" >= due, 125)

    open_of_the_desk(keyboard, absent, second_site.day())
    keyboard.follow("a[href$='/cancel']")
    reason(keyboard, "no_show")

    assert "Le patient n’est pas venu" in keyboard.text("[data-exam]")
    assert "cancelled" == second_site.exam(absent)["state"]
    until("the machine's worklist without it", lambda: absent not in second_site.worklist(second_site.day()))


def _both(found: dict[str, str]) -> dict[str, str] | None:
    return found if len(found) > 1 else None
