"""The VIHF as the DMP takes it: one assertion, signed over itself and nothing else, by the structure it names.

Everything is read from the very element that the signature's only reference names; an assertion that was moved, copied, renamed or
put beside another one is refused before libxmlsec is asked.

Texts and codes are those seen in public; a rule without a public text has one of ours, Code `soap:Sender`, no Subcode.

Source: ANS, mapping VIHF; DMP integration guide, indirect authentication.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.x509.oid import NameOID
from lxml import etree

from infra.local.services.dmp_trust import (
    DS,
    ENVELOPED,
    EXCLUSIVE,
    RSA_SHA1,
    RSA_SHA256,
    SHA1,
    SHA256,
    SigningTrust,
    key_info_certificate,
    same_name,
    verify,
)
from infra.local.services.soap import WSSE, Fault
from infra.local.services.soap_door import subject_part

SAML = "urn:oasis:names:tc:SAML:2.0:assertion"
HL7 = "urn:hl7-org:v3"
XSI_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
X509_NAME = "urn:oasis:names:tc:SAML:1.1:nameid-format:X509SubjectName"
ROLE = "urn:oasis:names:tc:xacml:2.0:subject:role"
PURPOSE = "urn:oasis:names:tc:xspa:1.0:subject:purposeofuse"
RESOURCE = "urn:oasis:names:tc:xacml:2.0:resource:resource-id"
SUBJECT = "urn:oasis:names:tc:xspa:1.0:subject:subject-id"
TWELVE = frozenset(
    {
        "VIHF_Version", "Authentification_Mode", "Identifiant_Structure", "Secteur_Activite", SUBJECT, ROLE, RESOURCE,
        "Ressource_URN", PURPOSE, "LPS_Nom", "LPS_Version", "LPS_ID_HOMOLOGATION_DMP",
    }
)  # fmt: skip
OPTIONAL = frozenset({"LPS_ID", "urn:oasis:names:tc:xspa:1.0:resource:patient:hl7:confidentiality-code"})
CONTEXT_CLASSES = frozenset(
    f"urn:oasis:names:tc:SAML:2.0:ac:classes:{name}" for name in ("SmartcardPKI", "Password", "TLSClient", "unspecified")
)
PATIENT = re.compile(r"\d{6}[0-9A-Z]\d{8}\^\^\^&[0-9.]+&ISO\^NH")


@dataclass(frozen=True)
class VihfRules:
    """What the platform asks of a VIHF.

    Args:
        maximum_age_s: How old IssueInstant may be, or how far ahead, in seconds.
        versions: VIHF_Version accepted.
        sha1: Accept RSA-SHA1 with SHA-1 as the older samples.
    """

    trust: SigningTrust
    maximum_age_s: float = 300.0
    versions: frozenset[str] = frozenset({"3.0", "4.0"})
    sha1: bool = False


@dataclass(frozen=True)
class Vihf:
    """What a believed assertion says.

    Args:
        patient: CX of the resource-id.
        structure: Struct_IdNat, equal to the OU of both certificates.
        user: PS_IdNat of the NameID.
    """

    patient: str
    structure: str
    user: str
    assertion_id: str


def believe(root: Any, header: Any, *, structure: str, rules: VihfRules, now: datetime) -> Vihf:
    """Return what the assertion of an envelope says.

    Args:
        structure: OU of the TLS client certificate.

    Raises:
        Fault: Why it is not believed.
    """
    assertion = _the_assertion(root, header)
    certificate = _signed_by(assertion, rules, now)
    _check_times(assertion, rules, now)
    _must(_text(assertion, "Issuer") != "", "Issuer absent du VIHF")
    issuer = assertion.find(f"{{{SAML}}}Issuer")
    _must(issuer.get("Format") == X509_NAME, "Le format de l'Issuer n'est pas X509SubjectName")
    _must(same_name(_text(assertion, "Issuer"), certificate), "L'Issuer n'est pas le sujet du certificat de signature")
    user = _text(assertion, f"Subject/{{{SAML}}}NameID")
    _must(re.fullmatch(r"8\d{11}", user) is not None, "NameID n'est pas l'identifiant national d'un professionnel")
    values = _attributes(assertion)
    _check_values(values, rules)
    named = values["Identifiant_Structure"]
    _must(named == structure == subject_part(certificate, NameOID.ORGANIZATIONAL_UNIT_NAME), "Structure introuvable ou Inactive")
    return Vihf(values[RESOURCE], named, user, assertion.get("ID"))


def _the_assertion(root: Any, header: Any) -> Any:
    """Return the only assertion, where it belongs."""
    security = header.findall(f"{{{WSSE}}}Security")
    _must(len(security) == 1, "Exactement un wsse:Security est attendu")
    inside = [node for node in security[0] if isinstance(node.tag, str)]
    everywhere = [node for node in root.iter() if isinstance(node.tag, str) and node.tag.endswith("}Assertion")]
    _must(len(inside) == 1 and everywhere == inside, "Exactement une assertion est attendue, dans wsse:Security")
    assertion = inside[0]
    _must(assertion.tag == f"{{{SAML}}}Assertion" and assertion.get("Version") == "2.0", "Une assertion SAML 2.0 est attendue")
    named = assertion.get("ID") or ""
    _must(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]*", named) is not None, "L'assertion n'a pas d'ID")
    same = [
        node
        for node in root.iter()
        if isinstance(node.tag, str)
        and any(etree.QName(name).localname.lower() == "id" and value == named for name, value in node.attrib.items())
    ]
    _must(same == [assertion], "L'ID de l'assertion n'est pas unique dans le message")
    # the canonical form has no comments: one put into a value after the signature would cut what is read here
    plain = all(isinstance(node.tag, str) for node in assertion.iter())
    _must(plain, "L'assertion contient un commentaire ou une instruction")
    return assertion


def _signed_by(assertion: Any, rules: VihfRules, now: datetime) -> x509.Certificate:
    """Return the certificate whose key signed this element."""
    children = [node for node in assertion if isinstance(node.tag, str)]
    signatures = list(assertion.iter(f"{{{DS}}}Signature"))
    _must(
        len(signatures) == 1 and len(children) > 1 and children[1] is signatures[0],
        "Le VIHF n'est pas signé, ou pas juste après Issuer",
    )
    signature = signatures[0]
    _check_shape(signature, assertion.get("ID"), rules)
    certificate = key_info_certificate(signature)
    rules.trust.check(certificate, now=now)
    _must(verify(signature, [assertion], "ID", certificate), "La signature du VIHF n'est pas valide")
    return certificate


def _check_shape(signature: Any, assertion_id: str, rules: VihfRules) -> None:
    """Check that the signature covers this assertion, by the two transforms that are allowed and nothing else."""
    references = list(signature.iter(f"{{{DS}}}Reference"))
    _must(len(references) == 1 and references[0].get("URI") == f"#{assertion_id}", "La signature ne porte pas sur l'assertion")
    transforms = [node.get("Algorithm") for node in references[0].iter(f"{{{DS}}}Transform")]
    _must(transforms == [ENVELOPED, EXCLUSIVE], "Les transformations sont enveloped puis exc-c14n, et rien d'autre")
    _must(
        not list(signature.iter(f"{{{DS}}}Object")) and not list(signature.iter(f"{{{DS}}}XPath")),
        "Objet inattendu dans la signature",
    )

    def algorithm(name: str) -> str:
        found = list(signature.iter(f"{{{DS}}}{name}"))
        return str(found[0].get("Algorithm")) if len(found) == 1 else ""

    _must(algorithm("CanonicalizationMethod") == EXCLUSIVE, "La canonicalisation est exc-c14n")
    pairs = {(RSA_SHA256, SHA256)} | ({(RSA_SHA1, SHA1)} if rules.sha1 else set())
    _must((algorithm("SignatureMethod"), algorithm("DigestMethod")) in pairs, "Algorithme de signature refusé")


def _check_times(assertion: Any, rules: VihfRules, now: datetime) -> None:
    """Check IssueInstant, AuthnInstant and the conditions that are there."""
    issued = _instant(assertion.get("IssueInstant"))
    _must(abs(now - issued) <= timedelta(seconds=rules.maximum_age_s), "IssueInstant trop ancien ou dans le futur")
    statements = assertion.findall(f"{{{SAML}}}AuthnStatement")
    _must(len(statements) == 1, "Exactement un AuthnStatement est attendu")
    _must(_instant(statements[0].get("AuthnInstant")) <= issued, "AuthnInstant est après IssueInstant")
    _must(_text(statements[0], f"AuthnContext/{{{SAML}}}AuthnContextClassRef") in CONTEXT_CLASSES, "AuthnContextClassRef inconnu")
    _must(not list(assertion.iter(f"{{{SAML}}}AudienceRestriction")), "AudienceRestriction est interdit")
    for condition in assertion.findall(f"{{{SAML}}}Conditions"):
        begin, end = condition.get("NotBefore"), condition.get("NotOnOrAfter")
        _must(not begin or _instant(begin) <= now, "Le VIHF n'est pas encore valide")
        _must(not end or now < _instant(end), "Le VIHF n'est plus valide")


def _attributes(assertion: Any) -> dict[str, str]:
    """Return the text of each attribute; those with an element inside are checked here and read as its code."""
    values: dict[str, str] = {}
    for attribute in assertion.findall(f"{{{SAML}}}AttributeStatement/{{{SAML}}}Attribute"):
        name = str(attribute.get("Name"))
        name = "Authentification_Mode" if name == "Authentification_mode" else name
        _must(name in TWELVE | OPTIONAL and name not in values, f"Attribut inattendu ou répété dans le VIHF : {name}")
        contents = attribute.findall(f"{{{SAML}}}AttributeValue")
        if name == ROLE:
            values[name] = _roles(contents)
            continue
        _must(len(contents) == 1, f"Attribut du VIHF sans valeur unique : {name}")
        values[name] = _purpose(contents[0]) if name == PURPOSE else str(contents[0].text or "").strip()
        _must(bool(values[name]), f"Attribut du VIHF vide : {name}")
    missing = sorted(TWELVE - set(values))
    _must(not missing, f"Attribut absent du VIHF : {', '.join(missing)}")
    return values


def _roles(values: list[Any]) -> str:
    """Return the profession; a doctor or a pharmacist also says a speciality."""
    roles = [value.findall(f"{{{HL7}}}Role") for value in values]
    _must(bool(values) and all(len(found) == 1 for found in roles), "Chaque valeur de role tient un Role")
    codes = []
    for (role,) in roles:
        _must(
            all(role.get(name) for name in ("code", "codeSystem", "displayName")) and role.get(XSI_TYPE) == "CE",
            'Un Role a code, codeSystem, displayName et xsi:type="CE"',
        )
        codes.append((role.get("code"), role.get("codeSystem")))
    if codes[0][0] in {"10", "21"} and codes[0][1] == "1.2.250.1.71.1.2.7":
        _must(len(codes) == 2 and codes[1][1] == "1.2.250.1.71.4.2.5", "Aucune spécialité dans le vihf")
    return str(codes[0][0])


def _purpose(value: Any) -> str:
    found = value.findall(f"{{{HL7}}}PurposeOfUse")
    _must(len(found) == 1 and found[0].get("codeSystem") == "1.2.250.1.213.1.1.4.248", "PurposeOfUse absent ou mal codé")
    return str(found[0].get("code") or "")


def _check_values(values: dict[str, str], rules: VihfRules) -> None:
    """Check what the attributes say, in indirect mode."""
    _must(values["VIHF_Version"] in rules.versions, "VIHF_Version inconnue")
    if values["Authentification_Mode"] != "INDIRECTE":
        raise Fault(
            "Sender", "Mode d'authentification refusé avec un certificat de structure", "soap:DMPAccessDeniedByRightsService"
        )
    _must(re.fullmatch(r"SA\d\d\^1\.2\.250\.1\.71\.4\.2\.4", values["Secteur_Activite"]) is not None, "Secteur_Activite mal formé")
    _must(values["Ressource_URN"] == "urn:dmp", "Ressource_URN n'est pas urn:dmp")
    _must(values[PURPOSE] == "normal", "PurposeOfUse refusé avec un certificat de structure")
    _must(PATIENT.fullmatch(values[RESOURCE]) is not None, "resource-id n'est pas un INS")


def _instant(text: str | None) -> datetime:
    try:
        found = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    except ValueError:
        raise Fault("Sender", "Instant illisible dans le VIHF") from None
    _must(found.tzinfo is not None, "Instant sans fuseau dans le VIHF")
    return found


def _text(node: Any, path: str) -> str:
    return str(node.findtext(f"{{{SAML}}}{path}") or "").strip()


def _must(holds: bool, reason: str) -> None:
    if not holds:
        raise Fault("Sender", reason)
