"""What the DMP's simulator refuses, one spoilt thing at a time, and by which code; what it must take whatever its shape."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random
from typing import Any

import pytest

from infra.local.services.dmp import RECORDS, Dmp, DmpDoors
from infra.local.services.dmp_evidence import Received
from infra.local.services.recorder import Recorder
from infra.local.services.soap_door import Trust
from tests.support.dmp_messages import INS, INS_OID, Change, Draft, Message
from tests.support.national import OTHER_STRUCTURE, Got, Pki, control, make_pki, post


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return make_pki(tmp_path_factory.mktemp("pki"))


class Party:
    """One client of one DMP."""

    def __init__(self, pki: Pki, folder: Path) -> None:
        self.pki = pki
        received = Received(cda=folder / "cda", pdf=folder / "pdf")
        service = Dmp(
            recorder=Recorder(folder / "dmp"), received=received, ca=pki.files["ca"], crl=pki.files["crl"], records=RECORDS
        )
        self.doors = DmpDoors(service, Trust(**pki.files))
        self.url, self.control = self.doors.status["url"], self.doors.status["control"]

    def draft(self, *changes: Change, **said: Any) -> Draft:
        return Draft(said.pop("sign", self.pki.sign()), self.url, changes, **said)

    def send(self, path: str, message: Message, client: Any = None) -> Got:
        return post(self.url + path, message.body, message.kind, self.pki.context(client or self.pki.client()))

    def options(self, **options: Any) -> None:
        control(self.control, options=options)

    def documents(self) -> list[dict[str, Any]]:
        return list(control(self.control)["documents"])


@pytest.fixture
def party(pki: Pki, tmp_path: Path) -> Iterator[Party]:
    made = Party(pki, tmp_path)
    yield made
    made.doors.close()


@pytest.fixture(scope="module")
def strict(pki: Pki, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Party]:
    """One DMP for all refusals: nothing that is refused may leave a trace."""
    made = Party(pki, tmp_path_factory.mktemp("dmp"))
    yield made
    assert made.documents() == []
    made.doors.close()


def error(got: Got) -> str:
    """Return the code of a refusal, or the reason of a fault without a code."""
    found = re.search(rb'errorCode="([^"]+)"', got.body) or re.search(rb"<soap:Subcode><soap:Value>[a-z]+:([^<]+)<", got.body)
    found = found or re.search(rb"<soap:Text[^>]*>([^<]+)<", got.body)
    return found[1].decode() if found else "accepted"


def reason(got: Got) -> str:
    found = re.search(rb"<soap:Text[^>]*>([^<]+)<", got.body) or re.search(rb'codeContext="([^"]+)"', got.body)
    return found[1].decode() if found else ""


@pytest.mark.parametrize("shape", ["drim", "gie"])
def test_a_submission_written_by_another_hand_is_taken(party: Party, shape: str) -> None:
    got = party.send("/repository", party.draft().feed(shape=shape))

    assert (got.status, error(got)) == (200, "accepted"), reason(got)
    assert got.kind.startswith("multipart/related")
    assert [d["kind"] for d in party.documents()] == ["report", "signature"]


@pytest.mark.parametrize(
    "change",
    [
        ("envelope", 's:mustUnderstand="1"', 'mustUnderstand="true"'),
        ("vihf", "Authentification_Mode", "Authentification_mode"),
        ("vihf", "<x:AttributeValue>3.0<", "<x:AttributeValue>4.0<"),
    ],
    ids=["mustUnderstand without namespace", "the other case", "version 4.0"],
)
def test_what_public_samples_do_is_taken(party: Party, change: Change) -> None:
    got = party.send("/repository", party.draft(change).feed())

    assert error(got) == "accepted", reason(got)


VIHF = [
    ("vihf", "Identifiant_Structure", "Identifiant", "Attribut inattendu"),
    ("vihf", '<x:Attribute Name="LPS_Version"><x:AttributeValue>1</x:AttributeValue></x:Attribute>', "", "Attribut absent"),
    ("vihf", '<x:Attribute Name="LPS_Nom">', '<x:Attribute Name="LPS_Version">', "Attribut inattendu ou répété"),
    ("vihf", "<x:AttributeValue>H1<", "<x:AttributeValue> <", "Attribut du VIHF vide"),
    ("vihf", "<x:AttributeValue>3.0<", "<x:AttributeValue>2.0<", "VIHF_Version"),
    ("vihf", "1990000017</x:AttributeValue>", "1990000025</x:AttributeValue>", "Structure introuvable ou Inactive"),
    ("vihf", "SA08^", "SA8^", "Secteur_Activite"),
    ("vihf", "urn:dmp", "urn:autre", "Ressource_URN"),
    ("vihf", 'code="normal"', 'code="bris_de_glace"', "PurposeOfUse refusé"),
    ("vihf", ' xsi:type="CE"', "", "Un Role a"),
    ("vihf", 'displayName="Radio-diagnostic"', 'displayName=""', "Un Role a"),
    ("vihf", "1.2.250.1.71.4.2.5", "1.2.250.1.71.4.2.6", "Aucune spécialité dans le vihf"),
    ("vihf", "^^^&amp;", "^^&amp;", "resource-id"),
    ("vihf", ">899900012345<", ">99900012345<", "NameID"),
    ("vihf", "X509SubjectName", "unspecified", "format de l'Issuer"),
    ("vihf", "CN=DMP SIGN", "CN=DMP AUTRE", "L'Issuer n'est pas"),
    ("vihf", "ac:classes:Password", "ac:classes:Magie", "AuthnContextClassRef"),
    ("vihf", 'AuthnInstant="2026', 'AuthnInstant="2999', "AuthnInstant est après"),
    ("vihf", 'IssueInstant="20', 'IssueInstant="19', "IssueInstant"),
    ("vihf", "<x:AuthnStatement", '<x:Conditions NotOnOrAfter="2020-01-01T00:00:00Z"/><x:AuthnStatement', "plus valide"),
    ("vihf", "<x:AuthnStatement", "<x:Conditions><x:AudienceRestriction/></x:Conditions><x:AuthnStatement", "AudienceRestriction"),
    ("vihf_signed", "RAYON", "RAYONS", "signature du VIHF"),
    ("vihf_signed", "<d:SignatureValue>", "<d:SignatureValue>AAAA", "signature du VIHF"),
]  # fmt: skip


@pytest.mark.parametrize(("stage", "old", "new", "said"), VIHF, ids=[f"{n}" for n in range(len(VIHF))])
def test_a_vihf_that_breaks_a_rule_is_refused(strict: Party, stage: str, old: str, new: str, said: str) -> None:
    got = strict.send("/patients", strict.draft((stage, old, new)).existence())

    assert got.status == 500
    assert said in reason(got).replace("&#x27;", "'")


def test_direct_mode_is_not_for_a_structure(strict: Party) -> None:
    got = strict.send("/patients", strict.draft(("vihf", ">INDIRECTE<", ">DIRECTE<")).existence())

    assert error(got) == "DMPAccessDeniedByRightsService"


def test_a_signing_certificate_is_for_signature_in_its_time_and_not_revoked(strict: Party) -> None:
    pki = strict.pki
    for wrong in (pki.sign(expired=True), pki.sign(revoked=True), pki.client()):
        got = strict.send("/patients", strict.draft(sign=wrong).existence())
        assert (got.status, error(got)) == (500, "DMPInvalidCertificate")
        assert b"<soap:Value>soap:Sender</soap:Value>" in got.body
        assert reason(got) == "Not a valid signature certificate"


def test_a_foreign_chain_may_not_sign(strict: Party, tmp_path: Path) -> None:
    got = strict.send("/patients", strict.draft(sign=make_pki(tmp_path).sign()).existence())

    assert error(got) == "DMPInvalidCertificate"


def test_the_signing_certificate_of_another_structure_is_refused(strict: Party) -> None:
    got = strict.send("/patients", strict.draft(sign=strict.pki.sign(OTHER_STRUCTURE)).existence())

    assert reason(got) == "Structure introuvable ou Inactive"


def test_a_setting_takes_a_vihf_signed_for_client_authentication(party: Party) -> None:
    party.options(accept_client_auth_vihf=True)

    got = party.send("/patients", party.draft(sign=party.pki.client()).existence())

    assert error(got) == "accepted"


METADATA = [
    ("metadata", "urn:uuid:41a5887f", "urn:uuid:51a5887f", "XDSRegistryMetadataError"),
    ("metadata", 'nodeRepresentation="31"', 'nodeRepresentation="99"', "XDSRegistryMetadataError"),
    ("metadata", ">1.2.250.1.213.1.1.4.1<", ">1.2.250.1.213.1.1.4.2<", "XDSRegistryMetadataError"),
    ("metadata", 'classifiedObject="Document01"', 'classifiedObject="Signature01"', "XDSRegistryMetadataError"),
    ("metadata", '<m:LocalizedString value="label"/>', "", "XDSRegistryMetadataError"),
    ("metadata", '<m:Slot name="serviceStopTime">', '<m:Slot name="size">', "XDSRegistryMetadataError"),
    ("metadata", "<m:Value>fr-FR<", "<m:Value> <", "XDSRegistryMetadataError"),
    ("metadata", "PID-5|ADRUN", "PID-5|" + "A" * 260, "XDSRegistryMetadataError"),
    ("metadata", "PID-5|ADRUN", "PID-5|ADRUNE", "XDSRegistryMetadataError"),
    ("metadata", "PID-7|19751231", "PID-7|19751230", "XDSRegistryMetadataError"),
    ("metadata", "PID-8|F", "PID-8|M", "XDSRegistryMetadataError"),
    ("metadata", "^IDNPS<", "^<", "XDSRegistryMetadataError"),
    ("metadata", "^^^1990000017<", "^^^<", "XDSRegistryMetadataError"),
    ("metadata", "^RAYON^CLAIRE^", "^RAYON^CLARA^", "XDSRegistryMetadataError"),
    ("metadata", 'value="Scanner"', 'value="Radio"', "XDSRegistryMetadataError"),
    ("metadata", "20261126091530</m:Value></m:ValueList></m:Slot><m:Slot name=\"languageCode\"><m:ValueList><m:Value>fr", "20261126101530</m:Value></m:ValueList></m:Slot><m:Slot name=\"languageCode\"><m:ValueList><m:Value>fr", "XDSRegistryMetadataError"),
    ("metadata", ">20261126083000<", ">20261126093000<", "XDSRegistryMetadataError"),
    ("metadata", ">20261126085000<", ">20261126085001<", "XDSRegistryMetadataError"),
    ("metadata", 'nodeRepresentation="18748-4"', 'nodeRepresentation="11528-7"', "XDSRegistryMetadataError"),
    ("metadata", 'nodeRepresentation="SA08"', 'nodeRepresentation="SA07"', "XDSRegistryMetadataError"),
    ("metadata", 'nodeRepresentation="AMBULATOIRE"', 'nodeRepresentation="ETABLISSEMENT"', "XDSRegistryMetadataError"),
    ("metadata", "IPP1^", "IPP2^", "XDSRegistryMetadataError"),
    ("metadata", 'nodeRepresentation="MASQUE_PS"', 'nodeRepresentation="INVISIBLE_PATIENT"', "XDSRegistryMetadataError"),
    ("metadata", 'nodeRepresentation="E1762"', 'nodeRepresentation="E1763"', "XDSRegistryMetadataError"),
    ("metadata", "AssociationType:signs", "AssociationType:XFRM", "XDSRegistryMetadataError"),
    ("metadata", ">Original<", ">Reference<", "XDSRegistryMetadataError"),
    ("metadata", 'targetObject="Signature01"', 'targetObject="Document01"', "XDSRegistryMetadataError"),
    ("metadata", "urn:uuid:a54d6aa5", "urn:uuid:b54d6aa5", "XDSRegistryMetadataError"),
    ("metadata", 'value="2.25.9"', 'value="RIS"', "XDSRegistryMetadataError"),
    ("metadata", "urn:oid:1.3.6.1.4.1.19376.1.2.1.1.1", "52", "XDSRepositoryError"),
    ("metadata", 'registryObject="Set01" identificationScheme="urn:uuid:6b5aea1a-874d-4603-a4bc-96a0a7b38446" value="2751', 'registryObject="Set01" identificationScheme="urn:uuid:6b5aea1a-874d-4603-a4bc-96a0a7b38446" value="1751', "XDSPatientIdDoesNotMatch"),
    ("metadata", '<m:Slot name="hash"><m:ValueList><m:Value>', '<m:Slot name="hash"><m:ValueList><m:Value>0', "XDSRepositoryMetadataError"),
    ("metadata", '<m:Slot name="size"><m:ValueList><m:Value>', '<m:Slot name="size"><m:ValueList><m:Value>1', "XDSRepositoryMetadataError"),
    ("metadata", '<m:Slot name="hash">', '<m:Slot name="hasch">', "XDSRepositoryMetadataError"),
    ("metadata", 'id="document01"', 'id="document02"', "XDSMissingDocumentMetadata"),
    ("metadata", "cid:sig@x", "cid:doc@x", "XDSRepositoryError"),
    ("metadata", "cid:sig@x", "cid:nowhere@x", "XDSMissingDocument"),
    ("metadata", "<i:Include", "QUJD<i:Include", "XDSRepositoryError"),
    ("cda", f'extension="{INS}"', 'extension="175126322074974"', "XDSPatientIdDoesNotMatch"),
    ("cda", "<code code=\"18748-4\"/>", "<code code=\"11528-7\"/>", "XDSRegistryMetadataError"),
    ("cda", "/><code code=\"18748-4\"", " extension=\"1\"/><code code=\"18748-4\"", "XDSRepositoryError"),
    ("cda", "20261126101530+0100", "20261126101530", "XDSRepositoryError"),
    ("cda", '<confidentialityCode code="N"/>', '<confidentialityCode code="MASQUE_PS"/>', "XDSRepositoryError"),
    ("cda", '<versionNumber value="1"/>', '<versionNumber value="2"/>', "XDSRepositoryError"),
    ("cda", '<templateId root="1.2.250.1.213.1.1.1.1"/>', "", "XDSRepositoryError"),
    ("cda", '<realmCode code="FR"/>', '<realmCode code="US"/>', "XDSRepositoryError"),
    ("cda", "B64\">JVBER", "B64\">AVBER", "XDSRepositoryError"),
    ("lot_signed", ">AA==<", ">AB==<", "XDSRepositoryError"),
    ("lot_signed", "2026-11-26T09:15:30Z", "2026-11-26T09:15:31Z", "XDSRepositoryError"),
    ("lot_signed", "<d:SignatureValue>", "<d:SignatureValue>AAAA", "XDSRepositoryError"),
    ("lot", ">AA==<", ">AAAA<", "XDSRepositoryError"),
    ("lot", "1.2.840.10065.1.12.1.14", "1.2.840.10065.1.12.1.1", "XDSRepositoryError"),
    ("lot", '<d:Reference URI="urn:oid:', '<d:Reference URI="urn:oid:9', "XDSRepositoryError"),
    ("lot", "</e:DigestValue></e:CertDigest>", "AAAA</e:DigestValue></e:CertDigest>", "XDSRepositoryError"),
    ("lot", "<d:X509SerialNumber>", "<d:X509SerialNumber>1", "XDSRepositoryError"),
    ("lot", 'Target="#2', 'Target="#3', "XDSRepositoryError"),
    ("lot", "Type=\"http://www.w3.org/2000/09/xmldsig#Manifest\"", "Type=\"urn:x\"", "XDSRepositoryError"),
]  # fmt: skip


@pytest.mark.parametrize(("stage", "old", "new", "code"), METADATA, ids=[f"{n}-{row[0]}" for n, row in enumerate(METADATA)])
def test_a_submission_that_breaks_a_rule_is_refused(strict: Party, stage: str, old: str, new: str, code: str) -> None:
    got = strict.send("/repository", strict.draft((stage, old, new)).feed())

    assert (error(got), got.status) == (code, 200), reason(got)


def test_an_author_of_another_structure_is_refused_in_the_words_of_the_rule(strict: Party) -> None:
    got = strict.send("/repository", strict.draft(("metadata", "^^^1990000017<", "^^^1990000025<")).feed())

    assert reason(got).replace("&#x27;", "'") == "Aucun AuthorInstitution ne correspond à l'utilisateur du VIHF"


def test_a_lot_signed_with_a_wrong_certificate_is_refused(strict: Party) -> None:
    pki = strict.pki
    for wrong in (pki.sign(expired=True), pki.sign(revoked=True), pki.client()):
        got = strict.send("/repository", strict.draft(lot=wrong).feed())
        assert error(got) == "DMPInvalidCertificate"
        assert got.kind.startswith("multipart/related")


@pytest.mark.parametrize(
    ("stage", "old", "new"),
    [
        ("mime", "--=-of-a-test-=--\r\n", ""),
        ("mime", "Content-ID: <sig@x>", "Content-ID: <doc@x>"),
        ("mime", "Content-Transfer-Encoding: binary\r\nContent-ID: <doc@x>", "Content-Transfer-Encoding: base64\r\nContent-ID: <doc@x>"),
        ("mime", "Content-ID: <r@x>", "Content-ID: <other@x>"),
        ("kind", "multipart/related", "multipart/mixed"),
        ("kind", 'start-info="application/soap+xml"', 'start-info="text/xml"'),
        ("kind", 'boundary="=-of', 'boundary="-of'),
    ],
)  # fmt: skip
def test_a_body_that_is_not_mtom_is_a_fault(strict: Party, stage: str, old: str, new: str) -> None:
    got = strict.send("/repository", strict.draft((stage, old, new)).feed())

    assert got.status == 500
    assert reason(got).startswith("MTOM: ")


def test_a_part_that_no_document_includes_is_refused(strict: Party) -> None:
    extra = "\r\n--=-of-a-test-=\r\nContent-Type: text/xml\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <z@x>\r\n\r\n<z/>"
    got = strict.send("/repository", strict.draft(("mime", "\r\n--=-of-a-test-=--", extra + "\r\n--=-of-a-test-=--")).feed())

    assert error(got) == "XDSRepositoryError"


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("a:MessageID", "a:MessageIdent", "MessageAddressingHeaderRequired"),
        ("a:ReplyTo", "a:Reply", "MessageAddressingHeaderRequired"),
        ("a:To>", "a:Towards>", "MessageAddressingHeaderRequired"),
        ("<a:Action", "<a:Action>x</a:Action><a:Action", "InvalidAddressingHeader"),
        ("PRPA_IN201307UV02</a:Action>", "PRPA_IN201305UV02</a:Action>", "ActionNotSupported"),
        ("urn:uuid:", "uuid:", "InvalidAddressingHeader"),
        ("/patients</a:To>", "/registry</a:To>", "InvalidAddressingHeader"),
        ("/anonymous<", "/none<", "InvalidAddressingHeader"),
        (' s:mustUnderstand="1"', "", "InvalidAddressingHeader"),
    ],
)
def test_the_addressing_of_a_request_is_whole(strict: Party, old: str, new: str, code: str) -> None:
    got = strict.send("/patients", strict.draft(("envelope", old, new)).existence())

    assert error(got) == code


def test_an_answer_relates_to_its_request_whatever_it_says(party: Party) -> None:
    for changes in ((), (("envelope", "a:ReplyTo", "a:Reply"),)):
        message = party.draft(*changes).existence()
        asked = re.search(rb"MessageID>([^<]+)<", message.body)
        assert asked is not None

        assert b"<wsa:RelatesTo>" + asked[1] + b"</wsa:RelatesTo>" in party.send("/patients", message).body


@pytest.mark.parametrize(
    ("status", "code", "word"), [("open", b'"OK"', b'"active"'), ("closed", b'"OK"', b'"terminated"'), ("none", b'"NF"', b"NF")]
)
def test_a_record_is_open_closed_or_none(party: Party, status: str, code: bytes, word: bytes) -> None:
    control(party.control, record={"matricule": INS, "oid": INS_OID, "status": status, "authorisation": "INTERDIT"})

    body = party.send("/patients", party.draft().existence()).body

    assert b"queryResponseCode code=" + code in body
    assert word in body
    assert (b'code="INTERDIT"' in body) == (status != "none")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('extension="PRPA_IN201307UV02"', 'extension="PRPA_IN201305UV02"'),
        ("TEST_EXST", "AUTRE"),
        ('<dataSource xsi:nil="true"/>', '<dataSource nullFlavor="NA"/>'),
        (f'extension="{INS}"', 'extension="175126322074974"'),
    ],
)
def test_an_existence_request_that_is_not_one_is_refused(strict: Party, old: str, new: str) -> None:
    assert strict.send("/patients", strict.draft(("body", old, new)).existence()).status == 500


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("ObjectRef", "LeafClass", "DMPAccessDeniedByRightsService"),
        ("5c4f972b-d56b-40ac-a5fc-c8ca9b40b9d4", "14d4debf-8f97-4251-9a74-a90016b0af0d", "DMPAccessDeniedByRightsService"),
        ("$XDSDocumentEntryUniqueId", "$XDSDocumentEntryEntryUUID", "XDSStoredQueryParamNumber"),
        ("('", "'", "XDSRegistryError"),
    ],
)
def test_a_structure_asks_for_nothing_but_its_own_references(strict: Party, old: str, new: str, code: str) -> None:
    assert error(strict.send("/registry", strict.draft(("body", old, new)).search())) == code


def test_an_unknown_document_is_an_empty_list(strict: Party) -> None:
    got = strict.send("/registry", strict.draft().search("('2.25.404')"))

    assert b":Success" in got.body
    assert b"ObjectRef" not in got.body


def test_a_second_version_in_a_profile_that_wants_the_first(party: Party) -> None:
    party.options(first_version_only=True)

    assert error(party.send("/repository", party.draft(version=2).feed())) == "XDSRegistryMetadataError"


def test_hash_and_size_may_be_left_out_where_a_setting_says_so(party: Party) -> None:
    party.options(hash_required=False)
    changes = (
        ("metadata", '<m:Slot name="hash">', '<m:Slot name="hasch">'),
        ("metadata", '<m:Slot name="size">', '<m:Slot name="seize">'),
    )

    assert error(party.send("/repository", party.draft(*changes).feed())) == "accepted"


def test_an_entry_uuid_that_is_nobodys_is_not_replaced(strict: Party) -> None:
    target = "urn:uuid:00000000-0000-0000-0000-000000000000"

    assert error(strict.send("/repository", strict.draft(version=2).feed(replaces=target))) == "UnresolvedReferenceException"


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("busy", "XDSRepositoryBusy"),
        ({"fault": "registry_error", "code": "XDSRegistryError", "context": "x"}, "XDSRegistryError"),
        (
            {"fault": "soap_fault", "subcode": "soap:DMPIdentityCertificationFailure", "reason": "r"},
            "DMPIdentityCertificationFailure",
        ),
    ],
)
def test_a_scheduled_refusal_stores_nothing_and_is_used_up(party: Party, fault: Any, code: str) -> None:
    control(party.control, schedule={"iti-41": [fault]})
    message = party.draft().feed()

    assert error(party.send("/repository", message)) == code
    assert party.documents() == []
    assert error(party.send("/repository", message)) == "accepted"


def test_two_submissions_of_one_document_at_once_leave_one(party: Party) -> None:
    message, client = party.draft().feed(), party.pki.context(party.pki.client())

    with ThreadPoolExecutor(4) as pool:
        got = list(pool.map(lambda _: post(party.url + "/repository", message.body, message.kind, client), range(4)))

    assert sorted(error(answer) for answer in got) == [*["XDSDuplicateUniqueIdInRegistry"] * 3, "accepted"]
    assert [d["kind"] for d in party.documents()] == ["report", "signature"]


def test_whatever_bytes_come_there_is_an_answer_and_never_a_crash(party: Party) -> None:
    message, client, chance = party.draft().feed(), party.pki.context(party.pki.client()), Random(8)

    for _ in range(60):
        body = bytearray(message.body)
        for _ in range(chance.choice((1, 1, 3))):
            body[chance.randrange(len(body))] = chance.randrange(256)
        got = post(party.url + "/repository", bytes(body), message.kind, client)
        assert got.kind.startswith("multipart/related"), got.body

    assert len(party.documents()) in {0, 2}
