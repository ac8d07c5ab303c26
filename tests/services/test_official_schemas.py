"""Messages of both sides against the official schemas, where these lie beside the repository."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from infra.local.services import dmp_feed, dmp_search, insi_answers, insi_rules
from infra.local.services.dmp_objects import RegistryError
from infra.local.services.insi import KNOWN
from infra.local.services.insi_people import load
from infra.local.services.soap import fault_envelope
from ris.adapters.dispatch.dmp.client import _provide_and_register
from ris.adapters.dispatch.dmp.queries import own_document_query
from ris.adapters.dispatch.dmp.settings import DmpSettings
from ris.adapters.dispatch.dmp.submission import Submission, submit_objects_request
from ris.adapters.dispatch.dmp.vihf import signed_vihf
from ris.adapters.identity.insi_soap import InsiSettings, search_request
from ris.application.identity.insi_port import InsiQuery
from tests.support.certificates import a_signer
from tests.support.frozen_reports import a_frozen_report

SCHEMAS = Path(__file__).resolve().parents[3] / "shared" / "schemas"
SOAP = "{http://www.w3.org/2003/05/soap-envelope}"
XOP = "{http://www.w3.org/2004/08/xop/include}Include"
DMP = DmpSettings("https://dmp.invalid/services", "RIS", "1", "HOMOL-1", "2.25.9")
NOW = datetime(2026, 11, 26, 9, 20, tzinfo=UTC)

pytestmark = pytest.mark.skipif(not SCHEMAS.is_dir(), reason="the official schemas are not beside the repository")


XML = "http://www.w3.org/XML/1998/namespace"
ENVELOPE = "http://www.w3.org/2003/05/soap-envelope"


@cache
def schema(path: str) -> Any:
    parser = etree.XMLParser(no_network=True)
    if path.startswith("xds/soap"):  # it looks for xml.xsd where it is not
        both = {XML: SCHEMAS / "xds/schema/xml.xsd", ENVELOPE: SCHEMAS / path}
        imports = "".join(f'<import namespace="{name}" schemaLocation="{file}"/>' for name, file in both.items())
        return etree.XMLSchema(etree.fromstring(f'<schema xmlns="http://www.w3.org/2001/XMLSchema">{imports}</schema>', parser))
    return etree.XMLSchema(etree.parse(str(SCHEMAS / path), parser))


def valid(path: str, node: Any) -> None:
    fresh = etree.fromstring(etree.tostring(node))
    schema(path).assertValid(fresh)


def insi_request() -> Any:
    settings = InsiSettings("https://insi.invalid", "DA67E1B1", "RIS", "1.0", str(uuid.uuid4()), "1990000017", {})
    query = InsiQuery("ADRTROIS", "DOMINIQUE", "F", "1997-02-26", "2A020")
    content = search_request(query, settings, message_id=str(uuid.uuid4()), context_ids=("1", "2"), now=NOW)
    return etree.fromstring(content)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("insi/xsd/CTX/ROOT_ctxbam_CTXBAM_V01_02.xsd", "{urn:siram:bam:ctxbam}ContexteBAM"),
        ("insi/xsd/CTX/ROOT_ctxlps_CTXLPS_V01_00.xsd", "{urn:siram:lps:ctxlps}ContexteLPS"),
        ("insi/xsd/ServiceIdentiteCertifiee/INSi_RECSANS_INS.xsd", "{http://www.cnamts.fr/INSiRecSans}RECSANSVITALE"),
    ],
)
def test_our_question_to_insi(path: str, name: str) -> None:
    valid(path, next(insi_request().iter(name)))


def test_our_envelopes() -> None:
    valid("xds/soap-1.2-envelope.xsd", insi_request())


@pytest.mark.parametrize("turn", range(len(insi_answers.PREFIXES)))
def test_the_simulators_answers(turn: int) -> None:
    for person in load(KNOWN):
        found = person if person.outcome == "00" else None
        content = insi_answers.answer(person.outcome, found, related="uuid:1", turn=turn)
        result = etree.fromstring(content).find(f"{SOAP}Body")[0]
        valid("insi/xsd/ServiceIdentiteCertifiee/INSi_RESULTAT_INS.xsd", result)


def test_the_simulators_faults() -> None:
    for code in ("desir_550", "desir_560", "insi_102"):
        root = etree.fromstring(fault_envelope(insi_rules.known_fault(code), related="uuid:1"))
        valid("xds/soap-1.2-envelope.xsd", root)
        error = next(root.iter("{urn:siram}Erreur"))
        # `fatal` is what an answer carries; the schema says `fatale`
        error.set("severite", error.get("severite").replace("fatal", "fatale"))
        valid("insi/xsd/schema_faultSOAP_V01_01.xsd", error)


@pytest.mark.parametrize("replaced", ["", "urn:uuid:00000000-0000-4000-8000-000000000000"])
def test_our_submission(replaced: str) -> None:
    submission = Submission(a_frozen_report(), b"<x/>", b"<y/>", replaced)
    parts = {"document01@ris": b"", "signature01@ris": b""}

    root = etree.fromstring(_provide_and_register(submit_objects_request(submission, DMP), parts))
    for include in list(root.iter(XOP)):
        include.getparent().text = "QUJD"
        include.getparent().remove(include)

    valid("xds/schema/IHE/IHEXDSB.xsd", root)


def test_our_question_to_the_registry_and_both_answers() -> None:
    valid("xds/schema/ebRS30/query.xsd", etree.fromstring(own_document_query("2.25.1")))
    refused = RegistryError("XDSRegistryError", "x")
    valid("xds/schema/ebRS30/query.xsd", etree.fromstring(dmp_search.failure(refused)))
    for body in (dmp_feed.success(), dmp_feed.failure(refused)):
        valid("xds/schema/ebRS30/rs.xsd", etree.fromstring(body))


def test_our_assertion() -> None:
    report, signer = a_frozen_report(), a_signer()
    assert report.identity is not None
    vihf = signed_vihf(
        settings=DMP, user=report.author, structure=report.structure, ins=report.identity.ins, logged_in_at=report.logged_in_at,
        now=NOW, assertion_id="_0f0f", key=signer.key, certificate=signer.certificate,
    )  # fmt: skip
    for node in vihf.iter("{urn:hl7-org:v3}*"):
        node.attrib.pop("{http://www.w3.org/2001/XMLSchema-instance}type", None)  # a type of HL7 that these schemas do not know

    valid("xds/saml/sstc-saml-schema-assertion-2.0.xsd", vihf)
