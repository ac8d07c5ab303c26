"""The VIHF: who calls the DMP, for whom and with which right, as a signed SAML 2.0 assertion; one per SOAP call.

Source: ANS, Referentiel d'identification et mapping VIHF; DMP integration guide (indirect authentication by structure certificate).
"""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from ris.adapters.dispatch.dmp.settings import DmpSettings
from ris.domain.identity.ins import Ins
from ris.domain.report.frozen import Professional, Structure

SAML = "urn:oasis:names:tc:SAML:2.0:assertion"
_DS = "http://www.w3.org/2000/09/xmldsig#"
_X509_NAME = "urn:oasis:names:tc:SAML:1.1:nameid-format:X509SubjectName"


def subject_name(certificate: x509.Certificate) -> str:
    """Return the subject in RFC 2253 style, leaf first, with ST for the département."""
    names = {"C": "C", "ST": "ST", "O": "O", "OU": "OU", "CN": "CN"}
    attributes = [
        f"{names.get(a.rfc4514_attribute_name, a.rfc4514_attribute_name)}={a.value!s}" for a in reversed(list(certificate.subject))
    ]
    return ", ".join(attributes)


def patient_id(ins: Ins) -> str:
    """Return the patient's identifier as XDS and VIHF write it (CX)."""
    return f"{ins.matricule}^^^&{ins.oid}&ISO^NH"


def signed_vihf(
    *,
    settings: DmpSettings,
    user: Professional,
    structure: Structure,
    ins: Ins,
    logged_in_at: datetime,
    now: datetime,
    assertion_id: str,
    key: rsa.RSAPrivateKey,
    certificate: x509.Certificate,
) -> Any:
    """Return the signed assertion as an element.

    Args:
        user: Who is responsible: NameID is `8` and the RPPS.
        structure: Its Struct_IdNat is the certificate's OU and an author's institution of the documents.
        logged_in_at: When the user logged in, kept in the frozen content.
        now: Instant of the call.
        assertion_id: XML id, starts with `_`.
        key: SIGN key; `certificate` its certificate.
    """
    from lxml import etree
    from signxml.algorithms import CanonicalizationMethod, DigestAlgorithm, SignatureConstructionMethod, SignatureMethod
    from signxml.signer import XMLSigner

    parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_blank_text=True)
    unsigned = etree.fromstring(
        _assertion(
            settings=settings,
            user=user,
            structure=structure,
            ins=ins,
            logged_in_at=logged_in_at,
            now=now,
            assertion_id=assertion_id,
            issuer=subject_name(certificate),
        ).encode(),
        parser,
    )
    signer = XMLSigner(
        method=SignatureConstructionMethod.enveloped,
        signature_algorithm=SignatureMethod.RSA_SHA256,
        digest_algorithm=DigestAlgorithm.SHA256,
        c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
    return signer.sign(unsigned, key=key, cert=pem, reference_uri=assertion_id, id_attribute="ID")


def _assertion(
    *,
    settings: DmpSettings,
    user: Professional,
    structure: Structure,
    ins: Ins,
    logged_in_at: datetime,
    now: datetime,
    assertion_id: str,
    issuer: str,
) -> str:
    """Return the assertion before its signature, with the place of the signature marked."""
    roles = _role(user.profession_code, "1.2.250.1.71.1.2.7", "G15", "Médecin")
    if user.speciality_code:
        roles += _role(user.speciality_code, "1.2.250.1.71.4.2.5", "R01", user.speciality_label)
    purpose = (
        '<PurposeOfUse xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CE" code="normal"'
        ' codeSystem="1.2.250.1.213.1.1.4.248" codeSystemName="mode acces VIHF 2.0" displayName="Accès normal"/>'
    )
    attributes = "".join(
        (
            _attribute("VIHF_Version", settings.vihf_version),
            _attribute(settings.mode_attribute, "INDIRECTE"),
            _attribute("Identifiant_Structure", structure.struct_idnat),
            _attribute("Secteur_Activite", f"{structure.sector_code}^1.2.250.1.71.4.2.4"),
            _attribute("urn:oasis:names:tc:xspa:1.0:subject:subject-id", f"{user.family} {user.given}"),
            f'<saml2:Attribute Name="urn:oasis:names:tc:xacml:2.0:subject:role">{roles}</saml2:Attribute>',
            _attribute("urn:oasis:names:tc:xacml:2.0:resource:resource-id", patient_id(ins)),
            _attribute("Ressource_URN", "urn:dmp"),
            '<saml2:Attribute Name="urn:oasis:names:tc:xspa:1.0:subject:purposeofuse">'
            f"<saml2:AttributeValue>{purpose}</saml2:AttributeValue></saml2:Attribute>",
            _attribute("LPS_Nom", settings.lps_name),
            _attribute("LPS_Version", settings.lps_version),
            _attribute("LPS_ID_HOMOLOGATION_DMP", settings.lps_homologation),
        )
    )
    return (
        f'<saml2:Assertion xmlns:saml2="{SAML}" ID="{assertion_id}" IssueInstant="{_utc(now)}" Version="2.0">'
        f'<saml2:Issuer Format="{_X509_NAME}">{escape(issuer)}</saml2:Issuer>'
        f'<ds:Signature xmlns:ds="{_DS}" Id="placeholder"/>'
        f"<saml2:Subject><saml2:NameID>8{user.rpps}</saml2:NameID></saml2:Subject>"
        f'<saml2:AuthnStatement AuthnInstant="{_utc(logged_in_at)}"><saml2:AuthnContext><saml2:AuthnContextClassRef>'
        f"{settings.authn_context}</saml2:AuthnContextClassRef></saml2:AuthnContext></saml2:AuthnStatement>"
        f"<saml2:AttributeStatement>{attributes}</saml2:AttributeStatement></saml2:Assertion>"
    )


def _attribute(name: str, value: str) -> str:
    """Return one attribute with one value."""
    return f'<saml2:Attribute Name="{name}"><saml2:AttributeValue>{escape(value)}</saml2:AttributeValue></saml2:Attribute>'


def _role(code: str, system: str, system_name: str, label: str) -> str:
    """Return one value of the role attribute."""
    return (
        '<saml2:AttributeValue><Role xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CE"'
        f' code="{code}" codeSystem="{system}" codeSystemName="{system_name}" displayName="{escape(label)}"/></saml2:AttributeValue>'
    )


def _utc(instant: datetime) -> str:
    """Return xsd:dateTime in UTC with milliseconds."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{instant.microsecond // 1000:03d}Z"
