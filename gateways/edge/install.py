"""`ris site install`: what a new machine of a site is given, worked out first and written second.

The site's stack says where the queues are and which key seals the spool; the engineer says what is local (peers, modalities, ports).
The private key is made here and never leaves the machine; its certificate is asked for with the CSR.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateways.edge.config import Settings
from gateways.edge.engine import NO_DIGEST, is_digest

TEMPLATES = Path(__file__).with_name("site")
NEEDED = ("Prefix", "Site", "Region", "WorklistFeedQueueUrl", "Hl7OutboundQueueUrl", "Hl7InboundQueueUrl", "DicomInboundQueueUrl")
CERTIFIED = ("TrustAnchorArn", "GatewayProfileArn", "GatewayRoleArn")
CONTAINER_USER = 10001
KEY, CONFIG = Path("etc/ris/gateway.key"), Path("etc/ris/gateway.json")


class CannotInstall(Exception):
    """The text names what is missing or in the way."""


@dataclass(frozen=True)
class Planned:
    """One file.

    Args:
        path: Below the root that is installed into.
        state: `new`, `same`, `kept` (there, and never replaced) or `other` (there, with another content).
        owner: Who alone reads it, where that is not root: the container's user. The unit is given its files as credentials.
    """

    path: Path
    content: bytes
    mode: int
    state: str
    owner: int | None = None


def image_of(described: Any) -> str:
    """Return the digest that the site's stack names (`GatewayImage`).

    Raises:
        CannotInstall: It names none.
    """
    image = outputs_of(described).get("GatewayImage", "")
    if not image:
        raise CannotInstall("the stack names no GatewayImage")
    return image


def outputs_of(described: Any) -> dict[str, str]:
    """Return the outputs of `aws cloudformation describe-stacks` for the site's stack.

    Raises:
        CannotInstall: It is no such answer, or an output is not there.
    """
    try:
        outputs = {one["OutputKey"]: str(one["OutputValue"]) for stack in described["Stacks"] for one in stack["Outputs"]}
    except (KeyError, TypeError) as error:
        raise CannotInstall("not an answer of describe-stacks: Stacks[].Outputs[] is missing") from error
    missing = [name for name in (*NEEDED, "MessagesBucketName", "SpoolKeyAliasName") if name not in outputs]
    if missing:
        raise CannotInstall(f"outputs missing: {', '.join(missing)}; is it the stack of infra/site.yaml?")
    return outputs


def plan(root: Path, outputs: Mapping[str, str], local: Mapping[str, Any], *, gateway_id: str, image: str = "") -> list[Planned]:
    """Work out every file; nothing is written.

    Args:
        local: What only the site knows, as in the settings file: `mllp`, `dicom`, `destinations`, `sources`, `retention_days`.
        image: Digest of the image; empty takes the one the stack names, and installs the systemd unit where it names none.

    Raises:
        CannotInstall: The image is not named by its digest.
        pydantic.ValidationError: A local setting is none.
    """
    image = image or outputs.get("GatewayImage", "")
    if image and not is_digest(image):
        raise CannotInstall(f"image : {NO_DIGEST}")
    key = _present(root / KEY) or _new_key()
    name = f"{outputs['Prefix']}-{outputs['Site']}-gateway"
    reader = CONTAINER_USER if image else None
    files: list[tuple[Path, bytes, int]] = [
        (CONFIG, _settings(root, outputs, local, gateway_id), 0o640),
        (KEY, key, 0o600),
        (Path("etc/ris/gateway.csr"), _request(root, key, name), 0o644),
        (Path("etc/ris/aws"), _aws(outputs, in_container=bool(image)), 0o644),
    ]
    if image:
        files += [(Path("etc/ris/compose.yaml"), _template("compose.yaml"), 0o644)]
        files += [(Path("etc/ris/.env"), f"IMAGE={image}\n".encode(), 0o644)]
        for unit in ("ris-credentials.service", "ris-update.service"):
            files += [(Path("etc/systemd/system") / unit, _template(unit), 0o644)]
    else:
        files += [(Path("etc/systemd/system/ris-gateway.service"), _template("ris-gateway.service"), 0o644)]
    return [
        Planned(path, content, mode, _state(root / path, content), reader if path in (CONFIG, KEY) else None)
        for path, content, mode in files
    ]


def write(root: Path, planned: Sequence[Planned], *, replace: bool = False) -> None:
    """Write what is new; with `replace` also what is other, whose old content stays beside it as `.old`.

    Raises:
        CannotInstall: Something is there with another content, and `replace` was not said; nothing was written.
    """
    others = [one for one in planned if one.state == "other"]
    if others and not replace:
        raise CannotInstall(f"there already, with another content: {', '.join(f'/{one.path}' for one in others)}")
    for one in planned:
        path = root / one.path
        if one.state not in ("new", "other"):
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        if one.state == "other":
            path.replace(path.with_name(path.name + ".old"))
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, one.mode)
        with open(descriptor, "wb") as file:
            file.write(one.content)
            if one.owner is not None and os.geteuid() == 0:
                os.fchown(file.fileno(), one.owner, one.owner)


def _state(path: Path, content: bytes) -> str:
    if not path.exists():
        return "new"
    if path.name == KEY.name:
        return "kept"
    return "same" if path.read_bytes() == content else "other"


def _settings(root: Path, outputs: Mapping[str, str], local: Mapping[str, Any], gateway_id: str) -> bytes:
    settings = {
        "mllp": {"host": "0.0.0.0", "port": 2575},  # noqa: S104 - the peers are on the site's network
        "health": {"host": "0.0.0.0", "port": 8080},  # noqa: S104 - published on the machine itself only
        **local,
        "site": outputs["Site"],
        "gateway_id": gateway_id,
        "spool": "/var/lib/ris/spool",
        "status_file": "/var/lib/ris/spool/status.json",
        "queues": {
            "hl7_inbound": outputs["Hl7InboundQueueUrl"],
            "dicom_inbound": outputs["DicomInboundQueueUrl"],
            "worklist_feed": outputs["WorklistFeedQueueUrl"],
            "hl7_outbound": outputs["Hl7OutboundQueueUrl"],
        },
        "bucket_messages": outputs["MessagesBucketName"],
        "spool_key": outputs["SpoolKeyAliasName"],
        "group_key": _group_key(root),
    }
    text = json.dumps(settings, indent=2, ensure_ascii=False) + "\n"
    Settings.model_validate_json(text)
    return text.encode()


def _group_key(root: Path) -> str:
    """Return the key of the installed settings, so that the order on the queue does not break; else a new one."""
    present = _present(root / CONFIG)
    try:
        return str(json.loads(present)["group_key"])
    except (ValueError, KeyError, TypeError):
        return secrets.token_hex(32)


def _present(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


def _new_key() -> bytes:
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _request(root: Path, key_pem: bytes, name: str) -> bytes:
    """Return the request that is there for this key and name, else a new one (a signature is never the same twice)."""
    key = serialization.load_pem_private_key(key_pem, None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise CannotInstall(f"/{KEY}: not an elliptic curve key")
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    present = _present(root / "etc/ris/gateway.csr")
    if present:
        found = x509.load_pem_x509_csr(present)
        if found.subject == subject and found.public_key() == key.public_key():
            return present
    made = x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM)


def _aws(outputs: Mapping[str, str], *, in_container: bool) -> bytes:
    """Write the AWS configuration: credentials by the site's certificate (IAM Roles Anywhere) where the stack has a trust anchor."""
    lines = ["[default]", f"region = {outputs['Region']}"]
    if all(name in outputs for name in CERTIFIED):
        key = f"/{KEY}" if in_container else f"/run/credentials/ris-gateway.service/{KEY.name}"
        anchor, profile, role = (outputs[name] for name in CERTIFIED)
        lines.append(
            "credential_process = aws_signing_helper credential-process --certificate /etc/ris/gateway.pem "
            f"--private-key {key} --trust-anchor-arn {anchor} --profile-arn {profile} --role-arn {role}"
        )
    return "\n".join([*lines, ""]).encode()


def _template(name: str) -> bytes:
    return (TEMPLATES / name).read_bytes()
