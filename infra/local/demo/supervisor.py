"""Starts the whole system in its order, and ends it: PKI, simulators, cloud with their addresses, data, gateways.

Every process is a child of this one and dies with it, however it ends (`infra.local.children`).
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from infra.local.children import Child
from infra.local.cloud.client import ROOT, Cloud, spawn_cloud
from infra.local.demo import group, legal_entities, national
from infra.local.demo.evidence import EvidenceFolder
from infra.local.demo.gateways import Gateways
from infra.local.demo.journey import Journal
from infra.local.demo.legal_entities import Certified
from infra.local.demo.national import Input
from infra.local.demo.pki import Authority, write_server, write_trust
from infra.local.demo.remotes import SERVICES, Remote
from infra.local.demo.simulators import PROVIDERS, surroundings
from infra.local.services.crl import PATH as CRL_PATH
from infra.local.services.crl import CrlDoor

PREFIX = "ris-demo"


class System(Gateways):
    """The running system, the simulators and the product between them; a context manager; arguments as `Simulators`."""

    def __init__(self, out: EvidenceFolder, remotes: Mapping[str, Remote], sites: list[str], given: Input = Input()) -> None:  # noqa: B008 - frozen
        super().__init__(out, remotes, sites, given)
        self.gateways = {}
        # Somebody else's DMP outlives this run: another tenant has other document ids.
        self._prefix = PREFIX if remotes["dmp"].simulated else f"{PREFIX}-{secrets.token_hex(3)}"
        self._certified: list[Certified] = []
        self._ca_pem = ""
        self._crl: CrlDoor | None = None

    def __enter__(self) -> System:
        return self

    def __exit__(self, *_: object) -> None:
        self.children.stop()
        if self._crl is not None:
            self._crl.close()

    # --- start ---

    def start(self, journal: Journal) -> None:
        """Start everything, a step each."""
        with journal.step("start", "make the PKI", "X.509") as step:
            tls = self._make_pki()
            step.left("pki", ["ca.pem", "crl.pem"])
        with journal.step("start", "simulators listen", "processes"):
            self.start_simulators(tls)
        with (
            journal.step("start", "deploy template.yaml into the embedded cloud", "CloudFormation") as step,
            ThreadPoolExecutor(1) as beside,
        ):
            # Keys take a second to make; nobody waits for them here.
            making = beside.submit(legal_entities.certify, self._authority, group.table("legal_entities"))
            self.cloud = self._deploy()
            self._certified = making.result()
            for one in self._certified:
                legal_entities.deploy(self.cloud, self._prefix, one.finess_ej)
            step.require(self.cloud.portal_url, "the template has no portal")
        with journal.step(
            "start", "secrets, reference data, gateways; each legal entity's key and certificates", "AWS API"
        ) as step:
            self.lay_cables()
            self._put_secrets()
            loading = self._load_reference()
            for site in self._sites:
                self.start_gateway(site)
            self._finish(*loading)
            asking = [self._ask_for_certificate(one.finess_ej) for one in self._certified]
            self.cloud.fire("ImportDirectorySchedule")
            for site in self._sites:
                self.gateway_ready(site)
            self._enrol()
            for one, (name, child) in zip(self._certified, asking, strict=True):
                self._certify(one, self._finish(name, child))
                step.left("pki", [f"{one.finess_ej}-{kind}.pem" for kind in (*one.clients, "sign")])

    def _make_pki(self) -> dict[str, dict[str, str]]:
        """Make the chain, the servers' certificates and the revocation list; the public half of it is evidence."""
        folder = self.out.folder / "pki"
        folder.mkdir()
        self._crl = CrlDoor(folder / "crl.pem")
        self._authority = Authority(crl_url=self._crl.url + CRL_PATH)
        self._ca_pem = self._authority.chain_pem().decode()
        trust = write_trust(folder, self._authority)
        return {
            name: {**write_server(self.work, name, self._authority), **(trust if name in SERVICES else {})}
            for name, remote in self._remotes.items()
            if remote.simulated
        }

    def _deploy(self) -> Cloud:
        parameters = {
            "Prefix": self._prefix,
            "PublicUrl": "{portal_url}",
            "CookieSuffix": secrets.token_hex(4),
            "OidcUrl": self._issuers["group"],
            "PscUrl": self._issuers["psc"],
            "InsiUrl": self._urls["insi"],
            "InsiSettings": national.insi_settings(),
            "DmpUrl": self._urls["dmp"],
            "DmpSettings": national.dmp_settings(),
            "MssUrl": self._urls["mss"],
            "MssSettings": national.mss_settings(),
            "DirectoryUrl": self._extract_url(),
            "DirectoryCa": self._ca_pem if self._remotes["directory"].simulated else self._remotes["directory"].ca_pem(),
        }
        sites = [{"Prefix": self._prefix, "Site": row["site"]} for row in group.table("sites")]
        return spawn_cloud(
            self.children,
            self.work,
            parameters=parameters,
            site_template=ROOT / "infra" / "site.yaml",
            sites=sites,
            rate_scale=national.RATE_SCALE,
            portal_port=int(os.environ.get("PORTAL_PORT") or 0),
        )

    def _extract_url(self) -> str:
        remote = self._remotes["directory"]
        return f"{self._urls['directory']}/{national.EXTRACT}" if remote.simulated else remote.url

    def _put_secrets(self) -> None:
        settings = self.cloud.function_env("PortalFunction")
        vault = self.cloud.client("secretsmanager", "operator")
        for name, variable in (("group", "OIDC_SECRET_ARN"), ("psc", "PSC_SECRET_ARN")):
            remote = self._remotes[name]
            secret = {
                "client_id": remote.client_id,
                "client_secret": self._secrets[name],
                "ca_pem": self._ca_pem if remote.simulated else remote.ca_pem(),
            }
            vault.put_secret_value(SecretId=settings[variable], SecretString=json.dumps(secret))
        self._group_key = secrets.token_urlsafe(32)
        arns = {self.cloud.function_env(function).get("GROUP_KEY_SECRET_ARN", "") for function in self.cloud.functions}
        for arn in arns - {""}:
            vault.put_secret_value(SecretId=arn, SecretString=self._group_key)

        trust = {name: self._remotes[name].ca_pem() for name in SERVICES}
        for one in self._certified:
            legal_entities.put_clients(self.cloud, self._prefix, one, self._authority, trust)
        for site in self._sites:
            self._put_mailbox(site, trust["mss"])

    def _put_mailbox(self, site: str, ca_pem: str) -> None:
        """Put the mailbox of a site into its secret: its legal entity's at our operator, or the one that somebody else gave us."""
        entity, remote = group.site(site)["legal_entity"], self._remotes["mss"]
        one = next(each for each in self._certified if each.finess_ej == entity)
        if remote.simulated:
            row = national.mailbox_of(entity)
            box = {"address": row["address"], "label": row["label"], "password": row["password"]}
        else:
            box = {"address": remote.client_id, "label": one.finess_ej, "password": remote.client_secret}
        box |= {"ca_pem": ca_pem} if ca_pem else {}
        legal_entities.put_mailbox(self.cloud, self._prefix, site, one, self._authority, box)

    def _load_reference(self) -> tuple[str, Child]:
        return self._operator("reference", "reference", "load", str(group.REFERENCE))

    def _ask_for_certificate(self, finess_ej: str) -> tuple[str, Child]:
        """Start the product's own request for the certificate of a key in KMS."""
        return self._operator(f"csr-{finess_ej}", "certificates", "csr", finess_ej)

    def _certify(self, one: Certified, request: str) -> None:
        certificate = legal_entities.put_sign_certificate(self.cloud, self._prefix, one.finess_ej, self._authority, request)
        legal_entities.show(self.out.folder / "pki", one, certificate)

    def _operator(self, name: str, *command: str) -> tuple[str, Child]:
        """Start one command of `ris`, as an operator at a terminal would."""
        settings = self.cloud.function_env("PortalFunction")
        tables = {name: value for name, value in settings.items() if name.startswith("TABLE_")}
        keys = {"SIGN_KEY_ALIAS_PREFIX": f"alias/{self._prefix}-sign-", "SECRET_PREFIX": self._prefix}
        keys["DISPATCH_STATE_MACHINE_ARN"] = self.cloud.state_machines["ReportDispatchStateMachine"]
        environment = {**surroundings(), **self.cloud.aws_environment("operator"), **tables, **keys}
        argv = [str(Path(sys.executable).with_name("ris")), *command]
        return name, self.children.spawn(name, argv, environment, cwd=ROOT, output=self.work / f"{name}.log")

    def _enrol(self) -> None:
        """Declare the portal's addresses to our providers, as one does with the real ones."""
        for name in PROVIDERS:
            if self._remotes[name].simulated:
                home = self.cloud.portal_url
                enrolment = {
                    "client_id": self._remotes[name].client_id,
                    "redirect_uris": [f"{home}/login/{name}/callback"],
                    "post_logout_redirect_uris": [f"{home}/logged-out"],
                }
                self.tell(name, {"enrol": enrolment})

    # --- while it runs ---

    def operate(self, *command: str) -> str:
        """Run a command of `ris` as an operator does, and return what it printed."""
        (self.work / "operate.log").unlink(missing_ok=True)
        return self._finish(*self._operator("operate", *command))

    def ended(self) -> str:
        """Name the servers that have ended and should not, or return an empty text."""
        return ", ".join(child.name for child in self.children.dead() if child.name in self._servers or child.name == "cloud")

    def provider_ca(self, name: str) -> str:
        """Return the CA file a browser needs for a provider of somebody else."""
        return self._remotes[name].ca_file

    def waiting_messages(self, *queues: str) -> int:
        """Return how many messages stand on queues, in flight included; without their names, on the inbound ones."""
        client = self.cloud.client("sqs", "operator")
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        total = 0
        for queue in queues or ("hl7-inbound.fifo", "dicom-inbound.fifo"):
            url = client.get_queue_url(QueueName=f"{self._prefix}-{queue}")["QueueUrl"]
            attributes = client.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
            total += sum(int(attributes[name]) for name in names)
        return total
