"""Which remotes are simulated, and which are somebody else's: `{PSC,OIDC,INSI,DMP,MSS,DIRECTORY}_{URL,CA}` in the environment."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

CLIENT_ID = "ris-demo"
PROVIDERS = {"group": "OIDC", "psc": "PSC"}
SERVICES = {"insi": "INSI", "dmp": "DMP", "mss": "MSS"}
FILES = {"directory": "DIRECTORY"}
"""What is fetched once, by the operator."""


@dataclass(frozen=True)
class Remote:
    """One OpenID provider, one national service, or the national directory.

    Args:
        name: `group` or `psc`, the portal's word for the door; `insi`, `dmp`, `mss` or `directory`.
        url: Issuer of somebody else's provider, address of somebody else's service (`mss`: its autoconfiguration; `directory`: its extract);
            empty: ours is started.
        ca_file: PEM file of its CA; empty: the system's trust for a provider, the demo's own PKI for a service.
        client_id, client_secret: What that provider gave us; invented for ours. Of `mss`: our mailbox there and its password.
    """

    name: str
    url: str = ""
    ca_file: str = ""
    client_id: str = CLIENT_ID
    client_secret: str = ""

    @property
    def simulated(self) -> bool:
        """Tell whether we play it."""
        return not self.url

    def ca_pem(self) -> str:
        """Return the CA of somebody else's remote, empty when none was given."""
        return Path(self.ca_file).read_text() if self.ca_file else ""


def from_environment(environment: Mapping[str, str]) -> dict[str, Remote]:
    """Read address and CA of every remote, and what the providers gave us.

    `OIDC_URL OIDC_CA OIDC_CLIENT_ID OIDC_CLIENT_SECRET`, the same of `PSC`; `INSI_URL INSI_CA` and so on of services and the directory.
    `MSS_CLIENT_ID MSS_CLIENT_SECRET` are our mailbox at the mail operator and its password.

    A CA that is not there, or one without an address, ends the program with its name.
    """
    prefixes = {**PROVIDERS, **SERVICES, **FILES}
    for prefix in prefixes.values():
        file = environment.get(f"{prefix}_CA", "")
        if file and not Path(file).is_file():
            sys.exit(f"{prefix}_CA={file} is no file")
        if file and not environment.get(f"{prefix}_URL"):
            sys.exit(f"{prefix}_CA is given without {prefix}_URL")
    return {
        name: Remote(
            name,
            environment.get(f"{prefix}_URL", "").rstrip("/"),
            environment.get(f"{prefix}_CA", ""),
            environment.get(f"{prefix}_CLIENT_ID", CLIENT_ID),
            environment.get(f"{prefix}_CLIENT_SECRET", ""),
        )
        for name, prefix in prefixes.items()
    }
