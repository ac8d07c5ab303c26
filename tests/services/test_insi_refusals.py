"""What INSi's simulator refuses, one spoilt thing at a time; how it runs as a process; what its data say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3

from infra.local.children import Children, python
from infra.local.services.insi import KNOWN, Insi, InsiDoors
from infra.local.services.insi_people import load
from infra.local.services.recorder import Recorder
from infra.local.services.soap_door import Trust
from tests.support.national import IDAM, STRUCTURE, Got, Pki, control, make_pki, post
from tests.support.waiting import until

ACTION = "urn:ServiceIdentiteCertifiee:1.0.0:rechercherInsAvecTraitsIdentite"
KIND = f'application/soap+xml; charset=utf-8; action="{ACTION}"'
REQUEST = f"""<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://www.w3.org/2005/08/addressing"><s:Header>
<b:ContexteBAM xmlns:b="urn:siram:bam:ctxbam" Version="01_02"><b:Id>1</b:Id><b:Temps>2026-11-26T10:00:00Z</b:Temps>
<b:Emetteur>{STRUCTURE}</b:Emetteur><b:COUVERTURE/></b:ContexteBAM>
<l:ContexteLPS xmlns:l="urn:siram:lps:ctxlps" Nature="CTXLPS" Version="01_00"><l:Id>2</l:Id><l:Temps>2026-11-26T10:00:00Z</l:Temps>
<l:Emetteur>{STRUCTURE}</l:Emetteur><l:LPS><l:IDAM R="4">{IDAM}</l:IDAM><l:Version>1</l:Version><l:Instance>i</l:Instance><l:Nom>urn:lps:r:1</l:Nom></l:LPS></l:ContexteLPS>
<a:Action>{ACTION}</a:Action><a:MessageID>uuid:11111111-2222-3333-4444-555555555555</a:MessageID></s:Header><s:Body>
<r:RECSANSVITALE xmlns:r="http://www.cnamts.fr/INSiRecSans"><r:NomNaissance>ADRTROIS</r:NomNaissance><r:Prenom>DOMINIQUE</r:Prenom>
<r:Sexe>F</r:Sexe><r:DateNaissance>1997-02-26</r:DateNaissance><r:LieuNaissance>2A020</r:LieuNaissance></r:RECSANSVITALE></s:Body></s:Envelope>"""


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return make_pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="module")
def insi(pki: Pki, tmp_path_factory: pytest.TempPathFactory) -> Iterator[InsiDoors]:
    doors = InsiDoors(Insi(recorder=Recorder(tmp_path_factory.mktemp("insi")), identities=KNOWN, idams=[IDAM]), Trust(**pki.files))
    yield doors
    doors.close()


def ask(pki: Pki, insi: InsiDoors, text: str = REQUEST, *, kind: str = KIND, service: str = "INSI-MANU") -> Got:
    return post(insi.status["url"], text.encode(), kind, pki.context(pki.client(service)))


def fault(got: Got) -> tuple[str, str, str]:
    """Return Code, Subcode and the code of siram:Erreur."""
    values = re.findall(rb"<soap:Value>([^<]+)</soap:Value>", got.body)
    code = re.search(rb'<siram:Erreur [^>]*code="([^"]+)"', got.body)
    said = [value.decode().removeprefix("soap:") for value in values] + [""]
    return said[0], said[1], code[1].decode() if code else ""


def test_a_request_written_by_another_hand_is_answered(pki: Pki, insi: InsiDoors) -> None:
    got = ask(pki, insi)

    assert got.status == 200
    assert b"NumIdentifiant>297022A020778<" in got.body
    assert b"OID>1.2.250.1.213.1.4.8<" in got.body
    assert b"RelatesTo>uuid:11111111-2222-3333-4444-555555555555<" in got.body
    assert f"{ACTION}Response".encode() in got.body


BAM_EMETTEUR = f"<b:Emetteur>{STRUCTURE}</b:Emetteur>"
SECURITY = '<o:Security xmlns:o="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"/>'
RULES = [
    (f"<a:Action>{ACTION}</a:Action>", ""),
    ("<a:Action>", f"<a:Action>{ACTION}</a:Action><a:Action>"),
    (f"<a:Action>{ACTION}", "<a:Action>urn:autre"),
    ("<a:MessageID>", "<a:MessageID>uuid:11111111-2222-3333-4444-555555555555</a:MessageID><a:MessageID>"),
    ("uuid:11111111-2222-3333-4444-555555555555", "1"),
    ("</s:Header>", f"{SECURITY}</s:Header>"),
    ('Version="01_02"', 'Version="01_01"'),
    ('Version="01_00"', 'Version="01_02"'),
    ("urn:siram:lps:ctxlps", "urn:siram:lps:autre"),
    ("<b:COUVERTURE/>", ""),
    (BAM_EMETTEUR, "<b:Emetteur>1990000025</b:Emetteur>"),
    (f"<l:Emetteur>{STRUCTURE}</l:Emetteur>", ""),
    ("<l:Temps>2026-11-26T10:00:00Z</l:Temps>", "<l:Temps>26/11/2026</l:Temps>"),
    ('<l:IDAM R="4">', "<l:IDAM>"),
    ("<l:Instance>i</l:Instance>", ""),
    ("ADRTROIS", "Adrtrois"),
    ("ADRTROIS", "ADRÉTROIS"),
    ("ADRTROIS", "ADR3"),
    ("ADRTROIS", "-ADRTROIS"),
    ("ADRTROIS", "ADR  TROIS"),
    ("ADRTROIS", "ADR’TROIS"),
    ("DOMINIQUE", "DOMINIQUE-"),
    ("DOMINIQUE", "DOMI--NIQUE"),
    ("<r:Sexe>F</r:Sexe>", "<r:Sexe>I</r:Sexe>"),
    ("<r:Sexe>F</r:Sexe>", ""),
    ("1997-02-26", "26/02/1997"),
    ("2A020", "2A02"),
    ("<r:Prenom>DOMINIQUE</r:Prenom>", "<r:Prenom>DOMINIQUE</r:Prenom><r:Prenom>ANNE</r:Prenom>"),
    ("RECSANSVITALE", "RECVITALE"),
    ("<s:Envelope ", '<!DOCTYPE x [<!ENTITY e "x">]><s:Envelope '),
    ("</s:Envelope>", ""),
    ("http://www.w3.org/2003/05/soap-envelope", "http://schemas.xmlsoap.org/soap/envelope/"),
]


@pytest.mark.parametrize(("old", "new"), RULES, ids=[str(n) for n in range(len(RULES))])
def test_a_request_that_breaks_a_rule_is_a_configuration_error(pki: Pki, insi: InsiDoors, old: str, new: str) -> None:
    assert old in REQUEST

    got = ask(pki, insi, REQUEST.replace(old, new))

    assert (got.status, fault(got)) == (500, ("Sender", "siram_100", "siram_100"))


@pytest.mark.parametrize(
    "kind", ["text/xml; charset=utf-8", "application/soap+xml; charset=utf-8", KIND.replace("utf-8", "latin-1")]
)
def test_a_content_type_that_is_not_soap_1_2_is_refused(pki: Pki, insi: InsiDoors, kind: str) -> None:
    assert ask(pki, insi, kind=kind).status == 500


def test_an_unknown_software_and_a_wrong_certificate_have_their_own_codes(pki: Pki, insi: InsiDoors) -> None:
    unknown = ask(pki, insi, REQUEST.replace(f">{IDAM}<", ">AUTRE<"))
    wrong = ask(pki, insi, service="DMP")

    assert (unknown.status, fault(unknown)) == (500, ("Sender", "siram_100", "desir_550"))
    assert (wrong.status, fault(wrong)) == (500, ("Receiver", "", "desir_560"))


def test_a_certificate_that_may_not_call_ends_in_the_handshake(pki: Pki, insi: InsiDoors, tmp_path: Path) -> None:
    foreign = make_pki(tmp_path).client("INSI-MANU")
    for wrong in (pki.client("INSI-MANU", expired=True), pki.client("INSI-MANU", revoked=True), pki.sign(), foreign, None):
        with pytest.raises((urllib3.exceptions.SSLError, urllib3.exceptions.ProtocolError)):
            post(insi.status["url"], REQUEST.encode(), KIND, pki.context(wrong))

    reasons = [call["reason"] for call in control(insi.status["control"])["received"] if call["outcome"] == "tls_refused"]
    assert len(reasons) == 5
    assert ["expired" in reasons[0], "revoked" in reasons[1], "purpose" in reasons[2]] == [True, True, True]


def test_a_technical_fault_has_the_shape_of_the_real_one(pki: Pki, insi: InsiDoors) -> None:
    control(insi.status["control"], schedule={"search": ["insi_102"]})

    got = ask(pki, insi)

    assert (got.status, fault(got)) == (500, ("Receiver", "siram_40", "insi_102"))
    assert b'severite="fatal"' in got.body
    assert "ultérieurement".encode() in got.body
    assert b'xml:lang="en"' in got.body


def test_the_page_of_a_503_is_well_formed(pki: Pki, insi: InsiDoors) -> None:
    control(insi.status["control"], schedule={"search": ["http_503_html"]})

    got = ask(pki, insi)

    assert got.status == 503
    assert got.body.startswith(b"<?xml")


def test_another_folder_brings_its_own_people_and_a_result_can_be_injected(pki: Pki, insi: InsiDoors, tmp_path: Path) -> None:
    (tmp_path / "insi.csv").write_text(
        "birth_family;birth_given;birth_given_all;sex;birth_date;birth_place;number;key;oid;answers_to;outcome;history;leaves_out\n"
        "ADRTROIS;DOMINIQUE;DOMINIQUE;F;1997-02-26;2A020;297022A020778;78;1.2.250.1.213.1.4.8;;00;;LieuNaissance|Sexe\n"
    )
    control(insi.status["control"], identities=[str(tmp_path / "insi.csv")])
    control(insi.status["control"], schedule={"search": [{"fault": "result", "code": "02"}]})
    try:
        injected, alone = ask(pki, insi), ask(pki, insi)
        nobody = ask(pki, insi, REQUEST.replace("ADRTROIS", "ADRUN").replace("DOMINIQUE", "ZOE"))
    finally:
        control(insi.status["control"], identities=KNOWN)

    assert b"CodeCR>02<" in injected.body
    assert b"LieuNaissance" not in alone.body
    assert b"Sexe" not in alone.body
    assert b"CodeCR>01<" in nobody.body


def test_the_known_identities_are_twelve_and_each_can_be_found() -> None:
    people = load(KNOWN)

    assert len(people) == 12
    assert {person.outcome for person in people} == {"00", "01", "02"}
    assert [p.oid for p in people if p.oid.endswith(".9")] == ["1.2.250.1.213.1.4.9"]
    assert {p.number[5:7] for p in people} >= {"2A", "2B"}


@pytest.mark.parametrize(("module", "extra"), [("insi", {"idams": [IDAM]}), ("dmp", {}), ("crl", {})])
def test_a_service_runs_as_a_process(pki: Pki, tmp_path: Path, module: str, extra: dict[str, object]) -> None:
    config = {
        "status_file": str(tmp_path / "s"),
        "evidence": str(tmp_path / module),
        "tls": pki.files,
        "crl": pki.files["crl"],
        **extra,
    }
    (tmp_path / "c.json").write_text(json.dumps(config))

    with Children() as children:
        children.spawn(module, python(f"infra.local.services.{module}", "--config", str(tmp_path / "c.json")))
        until((tmp_path / "s").exists)
        status = json.loads((tmp_path / "s").read_text())
        if module == "crl":
            listed = urllib3.request("GET", status["url"])
            assert (listed.status, listed.data[:1]) == (200, b"0")
        else:
            assert control(status["control"])["received"] == []
            assert status["url"].startswith("https://127.0.0.1:")
