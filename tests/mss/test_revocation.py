"""A server whose certificate was revoked gets nothing, whoever calls it and by whatever library; an issuer that is silent is a setting."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from infra.local.demo.pki import Authority, Credential, write_server, write_trust
from infra.local.services.crl import PATH, CrlDoor
from infra.local.services.http_door import HttpDoor, Reply, Request, server_tls
from ris.adapters.access.https import PooledHttps
from ris.adapters.dispatch.dmp.client import _connect
from ris.adapters.dispatch.extract import WebExtract
from ris.adapters.dispatch.mss.access import operator_of
from ris.adapters.dispatch.mss.imap import ImapMailboxes
from ris.adapters.dispatch.mss.smtp import SmtpOperator
from ris.adapters.identity.insi_soap import InsiSettings, InsiSoap
from ris.adapters.keys.client_tls import client_context
from ris.adapters.keys.revocation import REVOKED, UNKNOWN, Revocation, RevocationError, of_this_process
from ris.adapters.keys.server_trust import server_context
from ris.domain.dispatch.mail_codes import safe_code
from ris.domain.errors import RemoteUnavailable
from ris.portal.sentences import SENTENCES
from tests.mss.test_product_meets_operator import a_submission, accesses, taken
from tests.support.mss import NUMBER, Post, open_post
from tests.support.national import Pki

NOW = datetime.now(UTC)


@dataclass
class House:
    """A chain with its list over HTTP, and a server over TLS that counts what reaches it."""

    folder: Path
    got: list[Request] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.lists = CrlDoor(self.folder / "crl.pem")
        self.authority = Authority(crl_url=self.lists.url + PATH)
        self.trust = write_trust(self.folder, self.authority)
        self.server = write_server(self.folder, "server", self.authority)
        self.door = HttpDoor(self._answer, tls=server_tls(self.server["certificate"], self.server["key"]))
        self.ca = self.authority.chain_pem().decode()

    def _answer(self, request: Request) -> Reply:
        self.got.append(request)
        return Reply(200, b"{}", {"Content-Type": "application/json"})

    def revoke(self) -> None:
        certificate = x509.load_pem_x509_certificate(Path(self.server["certificate"]).read_bytes())
        self.authority.revoked.append(certificate.serial_number)
        write_trust(self.folder, self.authority)

    def close(self) -> None:
        self.door.close()
        self.lists.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def asked_each_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("CRL_FRESH_S", "0.000001")
    of_this_process.cache_clear()
    yield
    of_this_process.cache_clear()


def through_provider(house: House) -> None:
    PooledHttps(house.ca).get(house.door.url + "/")


def through_directory(house: House) -> None:
    WebExtract(house.door.url + "/extract", house.ca).newest()


def through_autoconfig(house: House) -> None:
    operator_of(house.door.url + "/mail/config-v1.1.xml", house.ca, 5)


def through_insi(house: House) -> None:
    client = house.authority.auth_cli(structure="1990000017", name="Nord", service="INSI-MANU")
    tls = client_context(certificate_pem=client.certificate_pem().decode(), key_pem=client.key_pem().decode(), ca_pem=house.ca)
    InsiSoap(InsiSettings(house.door.url, "", "", "", "", "", {}), tls, tls, lambda: "")._post(b"<x/>", tls)


def through_dmp(house: House) -> None:
    connection = http.client.HTTPSConnection("127.0.0.1", house.door.port, timeout=5, context=server_context(house.ca))
    try:
        _connect(connection)
        connection.request("POST", "/repository", body=b"<x/>")
        connection.getresponse().read()
    finally:
        connection.close()


CALLERS = [through_provider, through_directory, through_autoconfig, through_insi, through_dmp]


@pytest.mark.segur("MSS.04", "MSS.05", "MSS.06")
@pytest.mark.parametrize("call", CALLERS, ids=lambda call: call.__name__)
def test_each_caller_sends_to_a_good_server_and_nothing_to_a_revoked_one(house: House, call: Callable[[House], None]) -> None:
    with pytest.MonkeyPatch.context() as quiet:
        quiet.setattr("ris.adapters.dispatch.mss.access.read_autoconfig", lambda _text: None)
        call(house)
    before = len(house.got)
    house.revoke()

    with pytest.raises(RemoteUnavailable) as refused:
        call(house)

    assert (before, len(house.got)) == (1, 1)
    assert refused.value.code == REVOKED


@pytest.mark.segur("MSS.06")
def test_a_revoked_operator_gets_no_login_and_no_mail(tmp_path: Path) -> None:
    lists = CrlDoor(tmp_path / "crl.pem")
    authority = Authority(crl_url=lists.url + PATH)
    pki = Pki(authority, {**write_server(tmp_path, "national", authority), **write_trust(tmp_path, authority)})
    post: Post = open_post(pki, tmp_path / "post")
    try:
        SmtpOperator(accesses(post)).submit("nord", a_submission())
        serial = x509.load_pem_x509_certificate(Path(pki.files["certificate"]).read_bytes()).serial_number
        authority.revoked.append(serial)
        write_trust(tmp_path, authority)

        with pytest.raises(RemoteUnavailable) as sending:
            SmtpOperator(accesses(post)).submit("nord", a_submission())
        with pytest.raises(RemoteUnavailable) as reading:
            ImapMailboxes(accesses(post)).open("nord")

        assert (sending.value.code, reading.value.code, taken(post, NUMBER)) == (REVOKED, REVOKED, 1)
    finally:
        post.doors.close()
        lists.close()


@pytest.mark.parametrize("policy", ["accept", "refuse"])
def test_a_list_that_cannot_be_had_is_a_setting_and_a_line_in_the_log(
    house: House, policy: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CRL_POLICY", policy)
    house.lists.close()

    if policy == "refuse":
        with pytest.raises(RemoteUnavailable, match=UNKNOWN):
            through_provider(house)
    else:
        through_provider(house)

    assert len(house.got) == (0 if policy == "refuse" else 1)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    said = [(one["destination"], one["outcome"]) for one in lines if one["code_reference"] == "REVOCATION_001"]
    assert said == [("127.0.0.1", "refused" if policy == "refuse" else "accepted")]


def test_a_policy_that_is_none_is_refused_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRL_POLICY", "perhaps")

    with pytest.raises(ValueError, match="CRL_POLICY"):
        of_this_process()


class Lists:
    """A list as its publisher has it, with a clock."""

    def __init__(self, *, lasts: timedelta = timedelta(days=7)) -> None:
        self.authority = Authority(crl_url="http://lists.example/ACI.crl")
        self.server = self.authority.server("server")
        self.chain = [
            each.certificate.public_bytes(Encoding.DER) for each in (self.server, self.authority.issuing, self.authority.root)
        ]
        self.now, self.lasts = self.authority.now, lasts
        self.asked: list[str] = []
        self.there = True
        self.signer = self.authority.issuing
        self.extensions: list[tuple[x509.ExtensionType, bool]] = []

    def content(self, *revoked: Credential) -> bytes:
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.authority.issuing.certificate.subject)
        builder = builder.last_update(self.now).next_update(self.now + self.lasts)
        for extension, critical in self.extensions:
            builder = builder.add_extension(extension, critical=critical)
        for one in revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(one.certificate.serial_number).revocation_date(self.now).build()
            builder = builder.add_revoked_certificate(entry)
        return builder.sign(self.signer.key, hashes.SHA256()).public_bytes(Encoding.DER)

    def fetch(self, url: str, _timeout_s: float) -> bytes:
        self.asked.append(url)
        if not self.there:
            raise OSError
        return self.answer

    def checker(self, *revoked: Credential, **settings: object) -> Revocation:
        self.answer = self.content(*revoked)
        return Revocation(**{"refuse_unknown": True, "fetch": self.fetch, "clock": lambda: self.now, **settings})  # type: ignore[arg-type]

    def ends(self, checker: Revocation) -> str:
        """Return the code a connection ends with now, or empty."""
        try:
            checker.check(self.chain, "server.example")
        except RevocationError as error:
            return error.code
        return ""


def test_a_list_is_asked_for_once_an_hour_and_serves_to_its_end_when_its_publisher_is_silent() -> None:
    lists = Lists()
    checker = lists.checker()

    assert [lists.ends(checker) for _ in range(3)] == ["", "", ""]
    assert len(lists.asked) == 1
    lists.there, lists.now = False, lists.now + timedelta(hours=1)
    assert [lists.ends(checker), lists.ends(checker)] == ["", ""]
    assert len(lists.asked) == 2, "a silent publisher is not asked at each call"
    lists.now += timedelta(seconds=61)
    assert (lists.ends(checker), len(lists.asked)) == ("", 3)
    lists.now += timedelta(days=7)
    assert lists.ends(checker) == UNKNOWN
    lists.there, lists.answer = True, lists.content(lists.server)
    lists.now += timedelta(seconds=61)
    assert lists.ends(checker) == REVOKED


@pytest.mark.parametrize(
    "wrong", ["stranger", "another's name", "delta", "other part", "indirect", "some reasons", "no list", "ended"]
)
def test_what_is_no_list_of_these_certificates_says_nothing_of_them(wrong: str) -> None:
    lists = Lists(lasts=timedelta(seconds=-1) if wrong == "ended" else timedelta(days=7))
    if wrong == "ended":
        lists.lasts, lists.now = timedelta(hours=1), lists.now - timedelta(hours=2)
    point = [x509.UniformResourceIdentifier("http://lists.example/other.crl")]
    idp = dict.fromkeys(("relative_name", "only_some_reasons")) | dict.fromkeys(
        ("only_contains_user_certs", "only_contains_ca_certs", "indirect_crl", "only_contains_attribute_certs"), False
    )
    if wrong == "delta":
        lists.extensions = [(x509.DeltaCRLIndicator(1), True)]
    elif wrong == "other part":
        lists.extensions = [(x509.IssuingDistributionPoint(full_name=point, **idp), True)]
    elif wrong == "indirect":
        lists.extensions = [(x509.IssuingDistributionPoint(full_name=None, **{**idp, "indirect_crl": True}), True)]
    elif wrong == "some reasons":
        reasons = frozenset({x509.ReasonFlags.key_compromise})
        lists.extensions = [(x509.IssuingDistributionPoint(full_name=None, **{**idp, "only_some_reasons": reasons}), True)]
    elif wrong == "stranger":
        lists.signer = Authority().issuing
    checker = lists.checker(lists.server)
    if wrong == "another's name":
        lists.answer = Authority().crl_pem()
    elif wrong == "no list":
        lists.answer = b"<html>"
    elif wrong == "ended":
        lists.now += timedelta(hours=2)

    assert lists.ends(checker) == UNKNOWN
    assert Lists.ends(lists, Revocation(fetch=lists.fetch, clock=lambda: lists.now)) == ""


def test_a_list_of_this_very_address_and_one_in_pem_are_read() -> None:
    lists = Lists()
    point = [x509.UniformResourceIdentifier("http://lists.example/ACI.crl")]
    lists.extensions = [
        (
            x509.IssuingDistributionPoint(
                full_name=point, relative_name=None, only_contains_user_certs=True, only_contains_ca_certs=False,
                only_some_reasons=None, indirect_crl=False, only_contains_attribute_certs=False,
            ),
            True,
        )
    ]  # fmt: skip
    assert lists.ends(lists.checker(lists.server)) == REVOKED
    lists.extensions = []
    checker = lists.checker()
    lists.answer = x509.load_der_x509_crl(lists.content(lists.server)).public_bytes(Encoding.PEM)
    assert lists.ends(checker) == REVOKED


def test_an_issuer_without_a_list_is_not_asked() -> None:
    lists = Lists()
    bare = Authority()
    chain = [each.certificate.public_bytes(Encoding.DER) for each in (bare.server("x"), bare.issuing, bare.root)]

    lists.checker().check(chain, "server.example")

    assert lists.asked == []


@pytest.mark.parametrize("address", ["file:///etc/passwd", "https://lists.example/x", "ldap://lists.example/x"])
def test_a_list_is_fetched_over_http_alone(address: str) -> None:
    with pytest.raises(ValueError, match="http"):
        Revocation().fetch(address, 1)


def test_a_refusal_is_a_code_that_may_stand_on_a_row_and_has_its_sentence() -> None:
    assert safe_code(REVOKED) == REVOKED
    for code in (REVOKED, UNKNOWN):
        assert "certificat" in SENTENCES[code].lower()


def test_no_other_place_makes_a_context_of_tls() -> None:
    package = Path(__file__).parents[2] / "layers/ris/python/ris"
    words = ("create_default_context(", "ssl.SSLContext(", "_create_unverified_context", "_create_stdlib_context")

    found = {path.name for path in package.rglob("*.py") if any(word in path.read_text() for word in words)}

    assert found == {"server_trust.py"}


def test_the_chain_is_the_one_that_was_verified(house: House) -> None:
    seen: list[list[bytes]] = []

    class Watching(Revocation):
        def check(self, chain: object, host: str) -> None:
            seen.append(list(chain))  # type: ignore[call-overload]

    context = server_context(house.ca, Watching())
    with socket.create_connection(("127.0.0.1", house.door.port)) as plain, context.wrap_socket(plain, server_hostname="localhost"):
        pass

    served = x509.load_pem_x509_certificates(Path(house.server["certificate"]).read_bytes())
    assert seen == [[one.public_bytes(Encoding.DER) for one in (*served, house.authority.root.certificate)]]
