"""Requests to the DMP written a second time, by hand, without the product: what its simulator must take, and what it must refuse.

Every text is a template; a change `(stage, old, new)` is made where a mistake would be made: before or after the signature of
that stage, so that a test can spoil one thing and leave everything else whole.

Stages: `cda`, `lot` (before it is signed), `lot_signed`, `metadata`, `vihf` (before it is signed), `vihf_signed`, `envelope`, `mime`, `kind`.
"""

from __future__ import annotations

import hashlib
import itertools
import uuid
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache

import pikepdf
import xmlsec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from infra.local.demo.pki import Credential
from tests.support.national import STRUCTURE

Change = tuple[str, str, str]
BASE = "/si-dmp-server/v2/services"
ITI_41 = "urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-b"
ITI_18 = "urn:ihe:iti:2007:RegistryStoredQuery"
TD0_2 = "urn:hl7-org:v3:PRPA_IN201307UV02"
INS, INS_OID = "275126322074974", "1.2.250.1.213.1.4.10"
PATIENT = f"{INS}^^^&{INS_OID}&ISO^NH"
PERSON = "899900012345^RAYON^CLAIRE^^^^^^&1.2.250.1.71.4.2.1&ISO^D^^^IDNPS"
C14N = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments"
DS = "http://www.w3.org/2000/09/xmldsig#"
XAD = "http://uri.etsi.org/01903/v1.1.1#"
SOAP = "http://www.w3.org/2003/05/soap-envelope"
WSA = "http://www.w3.org/2005/08/addressing"
_NUMBERS = itertools.count(1000)


@dataclass
class Message:
    """A request ready to be sent."""

    body: bytes
    kind: str
    envelope: bytes = b""


@dataclass
class Draft:
    """What a message is made of, and what is done wrong.

    Args:
        sign: SIGN credential of the VIHF; `lot` that of the lot signature, the same when None.
    """

    sign: Credential
    url: str
    changes: Sequence[Change] = ()
    lot: Credential | None = None
    structure: str = STRUCTURE
    number: int = field(default_factory=lambda: next(_NUMBERS))
    version: int = 1

    @property
    def document_id(self) -> str:
        return f"2.25.{self.number}1"

    @property
    def set_id(self) -> str:
        return f"2.25.{self.number}2"

    @property
    def signature_id(self) -> str:
        return f"2.25.{self.number}3"

    def changed(self, stage: str, text: str) -> str:
        """Apply the changes of a stage; each must find its place."""
        for where, old, new in self.changes:
            if where == stage:
                assert old in text, f"{old!r} stands nowhere in {stage}"
                text = text.replace(old, new)
        return text

    def existence(self) -> Message:
        return self.plain(TD0_2, "/patients", existence_body())

    def search(self, value: str = "") -> Message:
        return self.plain(ITI_18, "/registry", search_body(value or f"('{self.document_id}')"))

    def plain(self, action: str, path: str, body: str) -> Message:
        """Return a request of one envelope."""
        content = self.envelope(action, path, self.changed("body", body))
        return Message(content, self.changed("kind", f'application/soap+xml; charset=UTF-8; action="{action}"'), content)

    def feed(self, *, replaces: str = "", shape: str = "drim") -> Message:
        """Return ITI-41 in parts."""
        cda = self.changed("cda", cda_text(self)).encode()
        lot = self.changed("lot_signed", signed_lot(self, cda, shape=shape)).encode()
        metadata = self.changed("metadata", metadata_text(self, cda, lot, replaces=replaces))
        envelope = self.envelope(ITI_41, "/repository", metadata)
        body, kind = mime(envelope, {"doc@x": cda, "sig@x": lot})
        body = self.changed("mime", body.decode("latin-1")).encode("latin-1")
        return Message(body, self.changed("kind", kind), envelope)

    def envelope(self, action: str, path: str, body: str) -> bytes:
        text = (
            f'<s:Envelope xmlns:s="{SOAP}" xmlns:a="{WSA}"><s:Header><a:Action s:mustUnderstand="1">{action}</a:Action>'
            f"<a:MessageID>urn:uuid:{uuid.uuid4()}</a:MessageID>"
            f'<a:ReplyTo s:mustUnderstand="1"><a:Address>{WSA}/anonymous</a:Address></a:ReplyTo><a:To>{self.url}{path}</a:To>'
            '<o:Security xmlns:o="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd">'
            f"{self.changed('vihf_signed', self.vihf())}</o:Security></s:Header><s:Body>{body}</s:Body></s:Envelope>"
        )
        return self.changed("envelope", text).encode()

    def vihf(self) -> str:
        """Return a signed assertion, made by libxmlsec."""
        root = etree.fromstring(self.changed("vihf", vihf_text(self)))
        context = xmlsec.SignatureContext()
        context.key = xmlsec.Key.from_memory(self.sign.key_pem(), xmlsec.constants.KeyDataFormatPem)
        signature = root.find(f"{{{DS}}}Signature")
        if signature is None:
            return etree.tostring(root, encoding="unicode")
        context.register_id(root, "ID")
        context.sign(signature)
        return etree.tostring(root, encoding="unicode")


def existence_body() -> str:
    return (
        '<PRPA_IN201307UV02 xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" ITSVersion="XML_1.0">'
        '<id root="2.25.1" extension="m"/><creationTime value="20261126100000"/>'
        '<interactionId root="2.16.840.1.113883.1.6" extension="PRPA_IN201307UV02"/><processingCode code="D"/>'
        '<processingModeCode code="T"/><acceptAckCode code="AL"/><receiver typeCode="RCV"><device><id root="1.2.250.1.213.4.1.1.1"/>'
        '</device></receiver><sender typeCode="SND"><device><id root="2.25.9"/></device></sender><attentionLine xsi:nil="true"/>'
        '<controlActProcess classCode="CACT" moodCode="EVN"><reasonCode code="TEST_EXST" codeSystem="1.2.250.1.213.1.1.4.11"/>'
        '<queryByParameter><queryId root="2.25.2" extension="q"/><statusCode code="new"/><parameterList><dataSource xsi:nil="true"/>'
        f'<patientIdentifier><value root="{INS_OID}" extension="{INS}"/><semanticsText>Patient.id</semanticsText></patientIdentifier>'
        "</parameterList></queryByParameter></controlActProcess></PRPA_IN201307UV02>"
    )


def search_body(value: str) -> str:
    return (
        '<q:AdhocQueryRequest xmlns:q="urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0" xmlns:r="urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0">'
        '<q:ResponseOption returnComposedObjects="true" returnType="ObjectRef"/>'
        '<r:AdhocQuery id="urn:uuid:5c4f972b-d56b-40ac-a5fc-c8ca9b40b9d4"><r:Slot name="$XDSDocumentEntryUniqueId"><r:ValueList>'
        f"<r:Value>{value}</r:Value></r:ValueList></r:Slot></r:AdhocQuery></q:AdhocQueryRequest>"
    )


def vihf_text(draft: Draft) -> str:
    """Return the assertion with an empty signature."""
    subject = draft.sign.certificate.subject
    issuer = ", ".join(f"{a.rfc4514_attribute_name}={a.value}" for a in reversed(list(subject)))
    der = b64encode(draft.sign.certificate.public_bytes(Encoding.DER)).decode()
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    role = '<Role xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CE" '
    roles = (
        f'<v>{role}code="10" codeSystem="1.2.250.1.71.1.2.7" codeSystemName="G15" displayName="Médecin"/></v>'
        f'<v>{role}code="SM44" codeSystem="1.2.250.1.71.4.2.5" codeSystemName="R01" displayName="Radio-diagnostic"/></v>'
    )
    purpose = (
        '<v><PurposeOfUse xmlns="urn:hl7-org:v3" code="normal" codeSystem="1.2.250.1.213.1.1.4.248"'
        ' codeSystemName="mode acces VIHF 2.0" displayName="normal"/></v>'
    )
    attributes = {
        "VIHF_Version": "<v>3.0</v>", "Authentification_Mode": "<v>INDIRECTE</v>",
        "Identifiant_Structure": f"<v>{draft.structure}</v>", "Secteur_Activite": "<v>SA08^1.2.250.1.71.4.2.4</v>",
        "urn:oasis:names:tc:xspa:1.0:subject:subject-id": "<v>RAYON CLAIRE</v>",
        "urn:oasis:names:tc:xacml:2.0:subject:role": roles,
        "urn:oasis:names:tc:xacml:2.0:resource:resource-id": f"<v>{PATIENT.replace('&', '&amp;')}</v>", "Ressource_URN": "<v>urn:dmp</v>",
        "urn:oasis:names:tc:xspa:1.0:subject:purposeofuse": purpose,
        "LPS_Nom": "<v>RIS</v>", "LPS_Version": "<v>1</v>", "LPS_ID_HOMOLOGATION_DMP": "<v>H1</v>",
    }  # fmt: skip
    statements = "".join(f'<x:Attribute Name="{name}">{value}</x:Attribute>' for name, value in attributes.items())
    statements = statements.replace("<v>", "<x:AttributeValue>").replace("</v>", "</x:AttributeValue>")
    signature = (
        f'<d:Signature xmlns:d="{DS}"><d:SignedInfo><d:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>'
        '<d:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"/><d:Reference URI="#_vihf"><d:Transforms>'
        f'<d:Transform Algorithm="{DS}enveloped-signature"/><d:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>'
        '</d:Transforms><d:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><d:DigestValue/></d:Reference>'
        f"</d:SignedInfo><d:SignatureValue/><d:KeyInfo><d:X509Data><d:X509Certificate>{der}</d:X509Certificate></d:X509Data>"
        "</d:KeyInfo></d:Signature>"
    )
    return (
        f'<x:Assertion xmlns:x="urn:oasis:names:tc:SAML:2.0:assertion" ID="_vihf" IssueInstant="{now}" Version="2.0">'
        f'<x:Issuer Format="urn:oasis:names:tc:SAML:1.1:nameid-format:X509SubjectName">{issuer}</x:Issuer>{signature}'
        '<x:Subject><x:NameID>899900012345</x:NameID></x:Subject><x:AuthnStatement AuthnInstant="2026-01-01T08:00:00Z"><x:AuthnContext>'
        "<x:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password</x:AuthnContextClassRef></x:AuthnContext>"
        f"</x:AuthnStatement><x:AttributeStatement>{statements}</x:AttributeStatement></x:Assertion>"
    )


@cache
def pdf() -> bytes:
    """Return one empty page."""
    import io

    document, stream = pikepdf.new(), io.BytesIO()
    document.add_blank_page(page_size=(200, 200))
    document.save(stream)
    return stream.getvalue()


def cda_text(draft: Draft) -> str:
    ps, st = "1.2.250.1.71.4.2.1", "1.2.250.1.71.4.2.2"
    person = f'<id root="{ps}" extension="899900012345"/>'
    name = "<assignedPerson><name><family>RAYON</family><given>CLAIRE</given></name></assignedPerson>"
    place = f'<representedOrganization><id root="{st}" extension="{draft.structure}"/><standardIndustryClassCode code="AMBULATOIRE"/></representedOrganization>'
    parent = (
        '<relatedDocument typeCode="RPLC"><parentDocument><id root="2.25.8"/></parentDocument></relatedDocument>'
        if draft.version > 1
        else ""
    )
    return (
        '<ClinicalDocument xmlns="urn:hl7-org:v3"><realmCode code="FR"/><templateId root="2.16.840.1.113883.2.8.2.1"/>'
        f'<templateId root="1.2.250.1.213.1.1.1.1"/><id root="{draft.document_id}"/><code code="18748-4"/><title>Scanner</title>'
        '<effectiveTime value="20261126101530+0100"/><confidentialityCode code="N"/><languageCode code="fr-FR"/>'
        f'<setId root="2.25.{draft.number}9"/><versionNumber value="{draft.version}"/><recordTarget><patientRole>'
        f'<id root="{INS_OID}" extension="{INS}"/><id root="1.2.3.4" extension="IPP1"/><patient><name><given qualifier="BR">ZOE</given>'
        '<family qualifier="BR">ADRUN</family></name><administrativeGenderCode code="F"/><birthTime value="19751231"/></patient>'
        f"</patientRole></recordTarget><author><assignedAuthor>{person}{name}{place}</assignedAuthor></author>"
        f"<legalAuthenticator><assignedEntity>{person}{name}{place}</assignedEntity></legalAuthenticator>"
        '<documentationOf><serviceEvent><effectiveTime><low value="20261126093000+0100"/><high value="20261126095000+0100"/></effectiveTime>'
        f"<performer><assignedEntity>{person}{place}</assignedEntity></performer></serviceEvent></documentationOf>{parent}"
        '<componentOf><encompassingEncounter><location><healthCareFacility><code code="SA08"/></healthCareFacility></location>'
        '</encompassingEncounter></componentOf><component><nonXMLBody><text mediaType="application/pdf" representation="B64">'
        f"{b64encode(pdf()).decode()}</text></nonXMLBody></component></ClinicalDocument>"
    )


def signed_lot(draft: Draft, cda: bytes, *, shape: str) -> str:
    """Return a lot signature: objects in the order of DRIM or of GIE, digests by lxml and hashlib, one RSA signature."""
    credential = draft.lot or draft.sign
    root = etree.fromstring(draft.changed("lot", lot_text(draft, credential, cda, shape=shape)))

    def canonical(node: etree._Element) -> bytes:
        return etree.tostring(node, method="c14n", with_comments=True)

    info = root.find(f"{{{DS}}}SignedInfo")
    for reference in info.findall(f"{{{DS}}}Reference"):
        (target,) = [node for node in root.iter() if node.get("Id") == reference.get("URI")[1:]]
        reference.find(f"{{{DS}}}DigestValue").text = b64encode(hashlib.sha256(canonical(target)).digest()).decode()
    value = credential.key.sign(canonical(info), padding.PKCS1v15(), hashes.SHA256())
    root.find(f"{{{DS}}}SignatureValue").text = b64encode(value).decode()
    return etree.tostring(root, encoding="unicode")


def lot_text(draft: Draft, credential: Credential, cda: bytes, *, shape: str) -> str:
    sha256 = '<d:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/>'
    transform = f'<d:Transforms><d:Transform Algorithm="{C14N}"/></d:Transforms>'
    der = credential.certificate.public_bytes(Encoding.DER)
    canonical = etree.tostring(etree.fromstring(cda), method="c14n", with_comments=True)
    document = b64encode(hashlib.sha256(canonical).digest()).decode()
    name = draft.signature_id

    def reference(uri: str, kind: str) -> str:
        return f'<d:Reference Type="{kind}" URI="{uri}">{transform}{sha256}<d:DigestValue/></d:Reference>'

    manifest = (
        f'<d:Object><d:Manifest Id="IHEManifest"><d:Reference URI="urn:oid:{draft.set_id}">{sha256}<d:DigestValue>AA==</d:DigestValue>'
        f'</d:Reference><d:Reference URI="urn:oid:{draft.document_id}">{transform}{sha256}<d:DigestValue>{document}</d:DigestValue>'
        "</d:Reference></d:Manifest></d:Object>"
    )
    purpose = (
        f'<d:Object><d:SignatureProperties><d:SignatureProperty Id="purposeOfSignature" Target="#{name}">1.2.840.10065.1.12.1.14'
        "</d:SignatureProperty></d:SignatureProperties></d:Object>"
    )
    properties = (
        f'<d:Object><e:QualifyingProperties Target="#{name}"><e:SignedProperties Id="S0-SignedProperties"><e:SignedSignatureProperties>'
        "<e:SigningTime>2026-11-26T09:15:30Z</e:SigningTime><e:SigningCertificate><e:Cert><e:CertDigest>"
        '<e:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/>'
        f"<e:DigestValue>{b64encode(hashlib.sha256(der).digest()).decode()}</e:DigestValue></e:CertDigest><e:IssuerSerial>"
        f"<d:X509IssuerName>{credential.certificate.issuer.rfc4514_string()}</d:X509IssuerName>"
        f"<d:X509SerialNumber>{credential.certificate.serial_number}</d:X509SerialNumber></e:IssuerSerial></e:Cert></e:SigningCertificate>"
        "<e:SignaturePolicyIdentifier><e:SignaturePolicyImplied/></e:SignaturePolicyIdentifier></e:SignedSignatureProperties>"
        "<e:SignedDataObjectProperties/></e:SignedProperties></e:QualifyingProperties></d:Object>"
    )
    objects = manifest + purpose + properties if shape == "gie" else purpose + properties + manifest
    return (
        f'<d:Signature xmlns:d="{DS}" xmlns:e="{XAD}" Id="{name}"><d:SignedInfo><d:CanonicalizationMethod Algorithm="{C14N}"/>'
        '<d:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"/>'
        f"{reference('#IHEManifest', DS + 'Manifest')}{reference('#S0-SignedProperties', XAD + 'SignedProperties')}</d:SignedInfo>"
        f"<d:SignatureValue/><d:KeyInfo><d:X509Data><d:X509Certificate>{b64encode(der).decode()}</d:X509Certificate></d:X509Data>"
        f"</d:KeyInfo>{objects}</d:Signature>"
    )


_DOC = {
    "author": "93606bcf-9494-43ec-9b4e-a7748d1a838d", "classCode": "41a5887f-8865-4c09-adf7-e362475b143a",
    "typeCode": "f0306f51-975f-434e-a61c-c59651d33983", "confidentialityCode": "f4f85eac-e6cb-4883-b524-f2705394840f",
    "formatCode": "a09d5840-386c-46f2-b5ad-9c3699a4309d", "facility": "f33fb8ac-18af-42cc-ae0e-ed0b0bdb91e1",
    "practice": "cccf5598-8b07-4b77-a05e-ae952c785ead", "eventCodeList": "2c6b8cb7-8b2a-4051-b291-b1ae6a575ef4",
}  # fmt: skip


def metadata_text(draft: Draft, cda: bytes, lot: bytes, *, replaces: str) -> str:
    """Return the body of ITI-41."""
    institution = f"Imagerie du Nord^^^^^&1.2.250.1.71.4.2.2&ISO^IDNST^^^{draft.structure}"
    ids = itertools.count(1)

    def slot(name: str, *values: str) -> str:
        listed = "".join(f"<m:Value>{value.replace('&', '&amp;')}</m:Value>" for value in values)
        return f'<m:Slot name="{name}"><m:ValueList>{listed}</m:ValueList></m:Slot>'

    def named(text: str) -> str:
        return f'<m:Name><m:LocalizedString value="{text}"/></m:Name>'

    def code(entry: str, scheme: str, value: str, system: str) -> str:
        return (
            f'<m:Classification id="c{next(ids)}" classificationScheme="urn:uuid:{scheme}" classifiedObject="{entry}"'
            f' nodeRepresentation="{value}">{slot("codingScheme", system)}{named("label")}</m:Classification>'
        )

    def author(entry: str, scheme: str) -> str:
        inside = slot("authorPerson", PERSON) + slot("authorInstitution", institution)
        return f'<m:Classification id="c{next(ids)}" classificationScheme="urn:uuid:{scheme}" classifiedObject="{entry}" nodeRepresentation="">{inside}</m:Classification>'

    def identifier(entry: str, kind: str, name: str, scheme: str, value: str) -> str:
        return (
            f'<m:ExternalIdentifier id="c{next(ids)}" registryObject="{entry}" identificationScheme="urn:uuid:{scheme}"'
            f' value="{value.replace("&", "&amp;")}">{named(f"{kind}.{name}")}</m:ExternalIdentifier>'
        )

    def entry(name: str, unique: str, content: bytes, title: str, language: str, codes: Sequence[tuple[str, str, str]]) -> str:
        inside = slot("creationTime", "20261126091530") + slot("languageCode", language) + slot("legalAuthenticator", PERSON)
        inside += slot("serviceStartTime", "20261126083000") + slot("sourcePatientId", "IPP1^^^&1.2.3.4&ISO^PI")
        inside += slot("sourcePatientInfo", "PID-5|ADRUN^ZOE^^^^^L", "PID-7|19751231", "PID-8|F")
        inside += slot("hash", hashlib.sha1(content).hexdigest()) + slot("size", str(len(content)))
        inside += slot("serviceStopTime", "20261126085000") if name == "Document01" else ""
        inside += named(title) + author(name, _DOC["author"])
        inside += "".join(code(name, _DOC[kind], value, system) for kind, value, system in codes)
        inside += code(name, _DOC["facility"], "SA08", "1.2.250.1.71.4.2.4")
        inside += code(name, _DOC["practice"], "AMBULATOIRE", "1.2.250.1.213.1.1.4.9")
        inside += identifier(name, "XDSDocumentEntry", "patientId", "58a6f841-87b3-4a3e-92fd-a8ffeff98427", PATIENT)
        inside += identifier(name, "XDSDocumentEntry", "uniqueId", "2e82c1f6-a085-4c72-9da3-8640a32e42ab", unique)
        kind = "urn:uuid:7edca82f-054d-47f2-a032-9b2a5b5186c1"
        return f'<m:ExtrinsicObject id="{name}" mimeType="text/xml" objectType="{kind}">{inside}</m:ExtrinsicObject>'

    visible, hidden = "2.16.840.1.113883.5.25", "1.2.250.1.213.1.1.4.13"
    document = entry(
        "Document01", draft.document_id, cda, "Scanner", "fr-FR",
        [("classCode", "31", "1.2.250.1.213.1.1.4.1"), ("typeCode", "18748-4", "2.16.840.1.113883.6.1"),
         ("formatCode", "urn:ihe:iti:xds-sd:pdf:2008", "1.3.6.1.4.1.19376.1.2.3"), ("confidentialityCode", "N", visible)],
    )  # fmt: skip
    signature = entry(
        "Signature01", draft.signature_id, lot, "Source", "art",
        [("classCode", "urn:oid:1.3.6.1.4.1.19376.1.2.1.1.1", "URN"), ("typeCode", "E1762", "ASTM"),
         ("formatCode", "http://www.w3.org/2000/09/xmldsig#", "URN"), ("eventCodeList", "1.2.840.10065.1.12.1.14", "1.2.840.10065.1.12"),
         ("confidentialityCode", "N", visible), ("confidentialityCode", "MASQUE_PS", hidden),
         ("confidentialityCode", "INVISIBLE_PATIENT", hidden)],
    )  # fmt: skip
    package = slot("submissionTime", "20261126091530") + author("Set01", "a7058bb9-b4e4-4307-ba5b-e3f0ab85e12d")
    package += code("Set01", "aa543740-bdda-424e-8c96-df4873be8500", "SA08", "1.2.250.1.71.4.2.4")
    package += identifier("Set01", "XDSSubmissionSet", "patientId", "6b5aea1a-874d-4603-a4bc-96a0a7b38446", PATIENT)
    package += identifier("Set01", "XDSSubmissionSet", "sourceId", "554ac39e-e3fe-47fe-b233-965d2a147832", "2.25.9")
    package += identifier("Set01", "XDSSubmissionSet", "uniqueId", "96fdda7c-d067-4183-912e-bf5ee74998a8", draft.set_id)

    def association(kind: str, source: str, target: str, inside: str) -> str:
        return f'<m:Association id="c{next(ids)}" associationType="{kind}" sourceObject="{source}" targetObject="{target}">{inside}</m:Association>'

    original, member = slot("SubmissionSetStatus", "Original"), "urn:oasis:names:tc:ebxml-regrep:AssociationType:HasMember"
    bound = association(member, "Set01", "Document01", original) + association(member, "Set01", "Signature01", original)
    bound += association("urn:ihe:iti:2007:AssociationType:signs", "Signature01", "Set01", original)
    bound += association("urn:ihe:iti:2007:AssociationType:RPLC", "Document01", replaces, "") if replaces else ""
    node = '<m:Classification id="n1" classifiedObject="Set01" classificationNode="urn:uuid:a54d6aa5-d40d-43f9-88c5-b4633d873bdd"/>'
    # the case of a Document id differs from that of its entry, as in a public sample
    include = '<p:Document id="{}"><i:Include xmlns:i="http://www.w3.org/2004/08/xop/include" href="cid:{}"/></p:Document>'
    return (
        '<p:ProvideAndRegisterDocumentSetRequest xmlns:p="urn:ihe:iti:xds-b:2007">'
        '<l:SubmitObjectsRequest xmlns:l="urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0" xmlns:m="urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0">'
        f'<m:RegistryObjectList>{document}{signature}<m:RegistryPackage id="Set01">{package}</m:RegistryPackage>{node}{bound}'
        f"</m:RegistryObjectList></l:SubmitObjectsRequest>{include.format('document01', 'doc@x')}{include.format('signature01', 'sig@x')}"
        "</p:ProvideAndRegisterDocumentSetRequest>"
    )


def mime(envelope: bytes, parts: dict[str, bytes]) -> tuple[bytes, str]:
    boundary = "=-of-a-test-="
    kind = (
        f'multipart/related; boundary="{boundary}"; type="application/xop+xml"; start="<r@x>"; start-info="application/soap+xml";'
        f' action="{ITI_41}"'
    )
    binary = "Content-Transfer-Encoding: binary\r\n"
    chunks = [
        f'--{boundary}\r\nContent-Type: application/xop+xml; charset=UTF-8; type="application/soap+xml"\r\n{binary}Content-ID: <r@x>\r\n\r\n'.encode(),
        envelope,
    ]
    for name, content in parts.items():
        chunks += [f"\r\n--{boundary}\r\nContent-Type: text/xml\r\n{binary}Content-ID: <{name}>\r\n\r\n".encode(), content]
    return b"".join([*chunks, f"\r\n--{boundary}--\r\n".encode()]), kind
