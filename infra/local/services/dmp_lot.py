"""The signature of a submission, verified: libxmlsec over a copy, and the digests of the documents by ourselves.

libxmlsec would follow the `urn:oid:` references of the manifest, so in a copy the object that holds it stands beside the signature,
under a wrapper with the same namespaces. Objects may come in any order, and `Id` need not be an NCName.

Source: IHE ITI TF-3 §5.5 (DSG); DMP integration guide, TD2.1.
"""

from __future__ import annotations

import copy
import hashlib
from base64 import b64decode, b64encode
from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from infra.local.services.dmp_objects import must
from infra.local.services.dmp_trust import DS, RSA_SHA1, RSA_SHA256, SHA1, SHA256, SigningTrust, key_info_certificate, verify

XAD = "http://uri.etsi.org/01903/v1.1.1#"
C14N = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments"
PURPOSE = "1.2.840.10065.1.12.1.14"
ERROR = "XDSRepositoryError"
HASHES = {SHA256: "sha256", SHA1: "sha1"}


def check(
    document: bytes, *, documents: dict[str, bytes], set_id: str, trust: SigningTrust, now: datetime, sha1: bool
) -> x509.Certificate:
    """Return the certificate of a signature that holds.

    Args:
        documents: Bytes by uniqueId, every document but the signature.
        set_id: uniqueId of the submission set.

    Raises:
        RegistryError: What does not hold.
        Fault: `DMPInvalidCertificate`.
    """
    root = _parsed(document)
    must(root.tag == f"{{{DS}}}Signature" and bool(root.get("Id")), "signature: the root is a ds:Signature with an Id", ERROR)
    manifest, signed_properties = _once(root, f"{{{DS}}}Manifest"), _once(root, f"{{{XAD}}}SignedProperties")
    _check_signed_info(root, sha1=sha1)
    certificate = key_info_certificate(root)
    trust.check(certificate, now=now)
    must(_holds(root, certificate), "signature: libxmlsec refuses it", ERROR)
    _check_manifest(manifest, documents, set_id, sha1=sha1)
    _check_properties(root, signed_properties, certificate)
    return certificate


def _check_signed_info(root: Any, *, sha1: bool) -> None:
    """Check that manifest and signed properties are what is signed, by which algorithms."""
    info = _once(root, f"{{{DS}}}SignedInfo")
    references = {reference.get("URI"): reference for reference in info.findall(f"{{{DS}}}Reference")}
    must(
        set(references) == {"#IHEManifest", "#S0-SignedProperties"},
        "signature: manifest and signed properties are signed, nothing else",
        ERROR,
    )
    must(
        references["#IHEManifest"].get("Type") == f"{DS}Manifest"
        and references["#S0-SignedProperties"].get("Type") == f"{XAD}SignedProperties",
        "signature: a reference has another Type",
        ERROR,
    )
    must(_algorithm(info, "CanonicalizationMethod") == C14N, "signature: canonicalisation is c14n with comments", ERROR)
    must(_algorithm(info, "SignatureMethod") in {RSA_SHA256, *([RSA_SHA1] if sha1 else [])}, "signature: algorithm refused", ERROR)
    for reference in references.values():
        _hash_name(reference, sha1=sha1)


def _holds(root: Any, certificate: x509.Certificate) -> bool:
    """Verify a copy in which the manifest's object stands beside the signature."""
    objects = [node for node in root.findall(f"{{{DS}}}Object") if node.find(f"{{{DS}}}Manifest") is not None]
    if len(objects) != 1:
        return False
    signature = copy.deepcopy(root)
    for node in signature.findall(f"{{{DS}}}Object"):
        if node.find(f"{{{DS}}}Manifest") is not None:
            signature.remove(node)
    wrapper = etree.Element("wrapper", nsmap=root.nsmap)
    wrapper.append(copy.deepcopy(objects[0]))
    wrapper.append(signature)
    moved = _parsed(etree.tostring(wrapper))
    named = [_once(moved, f"{{{DS}}}Manifest"), _once(moved, f"{{{XAD}}}SignedProperties")]
    return verify(moved.find(f"{{{DS}}}Signature"), named, "Id", certificate)


def _check_manifest(manifest: Any, documents: dict[str, bytes], set_id: str, *, sha1: bool) -> None:
    """Check that the manifest holds the set and every document, with their digests, and nothing else."""
    must(manifest.get("Id") == "IHEManifest", "signature: the manifest has another Id", ERROR)
    references = manifest.findall(f"{{{DS}}}Reference")
    expected = {f"urn:oid:{name}" for name in (set_id, *documents)}
    must(
        {reference.get("URI") for reference in references} == expected and len(references) == len(expected),
        "signature: the manifest holds the set and every document, once",
        ERROR,
    )
    for reference in references:
        named = str(reference.get("URI")).removeprefix("urn:oid:")
        said = str(reference.findtext(f"{{{DS}}}DigestValue") or "").strip()
        if named == set_id:
            must(said == "AA==", "signature: the digest of the set is AA==", ERROR)
            continue
        content = documents[named]
        transforms = [node.get("Algorithm") for node in reference.iter(f"{{{DS}}}Transform")]
        must(transforms in ([], [C14N]), "signature: unexpected transform of a document", ERROR)
        octets = etree.tostring(_parsed(content), method="c14n", with_comments=True) if transforms else content
        computed = hashlib.new(_hash_name(reference, sha1=sha1), octets).digest()
        must(_decoded(said) == computed, f"signature: the digest of {named} is not that of the document received", ERROR)


def _check_properties(root: Any, properties: Any, certificate: x509.Certificate) -> None:
    """Check purpose, target, signing time and that the certificate named is the one in KeyInfo."""
    target = f"#{root.get('Id')}"
    purpose = _once(root, f"{{{DS}}}SignatureProperty")
    must(
        purpose.get("Target") == target and "".join(purpose.itertext()).strip() == PURPOSE,
        "signature: purpose or its Target",
        ERROR,
    )
    must(_once(root, f"{{{XAD}}}QualifyingProperties").get("Target") == target, "signature: Target of the properties", ERROR)
    must(properties.get("Id") == "S0-SignedProperties", "signature: the signed properties have another Id", ERROR)
    must(bool(_once(properties, f"{{{XAD}}}SigningTime").text), "signature: no signing time", ERROR)
    _once(properties, f"{{{XAD}}}SignaturePolicyImplied")
    _once(properties, f"{{{XAD}}}SignedDataObjectProperties")
    certs = list(properties.iter(f"{{{XAD}}}Cert"))
    must(bool(certs), "signature: no certificate is named", ERROR)
    digest = _once(certs[0], f"{{{XAD}}}CertDigest")
    method = str(_once(digest, f"{{{XAD}}}DigestMethod").get("Algorithm"))
    der = certificate.public_bytes(Encoding.DER)
    value = str(digest.findtext(f"{{{XAD}}}DigestValue") or "").strip()
    expected = b64encode(hashlib.new(HASHES[method], der).digest()).decode() if method in HASHES else ""
    must(value == expected, "signature: the certificate named is not the one of KeyInfo", ERROR)
    serial = _once(certs[0], f"{{{DS}}}X509SerialNumber")
    must(
        str(serial.text).strip() == str(certificate.serial_number),
        "signature: the serial number is not that of the certificate",
        ERROR,
    )


def _hash_name(reference: Any, *, sha1: bool) -> str:
    named = _algorithm(reference, "DigestMethod")
    must(named == SHA256 or (sha1 and named == SHA1), "signature: digest algorithm refused", ERROR)
    return HASHES[named]


def _algorithm(node: Any, name: str) -> str:
    found = node.findall(f"{{{DS}}}{name}")
    return str(found[0].get("Algorithm")) if len(found) == 1 else ""


def _once(root: Any, tag: str) -> Any:
    found = list(root.iter(tag))
    must(len(found) == 1, f"signature: {etree.QName(tag).localname} is expected once", ERROR)
    return found[0]


def _decoded(text: str) -> bytes:
    try:
        return b64decode("".join(text.split()), validate=True)
    except ValueError:
        return b""


def _parsed(content: bytes) -> Any:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True)
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError:
        must(False, "a document is not well-formed XML", ERROR)
    must(not root.getroottree().docinfo.doctype, "a document has a DTD", ERROR)
    return root
