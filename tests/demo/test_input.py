"""The input is read as it goes on the wire, and each example folder has the shape its README gives."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from infra.local.demo import er7, group
from infra.local.demo.__main__ import INPUT, _given, _journeys
from infra.local.demo.journeys.order_to_modality_beside import PLACE
from infra.local.demo.scene import read_booking

SECOND, NATIONAL = (Path(__file__).with_name(name) for name in ("second_input", "national_input"))
OTHERS = [
    INPUT / name
    for name in ("announcement", "bad_day", "delegated", "second_thoughts", "second_thoughts/on_paper", "second_thoughts/withheld")
]
FOLDERS = [INPUT / "order_to_modality", SECOND / "order_to_modality", *sorted(NATIONAL.iterdir()), *OTHERS]
CUT_OFF = INPUT / "cut_off"
WITHOUT_REPORT = [CUT_OFF, CUT_OFF / "also_booked"]


def test_adrun_zoe_comes_as_the_fact_sheet_has_her_without_ins() -> None:
    admission, order = (er7.read(file) for file in sorted(FOLDERS[0].glob("*.hl7")))

    assert (admission.kind, admission.birth_name, admission.value("PID-7")) == ("ADT_A04", ("ADRUN", "ZOE"), "19751231")
    assert [parts[8] for parts in admission.repetitions("PID-11") if len(parts) > 8] == ["63220"]
    assert (admission.value("PID-32"), admission.value("MSH-12")) == ("VIDE", "2.5^FRA^2.11")
    assert [parts[4] for parts in admission.repetitions("PID-3")] == ["PI"]
    assert (order.value("MSH-9"), order.value("MSH-12")) == ("ORM^O01^ORM_O01", "2.5.1")
    assert group.exam(order.value("OBR-4.1"))["dicom_modality"] == "CT"


@pytest.mark.parametrize("forbidden", [2, 4, 9, 10, 12, 17, 19, 20, 22, 28])
def test_admissions_leave_empty_what_pam_france_forbids(forbidden: int) -> None:
    for folder in (*FOLDERS, *WITHOUT_REPORT):
        for file in sorted(folder.rglob("*ADT*.hl7")):
            assert er7.read(file).value(f"PID-{forbidden}") == ""


def test_the_second_example_has_accents_and_an_apostrophe_in_another_set_and_another_room() -> None:
    first, second = (read_booking(folder / "booking.json") for folder in FOLDERS[:2])
    message = er7.read(FOLDERS[1] / "01-ADT_A04.hl7")

    assert (first.site, first.room) != (second.site, second.room)
    assert message.value("MSH-18") == "8859/15"
    assert message.birth_name == ("D'ESSAI-L'HÉRITIER", "JOËL")


def test_the_ipp_is_the_number_of_the_sites_own_authority_wherever_it_stands(tmp_path: Path) -> None:
    file = tmp_path / "01.hl7"
    file.write_bytes(
        b"MSH|^~\\&|A|B|C|D|||ADT^A04^ADT_A01|1|P|2.5\rPID|||7^^^OTHER&1.2.3&ISO^PI~8^^^&1.2.4&ISO^AN~9^^^OURS&1.2.4&ISO^PI\r"
    )

    assert (er7.read(file, "1.2.4").ipp, er7.read(file, "1.2.5").ipp, er7.read(file).ipp) == ("9", "", "7")


@pytest.mark.parametrize("folder", [*FOLDERS, *WITHOUT_REPORT])
def test_bytes_are_those_of_the_wire(folder: Path) -> None:
    for file in folder.rglob("*.hl7"):
        content = file.read_bytes()
        assert b"\n" not in content
        assert content.endswith(b"\r")


@pytest.mark.parametrize("folder", [*FOLDERS, *WITHOUT_REPORT])
def test_what_is_booked_is_the_order_and_the_room_has_its_machine(folder: Path) -> None:
    booking = read_booking(folder / "booking.json")
    order = er7.read(folder / "02-ORM_O01.hl7")

    assert booking.exam == order.value("OBR-4.1")
    assert group.machine_for(booking.site, booking.room, group.exam(booking.exam)["dicom_modality"])


@pytest.mark.parametrize("folder", FOLDERS)
def test_refused_files_name_the_place_they_are_refused_for(folder: Path) -> None:
    assert all(PLACE.match(file.name) for file in (folder / "refused").glob("*.hl7"))


def test_days_are_relative_to_the_sites_own_today() -> None:
    today = datetime.now(ZoneInfo("Europe/Paris")).date()

    assert read_booking(FOLDERS[0] / "booking.json").day in {(today + timedelta(days=n)).isoformat() for n in (1, 2)}


@pytest.mark.parametrize("folder", FOLDERS)
def test_what_is_typed_is_a_report_with_its_conclusion_and_what_the_desk_may_choose(folder: Path) -> None:
    report = json.loads((folder / "report.json").read_text())
    desk = json.loads(file.read_text()) if (file := folder / "desk.json").exists() else {"document": "CN", "information": "INO"}

    assert report["title"]
    assert [section["heading"] for section in report["sections"]][-1] == "Conclusion"
    assert all(section["text"] for section in report["sections"])
    assert set(desk) == {"document", "information"}
    assert desk["information"] in {"INO", "IO", "NA"}


def test_each_of_several_patients_of_one_journey_has_a_folder_of_its_own() -> None:
    names = ["accents", "closed", "corsica", "nia", "opposed"]

    assert _journeys(NATIONAL) == {f"order_to_modality-{name}": NATIONAL / f"order_to_modality-{name}" for name in names}
    sent = [er7.read(file) for folder in FOLDERS for file in folder.glob("*.hl7")]
    sent += [er7.read(file) for file in CUT_OFF.rglob("*.hl7")]
    control_ids = [message.value("MSH-10") for message in sent]
    assert len(set(control_ids)) == len(control_ids)


def test_what_the_folders_let_insi_and_the_dmp_know_is_gathered() -> None:
    given = _given(_journeys(NATIONAL))

    assert [file.parent.name.partition("-")[2] for file in given.identities] == ["accents", "closed", "corsica", "nia", "opposed"]
    assert [file.parent.name for file in given.records] == ["order_to_modality-closed"]


def test_a_folder_of_journeys_or_one_journeys_own_folder_can_be_named() -> None:
    assert _journeys(SECOND) == {"order_to_modality": SECOND / "order_to_modality"}
    assert _journeys(SECOND / "order_to_modality") == {"order_to_modality": SECOND / "order_to_modality"}


def test_a_folder_without_any_journey_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="holds none of the folders"):
        _journeys(tmp_path)
