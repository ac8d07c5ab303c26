"""VIHF and lot signature: verified by a second implementation (libxmlsec), and refused when touched."""

from __future__ import annotations

import copy
import hashlib
from base64 import b64decode
from datetime import UTC, datetime
from typing import Any

import pytest
import xmlsec
from lxml import etree

from ris.adapters.dispatch.dmp.envelope import envelope
from ris.adapters.dispatch.dmp.settings import DmpSettings
from ris.adapters.dispatch.dmp.signature_document import DS, XAD, sign_submission
from ris.adapters.dispatch.dmp.vihf import signed_vihf
from ris.adapters.report.cda import build_cda
from tests.support.certificates import a_signer
from tests.support.frozen_reports import a_frozen_report

SETTINGS = DmpSettings("https://dmp.invalid/services", "RIS", "1", "HOMOL-1", "2.25.9")
NOW = datetime(2026, 11, 26, 9, 20, tzinfo=UTC)


def a_vihf() -> Any:
    """Return a signed assertion."""
    report, signer = a_frozen_report(), a_signer()
    assert report.identity is not None
    return signed_vihf(
        settings=SETTINGS, user=report.author, structure=report.structure, ins=report.identity.ins, logged_in_at=report.logged_in_at,
        now=NOW, assertion_id="_0f0f", key=signer.key, certificate=signer.certificate,
    )  # fmt: skip


def verify(signature: Any, *, id_attribute: str) -> None:
    """Verify one signature with libxmlsec and the test certificate; raise when it does not hold."""
    root = signature.getroottree().getroot()
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_memory(a_signer().pem, xmlsec.constants.KeyDataFormatCertPem)
    xmlsec.tree.add_ids(root, [id_attribute])
    context.verify(signature)


def test_libxmlsec_accepts_the_vihf_alone_and_in_its_envelope() -> None:
    alone = etree.fromstring(etree.tostring(a_vihf()))
    message = envelope(action="urn:a", to="https://dmp.invalid/x", message_id="urn:uuid:1", vihf=a_vihf(), body="<b/>")
    inside = etree.fromstring(message)

    for root in (alone, inside):
        verify(root.find(f".//{{{DS}}}Signature"), id_attribute="ID")


def test_a_changed_right_breaks_the_vihf() -> None:
    changed = etree.fromstring(etree.tostring(a_vihf()).replace(b"1990000017", b"1990000025"))

    with pytest.raises(xmlsec.Error):
        verify(changed.find(f".//{{{DS}}}Signature"), id_attribute="ID")


def test_the_signature_stands_right_after_the_issuer_with_two_transforms() -> None:
    root = etree.fromstring(etree.tostring(a_vihf()))

    assert ["Issuer", "Signature", "Subject"] == [etree.QName(child).localname for child in root[:3]]
    transforms = [t.get("Algorithm") for t in root.iter(f"{{{DS}}}Transform")]
    assert ["http://www.w3.org/2000/09/xmldsig#enveloped-signature", "http://www.w3.org/2001/10/xml-exc-c14n#"] == transforms


def test_the_twelve_attributes_stand_once_and_none_is_empty() -> None:
    attributes = etree.fromstring(etree.tostring(a_vihf())).findall(".//{*}Attribute")

    assert 12 == len(attributes) == len({a.get("Name") for a in attributes})
    assert all((value.text or len(value)) for a in attributes for value in a)


def a_signature(documents: dict[str, bytes] | None = None) -> bytes:
    """Return the signature document of one CDA."""
    signer = a_signer()
    return sign_submission(
        signature_id="2.25.31", submission_set_id="2.25.32", documents=documents or {"2.25.33": build_cda(a_frozen_report(), b"%PDF")},
        signed_at=NOW, key=signer.key, certificate=signer.certificate,
    )  # fmt: skip


def verify_lot(document: bytes) -> None:
    """Verify a lot signature: in a copy the manifest stands beside the signature, since libxmlsec would follow its references."""
    root = etree.fromstring(document)
    holder = next(o for o in root.findall(f"{{{DS}}}Object") if o.find(f"{{{DS}}}Manifest") is not None)
    wrapper = etree.Element("wrapper", nsmap=root.nsmap)
    signature = copy.deepcopy(root)
    signature.remove(next(o for o in signature.findall(f"{{{DS}}}Object") if o.find(f"{{{DS}}}Manifest") is not None))
    wrapper.append(copy.deepcopy(holder))
    wrapper.append(signature)
    parsed = etree.fromstring(etree.tostring(wrapper))
    verify(parsed.find(f"{{{DS}}}Signature"), id_attribute="Id")


def test_libxmlsec_accepts_the_lot_signature() -> None:
    verify_lot(a_signature())


@pytest.mark.parametrize("touched", [b"AA==", b"urn:oid:2.25.33", b"2026-11-26T09:20:00Z"])
def test_a_changed_manifest_or_property_breaks_the_lot_signature(touched: bytes) -> None:
    document = a_signature()
    assert document.count(touched) == 1

    with pytest.raises(xmlsec.Error):
        verify_lot(document.replace(touched, touched[:-1] + b"9"))


def test_the_manifest_digests_the_canonical_document() -> None:
    cda = build_cda(a_frozen_report(), b"%PDF")
    root = etree.fromstring(a_signature({"2.25.33": cda}))

    value = root.findtext(f".//{{{DS}}}Manifest/{{{DS}}}Reference[@URI='urn:oid:2.25.33']/{{{DS}}}DigestValue")

    canonical = etree.tostring(etree.fromstring(cda), method="c14n", with_comments=True)
    assert hashlib.sha256(canonical).digest() == b64decode(value or "")


def test_the_same_version_gives_the_same_signature() -> None:
    assert a_signature() == a_signature()


def test_the_certificate_named_is_the_one_in_the_key_info() -> None:
    root = etree.fromstring(a_signature())
    der = b64decode(root.findtext(f".//{{{DS}}}X509Certificate") or "")

    assert hashlib.sha256(der).digest() == b64decode(root.findtext(f".//{{{XAD}}}CertDigest/{{{XAD}}}DigestValue") or "")
    assert str(a_signer().certificate.serial_number) == root.findtext(f".//{{{DS}}}X509SerialNumber")
