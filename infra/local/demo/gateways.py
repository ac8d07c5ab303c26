"""The gateways of a run: each with a spool that is sealed, behind a cable of its own to the cloud; stopped, killed and started again."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.local.children import Child
from infra.local.cloud.client import Cloud
from infra.local.demo import group
from infra.local.demo.simulators import LISTENERS, Simulators, platform_of, surroundings

CREDENTIAL = "ris-spool-key"
QUICK = {"poll_wait_s": 2, "cloud_backoff_most_s": 1.0}
"""A demo does not wait as long as a site does."""


@dataclass(frozen=True)
class GatewayDoors:
    """Where a site's gateway listens."""

    site: str
    ae_title: str
    mllp_port: int
    dicom_port: int
    health_port: int


class Gateways(Simulators):
    """The simulators and the gateways between them and the cloud.

    Attributes:
        gateways: Their doors, by site.
    """

    cloud: Cloud
    gateways: dict[str, GatewayDoors]
    _prefix: str
    _group_key: str

    # --- start ---

    def lay_cables(self) -> None:
        """Start a cable from each site to the cloud: all that its gateway asks of AWS goes through it."""
        for site in self._sites:
            self._simulator(f"cable-{site}", "cable", {"to": int(self.cloud.endpoint.rsplit(":", 1)[-1])})

    def start_gateway(self, site: str, **more: Any) -> None:
        """Start a site's gateway; `gateway_ready` waits for it.

        Args:
            more: Settings of its own.
        """
        name = f"gateway-{site}"
        (self.work / f"{name}.status").unlink(missing_ok=True)
        file = self.work / f"{name}.json"
        file.write_text(json.dumps({**self._settings_of(site), **more}))
        status = self._status(f"cable-{site}")
        self.control[f"cable-{site}"] = status["control"]
        aws = {**self.cloud.aws_environment(self.role(site)), "AWS_ENDPOINT_URL": f"http://127.0.0.1:{status['port']}"}
        credentials = self._credentials(site)
        given = {"CREDENTIALS_DIRECTORY": str(credentials)} if credentials.exists() else {}
        self._servers.add(name)
        self._spawn(name, "gateways.edge", "--config", str(file), env={**surroundings(), **aws, **given})

    def gateway_ready(self, site: str) -> None:
        """Wait until a site's gateway listens, and tell whoever speaks to it where."""
        status = self._status(f"gateway-{site}")
        ports = {name: int(status[name]) for name in ("mllp_port", "dicom_port", "health_port")}
        self.gateways[site] = GatewayDoors(site, group.site(site)["gateway_ae_title"], **ports)
        if platform := platform_of(site):
            self.tell(f"{platform}-{site}", {"gateway": {"port": self.gateways[site].mllp_port}})

    def _settings_of(self, site: str) -> dict[str, Any]:
        queue = self.cloud.client("sqs", "operator").get_queue_url
        name = f"gateway-{site}"
        return {
            "site": site,
            "gateway_id": f"{site}-1",
            "mllp": {"host": "127.0.0.1", "port": 0},
            "dicom": {
                "host": "127.0.0.1",
                "port": 0,
                "ae_title": group.site(site)["gateway_ae_title"],
                "modalities": [{"ae_title": row["ae_title"]} for row in group.machines(site)],
            },
            "destinations": {peer: {"host": "127.0.0.1", "port": self._peer(peer, site)} for peer in LISTENERS},
            "spool": str(self.spool(site)),
            "spool_key": self.cloud.sites[site]["SpoolKeyAliasName"],
            "queues": {
                "hl7_inbound": queue(QueueName=f"{self._prefix}-hl7-inbound.fifo")["QueueUrl"],
                "dicom_inbound": queue(QueueName=f"{self._prefix}-dicom-inbound.fifo")["QueueUrl"],
                "worklist_feed": queue(QueueName=f"{self._prefix}-{site}-worklist-feed")["QueueUrl"],
                "hl7_outbound": queue(QueueName=f"{self._prefix}-{site}-hl7-outbound.fifo")["QueueUrl"],
            },
            "bucket_messages": self.cloud.function_env("IntakeHl7Function")["BUCKET_MESSAGES"],
            "group_key": self._group_key,
            "status_file": str(self.work / f"{name}.status"),
            **QUICK,
        }

    def _peer(self, peer: str, site: str) -> int:
        status = self._status(f"{peer}-{site}")
        self.control[f"{peer}-{site}"] = status["control"]
        return int(status["port"])

    def role(self, site: str) -> str:
        """Return its access key's name, that of its policy: its calls are compared with what that grants."""
        return f"{self._prefix}-{site}-gateway"

    def _credentials(self, site: str) -> Path:
        return self.work / f"credentials-{site}"

    # --- while they run ---

    def spool(self, site: str) -> Path:
        """Return the folder of a gateway's spool."""
        return self.work / f"gateway-{site}.spool"

    def health(self, site: str) -> dict[str, Any]:
        """Return what a gateway's health door shows."""
        address = f"http://127.0.0.1:{self.gateways[site].health_port}/"
        return dict(json.loads(self._http.request("GET", address).data))

    def stop_gateway(self, site: str) -> None:
        """End a gateway as its unit does: SIGTERM, and time to finish what it took."""
        self._gone(site).stop(timeout_s=30.0)

    def kill_gateway(self, site: str) -> None:
        """End a gateway as a power cut does: SIGKILL."""
        self._gone(site).kill()

    def _gone(self, site: str) -> Child:
        """Return a gateway that nobody expects to live any more."""
        (child,) = self.children.named(f"gateway-{site}")
        self.children.forget(child)
        return child

    def give_credential(self, site: str) -> None:
        """Open the spool's key once with KMS and give it to the machine, as the site's engineer does (`gateways/edge/README.md`).

        A folder stands for what systemd opens with the TPM.
        """
        context = {"site": site, "gateway": f"{site}-1"}
        sealed = (self.spool(site) / "key.kms").read_bytes()
        key = self.cloud.client("kms", self.role(site)).decrypt(CiphertextBlob=sealed, EncryptionContext=context)["Plaintext"]
        folder = self._credentials(site)
        folder.mkdir(mode=0o700, exist_ok=True)
        with open(os.open(folder / CREDENTIAL, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(key)
