"""A radiographer without a mouse: the worklist and what each machine last said, an act of no known exam, a machine that is down."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from infra.local.demo.journey import until
from tests.support.browser import Keyboard
from tests.support.second_site import RADIOGRAPHER, SCANNER, SITE, SecondSite, at_work, instant
from tests.support.second_site_patients import PATIENTS

pytestmark = pytest.mark.slow
STATUS_S = 90.0
NAMES = (("find", "lastFind"), ("mpps", "lastMpps"))


@pytest.fixture(scope="module", autouse=True)
def spoken(second_site: SecondSite) -> datetime:
    """The instant before an exam of the scanner; a gateway says only every minute which machines it heard."""
    began = datetime.now(UTC)
    second_site.performed(PATIENTS["faite"], second_site.day(), "20:30")
    return began


@pytest.fixture
def radiographer(keyboard: Keyboard, second_site: SecondSite) -> Keyboard:
    """A radiographer of two sites who has chosen the second one; the first page is the worklist."""
    return at_work(keyboard, RADIOGRAPHER, "worklist")


def show(keyboard: Keyboard, modality: str, day: str) -> None:
    """Choose a modality and a day of the worklist."""
    keyboard.follow("nav a[href$='/worklist']")
    keyboard.choose("#modality", modality)
    keyboard.date("#day", day)
    keyboard.press(".day-bar form button")


def test_the_worklist_of_a_modality_and_day_follows_the_machine(radiographer: Keyboard, second_site: SecondSite) -> None:
    keyboard, day = radiographer, second_site.day()
    accession = second_site.booked(PATIENTS["appelee"], day, "20:00")
    row = f"tr[data-accession='{accession}']"

    show(keyboard, "CT", day)
    assert {"CT"} == set(keyboard.all("table.list tbody tr", "modality"))
    assert ["booked", "20:00"] == keyboard.facts(row, "state", "start")
    show(keyboard, "MG", day)
    assert not keyboard.has(row)
    assert not keyboard.faults()

    uid = second_site.begun(accession, day)
    show(keyboard, "CT", day)
    keyboard.reload_until(f'return document.querySelector("{row}[data-state=in_progress]")')
    second_site.ended(uid)
    keyboard.reload_until(f'return document.querySelector("{row}[data-state=completed]")')
    keyboard.photograph("radiographer-worklist")


def test_an_act_of_no_known_exam_is_linked_to_its_exam(radiographer: Keyboard, second_site: SecondSite) -> None:
    keyboard, day = radiographer, second_site.day(1)
    accession = second_site.booked(PATIENTS["inconnue"], day, "15:00")
    exam = second_site.exam(accession)
    uid = second_site.begun(accession, day, typed_by_hand=True)
    second_site.ended(uid)

    keyboard.follow("nav a[href$='/unscheduled']")
    keyboard.reload_until(f"return document.querySelector(\"[data-mpps='{uid}'][data-status=COMPLETED]\")")
    keyboard.photograph("radiographer-unscheduled")
    assert PATIENTS["inconnue"].ipp in keyboard.text(f"[data-mpps='{uid}']")
    assert "booked" == second_site.exam(accession)["state"]
    keyboard.follow(f"[data-mpps='{uid}'] a.button")
    assert PATIENTS["inconnue"].ipp in keyboard.text("[data-mpps]")
    keyboard.date("#day", day)
    keyboard.press("form.inline button")
    assert not keyboard.faults()
    keyboard.press(f"form[data-candidate='{accession}'] button")
    assert [accession] == keyboard.all("[data-settled]", "settled")

    keyboard.follow(f"[data-settled] a[href='/exams/{accession}']")
    assert [uid, "COMPLETED"] == keyboard.facts("li[data-mpps]", "mpps", "status")
    assert ["completed", exam["study-uid"]] == keyboard.facts("[data-exam]", "state", "studyUid")
    until("the machine's worklist without it", lambda: accession not in second_site.worklist(day))
    keyboard.follow("nav a[href$='/unscheduled']")
    assert uid not in keyboard.all("[data-mpps]", "mpps")


def test_a_machine_is_down_and_its_day_is_moved(radiographer: Keyboard, second_site: SecondSite) -> None:
    keyboard, day = radiographer, second_site.day(6)
    accession = second_site.booked(PATIENTS["panne"], day, "11:00")

    keyboard.follow("nav a[href$='/machines']")
    keyboard.follow("tr[data-machine='scanner'] a[href$='/outage']")
    keyboard.press("#outage p.actions button")
    assert ["reason"] == keyboard.all("#outage [data-error-code]", "field")
    assert not keyboard.faults()
    keyboard.date("#from_day", day)
    keyboard.date("#until_day", day)
    keyboard.clock("#from_time", "05:00")
    keyboard.clock("#until_time", "23:00")
    keyboard.type("#reason", "Tube à changer")
    keyboard.press("#outage p.actions button")
    assert [accession] == keyboard.all("tbody tr", "accession")
    to_site, to_day, to_start = keyboard.facts("tbody tr", "proposedSite", "proposedDay", "proposedStart")
    assert (SITE, day) != (to_site, to_day)
    keyboard.photograph("radiographer-machine-down")
    keyboard.press(f"tr[data-accession='{accession}'] form button")
    assert ["1"] == keyboard.all("[data-moved]", "moved")
    assert not keyboard.faults()

    moved = second_site.exam(accession)
    assert (to_site, to_day, to_start) == (moved["site"], moved["day"], moved["start"])
    assert to_start == until("the worklist of the other day", lambda: second_site.worklist(to_day).get(accession))
    assert accession not in second_site.worklist(day)
    keyboard.follow(f"a[href='/sites/{SITE}/calls']")
    assert PATIENTS["panne"].family in keyboard.text(f"[data-call='{accession}']")
    keyboard.press(f"[data-call='{accession}'] button")
    assert accession not in keyboard.all("[data-call]", "call")
    keyboard.follow("nav a[href$='/machines']")
    keyboard.follow("tr[data-machine='scanner'] a[href*='/outages/']")
    keyboard.press("form[action$='/end'] button")
    assert [""] == keyboard.all("tr[data-machine='scanner']", "out")


def test_each_machine_says_when_it_last_asked_and_announced(radiographer: Keyboard, spoken: datetime) -> None:
    keyboard, machine = radiographer, f"[data-ae-title='{SCANNER}']"

    keyboard.follow("nav a[href$='/worklist']")
    keyboard.reload_until(
        f'return document.querySelector("{machine}").dataset.lastMpps >= "{spoken.isoformat()}"', STATUS_S, every_s=2
    )
    asked, announced = (instant(each) for each in keyboard.facts(machine, "lastFind", "lastMpps"))
    assert spoken <= min(asked, announced)
    keyboard.follow("nav a[href$='/machines']")
    assert [asked, announced] == [instant(keyboard.all(f"{machine} [data-last-{each}]", name)[0]) for each, name in NAMES]
    assert ["", ""] == [keyboard.all(f"[data-ae-title='MG_SUD'] [data-last-{each}]", name)[0] for each, name in NAMES]
