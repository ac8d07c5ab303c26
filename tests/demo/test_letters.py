"""What a journey expects of mails and messages comes out of its input, and the readers of evidence tell one thing from another."""

import io
import zipfile
from email.message import EmailMessage
from pathlib import Path

import pytest

from infra.local.demo import er7, national
from infra.local.demo.__main__ import INPUT
from infra.local.demo.journeys import JOURNEYS, letters, versions
from infra.local.demo.national import Input


def test_every_journey_has_its_input_and_every_input_its_journey() -> None:
    assert {folder.name for folder in INPUT.iterdir() if folder.is_dir()} == set(JOURNEYS)


@pytest.mark.parametrize("name", sorted(JOURNEYS))
def test_the_requester_of_every_journey_has_one_mailbox_in_the_directory(name: str) -> None:
    order = er7.read(INPUT / name / "02-ORM_O01.hl7")

    assert len(national.mailboxes_of(Input(), order.value("ORC-12.1")[-11:])) == 1


def test_a_file_of_the_input_adds_a_mailbox_to_those_of_the_demo(tmp_path: Path) -> None:
    header = national.DIRECTORY.read_text().splitlines()[0]
    values = {"rpps": "10101010104", "mailbox": "Une.Autre@demo.mssante.fr"}
    (tmp_path / "directory.csv").write_text(f"{header}\n{';'.join(values.get(name, '') for name in header.split(';'))}\n")
    given = Input(directory=(tmp_path / "directory.csv",))

    assert national.mailboxes_of(given, "10101010104") == ["une.autre@demo.mssante.fr"]
    assert national.mailboxes_of(given, "10101010105") == []


def test_the_application_mailbox_of_a_site_is_that_of_its_legal_entity() -> None:
    assert national.mailbox_of("630999001")["address"] != national.mailbox_of("670999002")["address"]


def test_only_the_cda_of_an_archive_is_a_document(tmp_path: Path) -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("IHE_XDM/SUBSET01/METADATA.XML", "<SubmitObjectsRequest/>")
        archive.writestr("IHE_XDM/SUBSET01/DOC0001.XML", '<ClinicalDocument xmlns="urn:hl7-org:v3"/>')
        archive.writestr("INDEX.HTM", "<html/>")
    mail = EmailMessage()
    mail.set_content("Bonjour")
    mail.add_attachment(held.getvalue(), maintype="application", subtype="zip", filename="IHE_XDM.zip")
    (tmp_path / "001.eml").write_bytes(bytes(mail))

    assert letters.documents_of(letters.read(tmp_path / "001.eml")) == [b'<ClinicalDocument xmlns="urn:hl7-org:v3"/>']


def test_flags_are_read_by_their_names_and_other_observations_are_none(tmp_path: Path) -> None:
    lines = [
        "MSH|^~\\&|A|B|C|D|20260101||MDM^T02^MDM_T02|1|P|2.6|||||FRA|UNICODE UTF-8",
        "OBX|1|ED|1^CR^LN||^text^XML^Base64^AA||||||F",
        "OBX|2|CWE|MASQUE_PS^^MetaDMPMSS||N^^expandedYes-NoIndicator||||||F",
        "OBX|3|CWE|DESTDMP^^MetaDMPMSS||Y^^expandedYes-NoIndicator||||||F",
    ]
    file = tmp_path / "001.hl7"
    file.write_bytes("".join(f"{line}\r" for line in lines).encode())

    assert letters.flags_of(er7.read(file)) == {"MASQUE_PS": "N", "DESTDMP": "Y"}


def test_the_action_of_an_archive_is_what_every_slot_of_that_name_says() -> None:
    slot = '<rim:Slot xmlns:rim="urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0" name="{}"><rim:ValueList><rim:Value>{}</rim:Value></rim:ValueList></rim:Slot>'
    written = f"<a>{slot.format('action', 'D')}{slot.format('action', 'C')}{slot.format('hash', 'X')}</a>"

    assert versions.actions(written.encode()) == {"C", "D"}
