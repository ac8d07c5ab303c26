"""Wrapped signatures: a true assertion moved, copied or renamed so that another one is read. None of them may get in."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from infra.local.services.dmp import RECORDS, Dmp, DmpDoors
from infra.local.services.dmp_evidence import Received
from infra.local.services.recorder import Recorder
from infra.local.services.soap_door import Trust
from tests.support.dmp_messages import DS, SOAP, TD0_2, Draft, Message
from tests.support.national import Pki, make_pki, post

SAML = "urn:oasis:names:tc:SAML:2.0:assertion"
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
KIND = f'application/soap+xml; charset=UTF-8; action="{TD0_2}"'


class Envelope:
    """A true request, taken apart."""

    def __init__(self, content: bytes) -> None:
        self.root = etree.fromstring(content)
        self.header = self.root.find(f"{{{SOAP}}}Header")
        self.body = self.root.find(f"{{{SOAP}}}Body")
        self.security = self.header.find(f"{{{WSSE}}}Security")
        self.true = self.security[0]

    def evil(self, *, signed: bool = False, named: str = "_evil") -> Any:
        """Return a copy that says another user."""
        made = copy.deepcopy(self.true)
        made.set("ID", named)
        made.find(f".//{{{SAML}}}NameID").text = "899900099999"
        if not signed:
            made.remove(made.find(f"{{{DS}}}Signature"))
        return made

    def put(self, node: Any) -> None:
        """Put an assertion where the DMP looks, in the place of the true one."""
        if self.true.getparent() is self.security:
            self.security.remove(self.true)
        self.security.insert(0, node)


def evil_first(e: Envelope) -> None:
    e.security.insert(0, e.evil())


def evil_last(e: Envelope) -> None:
    e.security.append(e.evil())


def true_inside_evil(e: Envelope) -> None:
    evil = e.evil()
    e.put(evil)
    etree.SubElement(evil, f"{{{SAML}}}Advice").append(e.true)


def true_inside_the_evil_signature(e: Envelope) -> None:
    evil = e.evil(signed=True)
    e.put(evil)
    e.true.remove(e.true.find(f"{{{DS}}}Signature"))
    etree.SubElement(evil.find(f"{{{DS}}}Signature"), f"{{{DS}}}Object").append(e.true)


def true_in_the_header(e: Envelope) -> None:
    e.put(e.evil(signed=True))
    e.true.remove(e.true.find(f"{{{DS}}}Signature"))
    etree.SubElement(e.header, "wrapper").append(e.true)


def true_in_the_body(e: Envelope) -> None:
    e.put(e.evil(signed=True))
    etree.SubElement(e.body[0], "wrapper").append(e.true)


def same_id_twice(e: Envelope) -> None:
    e.put(e.evil(signed=True, named="_vihf"))
    etree.SubElement(e.header, "wrapper").append(e.true)


def same_id_under_another_name(e: Envelope) -> None:
    e.put(e.evil(signed=True, named="_vihf"))
    e.true.tag = f"{{{SAML}}}Statement"
    e.header.append(e.true)


def id_of_another_element(e: Envelope) -> None:
    other = etree.SubElement(e.header, "other")
    other.set("{http://www.w3.org/XML/1998/namespace}id", "_vihf")


def evil_of_another_namespace(e: Envelope) -> None:
    evil = e.evil()
    evil.tag = "{urn:oasis:names:tc:SAML:1.0:assertion}Assertion"
    e.security.insert(0, evil)


def second_security(e: Envelope) -> None:
    second = etree.Element(f"{{{WSSE}}}Security")
    second.append(e.evil())
    e.header.insert(0, second)


def reference_to_the_whole(e: Envelope) -> None:
    e.true.find(f".//{{{DS}}}Reference").set("URI", "")


def reference_to_another(e: Envelope) -> None:
    evil = e.evil(signed=True)
    e.put(evil)
    evil.find(f".//{{{DS}}}Reference").set("URI", "#_evil")


def signature_moved(e: Envelope) -> None:
    e.true.append(e.true.find(f"{{{DS}}}Signature"))


def signature_beside(e: Envelope) -> None:
    e.security.append(e.true.find(f"{{{DS}}}Signature"))


def two_signatures(e: Envelope) -> None:
    e.true.append(copy.deepcopy(e.true.find(f"{{{DS}}}Signature")))


def comment_in_a_value(e: Envelope) -> None:
    name = e.true.find(f".//{{{SAML}}}NameID")
    text = name.text
    name.text = text[:12]
    comment = etree.Comment("x")
    comment.tail = text[12:] or ""
    name.append(comment)


def no_signature(e: Envelope) -> None:
    e.true.remove(e.true.find(f"{{{DS}}}Signature"))


def no_assertion(e: Envelope) -> None:
    e.security.remove(e.true)


VECTORS: list[Callable[[Envelope], None]] = [
    evil_first, evil_last, true_inside_evil, true_inside_the_evil_signature, true_in_the_header, true_in_the_body, same_id_twice,
    same_id_under_another_name, id_of_another_element, evil_of_another_namespace, second_security, reference_to_the_whole,
    reference_to_another, signature_moved, signature_beside, two_signatures, comment_in_a_value, no_signature, no_assertion,
]  # fmt: skip


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return make_pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture(scope="module")
def dmp(pki: Pki, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DmpDoors]:
    folder: Path = tmp_path_factory.mktemp("dmp")
    received = Received(cda=folder / "cda", pdf=folder / "pdf")
    service = Dmp(recorder=Recorder(folder / "dmp"), received=received, ca=pki.files["ca"], crl=pki.files["crl"], records=RECORDS)
    doors = DmpDoors(service, Trust(**pki.files))
    yield doors
    doors.close()


def send(pki: Pki, dmp: DmpDoors, content: bytes) -> tuple[int, bytes]:
    got = post(dmp.status["url"] + "/patients", content, KIND, pki.context(pki.client()))
    return got.status, got.body


def a_message(pki: Pki, dmp: DmpDoors) -> Message:
    return Draft(pki.sign(), dmp.status["url"]).existence()


def test_a_true_assertion_serialised_again_still_gets_in(pki: Pki, dmp: DmpDoors) -> None:
    status, body = send(pki, dmp, etree.tostring(Envelope(a_message(pki, dmp).body).root))

    assert status == 200, body


@pytest.mark.parametrize("vector", VECTORS, ids=[vector.__name__ for vector in VECTORS])
def test_a_wrapped_assertion_never_gets_in(pki: Pki, dmp: DmpDoors, vector: Callable[[Envelope], None]) -> None:
    taken_apart = Envelope(a_message(pki, dmp).body)
    vector(taken_apart)

    status, body = send(pki, dmp, etree.tostring(taken_apart.root))

    assert status == 500
    assert b"Fault" in body


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('<d:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/></d:Transforms>', "</d:Transforms>"),
        ("2001/04/xmldsig-more#rsa-sha256", "2000/09/xmldsig#rsa-sha1"),
        ("2001/04/xmlenc#sha256", "2000/09/xmldsig#sha1"),
    ],
)
def test_a_signature_of_another_kind_is_refused_though_it_is_true(pki: Pki, dmp: DmpDoors, old: str, new: str) -> None:
    message = Draft(pki.sign(), dmp.status["url"], [("vihf", old, new)]).existence()

    assert send(pki, dmp, message.body)[0] == 500
