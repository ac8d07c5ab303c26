"""A day without a mouse: booked, checked in, qualified, reported, validated, and looked at in the cockpit."""

from __future__ import annotations

import json

import pytest
from selenium.webdriver.common.keys import Keys

from infra.local.demo.journeys import visit
from infra.local.demo.scene import Scene
from tests.support.browser import Keyboard

pytestmark = pytest.mark.slow
RECEPTIONIST, RADIOLOGIST, IT = "accueil.nord", "99900012347", "info.groupe"


def book(keyboard: Keyboard, ordered: visit.Ordered) -> str:
    """Book from the list of requests; return the accession number."""
    placer = ordered.order.value("ORC-2.1")
    keyboard.follow("nav a[href$='/requests']")
    row = f"[data-placer-order='{placer}']"
    keyboard.reload_until(f'return document.querySelector("{row}")')
    keyboard.follow(f"{row} a[href*='/booking?']")
    keyboard.choose("#exam", ordered.booking.exam)
    keyboard.date("#day", ordered.booking.day)
    keyboard.press("button[name='show']")
    keyboard.follow(f"a[data-start='{ordered.booking.start}'][data-room='{ordered.booking.room}']")
    keyboard.press("#booking p.actions button")
    assert keyboard.path.startswith("/exams/"), keyboard.faults()
    return keyboard.path.rsplit("/", 1)[-1]


def qualify(keyboard: Keyboard, ordered: visit.Ordered, accession: str) -> None:
    """From the exam's page, accept INSi's answer, record the document shown and what the patient was told, until the identity is qualified."""
    keyboard.open(f"/exams/{accession}")
    keyboard.reload_until("return document.querySelector(\"form[data-action='insi_accept']\")")
    keyboard.press("form[data-action='insi_accept'] button")
    keyboard.open(f"/exams/{accession}")
    keyboard.reload_until("return document.querySelector(\"form[data-action='document']\")")
    typed = json.loads((ordered.folder / "desk.json").read_text())
    keyboard.choose("form[data-action='document'] select", typed["document"])
    keyboard.press("form[data-action='document'] button[type='submit']")
    keyboard.open(f"/exams/{accession}")
    keyboard.choose("form[data-action='information'] input[type='radio']", typed["information"])
    keyboard.keys(Keys.SPACE)
    keyboard.press("form[data-action='information'] button")
    keyboard.open(f"/exams/{accession}")
    keyboard.reload_until("return document.querySelector(\"#identity[data-status='QUAL']\")")


def perform(scene: Scene, keyboard: Keyboard, ordered: visit.Ordered, accession: str) -> None:
    """Let the modality do the exam."""
    keyboard.open(f"/exams/{accession}")
    facts = keyboard.driver.execute_script("return {...document.querySelector('[data-study-uid]').dataset}")
    done = visit.Visit(
        ordered.folder, ordered.booking, ordered.patient, ordered.order,
        accession=accession, study_uid=facts["studyUid"], patient_id=facts["patient"],
    )  # fmt: skip
    with scene.step("the receptionist looks on", visit.HTTP) as step:
        person = scene.login(step, "receptionist")
    visit.perform(scene, person, done, second_opinion=False)


def write(keyboard: Keyboard, scene: Scene, accession: str) -> None:
    """From the reading list, type the report and validate it."""
    report = json.loads((scene.folder / "report.json").read_text())
    keyboard.follow("nav a[href$='/reading']")
    keyboard.follow(f"a[href^='/exams/{accession}/report']")
    for number, section in enumerate(report["sections"]):
        keyboard.overwrite(f"#heading-{number}", section["heading"])
        keyboard.overwrite(f"#text-{number}", section["text"].replace("\n", " "))
        if number + 1 < len(report["sections"]) and not keyboard.has(f"#heading-{number + 1}"):
            keyboard.tab_to("button[data-action='save']")
            keyboard.keys(Keys.ENTER)
            keyboard.until(f"return document.querySelector('#heading-{number + 1}')")
    keyboard.photograph("report-being-written")
    keyboard.tab_to("button[data-action='validate']")
    keyboard.keys(Keys.ENTER)
    keyboard.until("return !document.querySelector(\"button[data-action='validate']\")")


def test_a_day_without_a_mouse(keyboard: Keyboard, waiting: tuple[Scene, visit.Ordered]) -> None:
    scene, ordered = waiting
    keyboard.login("group", RECEPTIONIST)
    accession = book(keyboard, ordered)
    qualify(keyboard, ordered, accession)
    perform(scene, keyboard, ordered, accession)

    keyboard.leave()
    keyboard.login("psc", RADIOLOGIST)
    write(keyboard, scene, accession)
    keyboard.open(f"/exams/{accession}")
    keyboard.reload_until("return document.querySelector(\"[data-delivery][data-recipient='DMP'][data-state='delivered']\")")

    keyboard.leave()
    keyboard.login("group", IT)
    keyboard.follow("nav a[href$='/cockpit']")
    assert keyboard.path.endswith("/cockpit")
    assert not keyboard.faults()
