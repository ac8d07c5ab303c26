"""The demo's certificates are what the strictest relying party takes, and their bad samples are refused."""

import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from infra.local.demo.pki import Authority, Credential, write_server
from infra.local.services.http_door import HttpDoor, Reply, server_tls
from tests.support.https import get


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


ENTITY = {"structure": "1630999001", "name": "SELAS DE TEST"}


def test_a_strict_client_takes_a_server_of_this_chain(authority: Authority, tmp_path: Path) -> None:
    files = write_server(tmp_path, "psc", authority)
    door = HttpDoor(lambda _: Reply(200, b"here"), tls=server_tls(files["certificate"], files["key"]))
    context = ssl.create_default_context(cadata=authority.chain_pem().decode())
    context.verify_flags |= ssl.VERIFY_X509_STRICT

    try:
        assert get(door.url, context) == b"here"
    finally:
        door.close()


@pytest.mark.parametrize(("profile", "usages"), [("auth_cli", (True, False)), ("sign", (True, True))])
def test_the_two_profiles_say_what_they_are_for(authority: Authority, profile: str, usages: tuple[bool, bool]) -> None:
    certificate = getattr(authority, profile)(**ENTITY, service="X").certificate

    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical
    assert (usage.value.digital_signature, usage.value.content_commitment) == usages
    assert certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    assert certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)


def verify(authority: Authority, credential: Credential) -> None:
    store = Store([authority.root.certificate])
    verifier = PolicyBuilder().store(store).time(datetime.now(UTC)).build_client_verifier()
    verifier.verify(credential.certificate, [authority.issuing.certificate])


def test_an_expired_client_certificate_is_refused_as_such(authority: Authority) -> None:
    with pytest.raises(VerificationError, match="valid"):
        verify(authority, authority.auth_cli(**ENTITY, service="DMP", expired=True))


def test_a_revoked_certificate_is_on_the_list(authority: Authority) -> None:
    credential = authority.sign(**ENTITY)
    authority.revoke(credential)

    crl = x509.load_pem_x509_crl(authority.crl_pem())

    assert crl.get_revoked_certificate_by_serial_number(credential.certificate.serial_number) is not None
    assert crl.is_signature_valid(authority.issuing.key.public_key())


def test_what_a_verifier_gets_holds_no_key(authority: Authority) -> None:
    assert b"PRIVATE" not in authority.chain_pem()
    assert authority.chain_pem().count(b"BEGIN CERTIFICATE") == 2


def request_of(key: rsa.RSAPrivateKey) -> x509.CertificateSigningRequest:
    parts = [
        x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "1630999001"),
        x509.NameAttribute(NameOID.COMMON_NAME, "DMP SIGN"),
    ]
    return x509.CertificateSigningRequestBuilder().subject_name(x509.Name(parts)).sign(key, hashes.SHA256())


def test_a_key_that_stays_elsewhere_gets_a_sign_certificate_by_its_request(authority: Authority) -> None:
    key = rsa.generate_private_key(65537, 2048)

    certificate = authority.sign_of_request(request_of(key))

    assert certificate.public_key() == key.public_key()
    assert certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATIONAL_UNIT_NAME)[0].value == "1630999001"
    own = authority.sign(**ENTITY).certificate
    assert [each.oid for each in certificate.extensions] == [each.oid for each in own.extensions]
    certificate.verify_directly_issued_by(authority.issuing.certificate)


def test_a_request_for_somebody_elses_key_is_refused(authority: Authority) -> None:
    request = request_of(rsa.generate_private_key(65537, 2048))
    touched = bytearray(request.public_bytes(serialization.Encoding.DER))
    touched[-1] ^= 1

    with pytest.raises(ValueError, match="signed by the key"):
        authority.sign_of_request(x509.load_der_x509_csr(bytes(touched)))
