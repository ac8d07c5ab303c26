"""The demo's certificates are what the strictest relying party takes, and their bad samples are refused."""

import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
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
