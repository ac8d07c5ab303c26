"""The demo's PKI: a look-alike of the IGC-Sante chain, made at each start; its keys never leave the run's work folder.

TEST AC RACINE … ELEMENTAIRE signs TEST AC … ELEMENTAIRE ORGANISATIONS, which signs server certificates and the two ORG
profiles: AUTH_CLI (TLS client) and SIGN. Every certificate has SKI and AKI and a critical key usage: OpenSSL under
`VERIFY_X509_STRICT`, the default from Python 3.13, refuses a chain without them.

Source: IGC-Sante profiles as observed in public certificates; RFC 5280 §4.2.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

KEY_BITS = 2048
POLICY = x509.ObjectIdentifier("1.2.250.1.213.1.7.2.1.1.1.1")
ANS_TYPE = x509.ObjectIdentifier("1.2.250.1.71.1.2.5")
TEST_PRODUCT = bytes.fromhex("040183")
ORG_VALIDITY = timedelta(days=3 * 365)


@dataclass(frozen=True)
class Credential:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey

    def certificate_pem(self) -> bytes:
        """Return the certificate alone."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def key_pem(self) -> bytes:
        """Return the key, not encrypted."""
        return self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


@dataclass
class Authority:
    """Root and issuing authority of one run.

    Args:
        now: Start of every validity, minus a day.
        crl_url: Where relying parties would fetch the issuing authority's CRL; no such extension when empty.
    """

    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    crl_url: str = ""
    root: Credential = field(init=False)
    issuing: Credential = field(init=False)
    revoked: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Make both authorities."""
        self.root = self._authority("TEST AC RACINE IGC-SANTE ELEMENTAIRE", None, path_length=1)
        self.issuing = self._authority("TEST AC IGC-SANTE ELEMENTAIRE ORGANISATIONS", self.root, path_length=0)

    def chain_pem(self) -> bytes:
        """Return what a verifier needs: root and issuing authority, public halves only."""
        return self.root.certificate_pem() + self.issuing.certificate_pem()

    def server(self, common_name: str) -> Credential:
        """Return a server's certificate for 127.0.0.1 and localhost (offer SERV, usage SSL_SERV)."""
        names = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")]
        return self._leaf(
            _subject(CN=common_name),
            _usage(digital_signature=True, key_encipherment=True),
            ExtendedKeyUsageOID.SERVER_AUTH,
            extra=[x509.SubjectAlternativeName(names)],
        )

    def auth_cli(self, *, structure: str, name: str, service: str, expired: bool = False) -> Credential:
        """Return an ORG AUTH_CLI certificate.

        Args:
            structure: Struct_IdNat of the legal entity, e.g. `1` and its FINESS.
            name: The structure's name.
            service: Common name: `INSI-AUTO`, `DMP` …
            expired: Make one whose validity is over, for a test of its refusal.
        """
        return self._organisation(
            structure, name, service, _usage(digital_signature=True), ExtendedKeyUsageOID.CLIENT_AUTH, expired
        )

    def sign(self, *, structure: str, name: str, service: str = "DMP SIGN", expired: bool = False) -> Credential:
        """Return an ORG SIGN certificate; arguments as `auth_cli`."""
        usage = _usage(digital_signature=True, content_commitment=True)
        return self._organisation(structure, name, service, usage, ExtendedKeyUsageOID.EMAIL_PROTECTION, expired)

    def sign_of_request(self, request: x509.CertificateSigningRequest) -> x509.Certificate:
        """Return an ORG SIGN certificate for a key that stays where it is, with the subject that its request names.

        Raises:
            ValueError: The request is not signed by that key.
        """
        public = request.public_key()
        if not request.is_signature_valid or not isinstance(public, rsa.RSAPublicKey):
            raise ValueError("a request is signed by the key that it is for")
        usage = _usage(digital_signature=True, content_commitment=True)
        extra = self._organisation_extensions(ExtendedKeyUsageOID.EMAIL_PROTECTION, self.now - timedelta(days=1))
        builder = self._leaf_builder(request.subject, public, usage, ExtendedKeyUsageOID.EMAIL_PROTECTION, extra)
        return builder.sign(self.issuing.key, hashes.SHA256())

    def revoke(self, credential: Credential) -> None:
        """Put a certificate on the next CRL."""
        self.revoked.append(credential.certificate.serial_number)

    def crl_pem(self) -> bytes:
        """Return the issuing authority's CRL of now, valid for a week."""
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.issuing.certificate.subject)
            .last_update(self.now)
            .next_update(self.now + timedelta(days=7))
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.issuing.key.public_key()), critical=False)
            .add_extension(x509.CRLNumber(len(self.revoked) + 1), critical=False)
        )
        for serial in self.revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(self.now).build()
            builder = builder.add_revoked_certificate(entry)
        return builder.sign(self.issuing.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    def _authority(self, common_name: str, issuer: Credential | None, *, path_length: int) -> Credential:
        key = rsa.generate_private_key(65537, KEY_BITS)
        subject = x509.Name(
            [
                x509.NameAttribute(NameOID.COUNTRY_NAME, "FR"),
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "ASIP-SANTE"),
                x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "0002 187512751"),
                x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "IGC-SANTE TEST"),
                x509.NameAttribute(NameOID.COMMON_NAME, common_name),
            ]
        )
        builder = self._builder(subject, key.public_key(), issuer, timedelta(days=20 * 365))
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        builder = builder.add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
        return Credential(builder.sign(issuer.key if issuer else key, hashes.SHA256()), key)

    def _organisation(
        self, structure: str, name: str, service: str, usage: x509.KeyUsage, purpose: x509.ObjectIdentifier, expired: bool
    ) -> Credential:
        begins = self.now - ORG_VALIDITY - timedelta(days=2) if expired else None
        subject = _subject(ST=f"Département ({structure[1:3]})", O=name, OU=structure, CN=service)
        extra = self._organisation_extensions(purpose, begins or self.now - timedelta(days=1))
        return self._leaf(subject, usage, purpose, extra=extra, begins=begins)

    def _organisation_extensions(self, purpose: x509.ObjectIdentifier, begin: datetime) -> list[x509.ExtensionType]:
        policy = x509.PolicyInformation(POLICY, ["http://igc-sante.esante.gouv.fr/PC%20TEST"])
        extra = [x509.CertificatePolicies([policy]), x509.UnrecognizedExtension(ANS_TYPE, TEST_PRODUCT)]
        if purpose == ExtendedKeyUsageOID.EMAIL_PROTECTION:
            extra.append(x509.PrivateKeyUsagePeriod(begin, begin + ORG_VALIDITY))
        return extra

    def _leaf(
        self,
        subject: x509.Name,
        usage: x509.KeyUsage,
        purpose: x509.ObjectIdentifier,
        *,
        extra: list[x509.ExtensionType],
        begins: datetime | None = None,
    ) -> Credential:
        key = rsa.generate_private_key(65537, KEY_BITS)
        builder = self._leaf_builder(subject, key.public_key(), usage, purpose, extra, begins)
        return Credential(builder.sign(self.issuing.key, hashes.SHA256()), key)

    def _leaf_builder(
        self,
        subject: x509.Name,
        public: rsa.RSAPublicKey,
        usage: x509.KeyUsage,
        purpose: x509.ObjectIdentifier,
        extra: list[x509.ExtensionType],
        begins: datetime | None = None,
    ) -> x509.CertificateBuilder:
        builder = self._builder(subject, public, self.issuing, ORG_VALIDITY, begins)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=False)
        builder = builder.add_extension(usage, critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        if self.crl_url:
            point = x509.DistributionPoint([x509.UniformResourceIdentifier(self.crl_url)], None, None, None)
            extra = [*extra, x509.CRLDistributionPoints([point])]
        for extension in extra:
            builder = builder.add_extension(extension, critical=False)
        return builder

    def _builder(
        self,
        subject: x509.Name,
        public: rsa.RSAPublicKey,
        issuer: Credential | None,
        validity: timedelta,
        begins: datetime | None = None,
    ) -> x509.CertificateBuilder:
        begin = begins or self.now - timedelta(days=1)
        signer = issuer.key.public_key() if issuer else public
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer.certificate.subject if issuer else subject)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(begin + validity)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer), critical=False)
        )


def write_server(folder: Path, name: str, authority: Authority) -> dict[str, str]:
    """Write a server's chain and key; return the paths as a simulator's settings want them."""
    credential = authority.server(name)
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    certificate.write_bytes(credential.certificate_pem() + authority.issuing.certificate_pem())
    key.touch(mode=0o600)
    key.write_bytes(credential.key_pem())
    return {"certificate": str(certificate), "key": str(key)}


def write_trust(folder: Path, authority: Authority) -> dict[str, str]:
    """Write the chain and the revocation list of now; return the paths as a simulator's settings want them.

    Called again after a revocation, it puts the new list in place at once and whole; servers read it at the next connection.
    """
    files = {"ca": folder / "ca.pem", "crl": folder / "crl.pem"}
    for name, content in {"ca": authority.chain_pem(), "crl": authority.crl_pem()}.items():
        beside = files[name].with_suffix(".new")
        beside.write_bytes(content)
        beside.rename(files[name])
    return {name: str(file) for name, file in files.items()}


def _subject(**parts: str) -> x509.Name:
    kinds = {
        "ST": NameOID.STATE_OR_PROVINCE_NAME,
        "O": NameOID.ORGANIZATION_NAME,
        "OU": NameOID.ORGANIZATIONAL_UNIT_NAME,
        "CN": NameOID.COMMON_NAME,
    }
    attributes = [x509.NameAttribute(kinds[kind], value) for kind, value in parts.items()]
    return x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, "FR"), *attributes])


def _usage(
    *,
    digital_signature: bool = False,
    content_commitment: bool = False,
    key_encipherment: bool = False,
    key_cert_sign: bool = False,
    crl_sign: bool = False,
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=content_commitment,
        key_encipherment=key_encipherment,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )
