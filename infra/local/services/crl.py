"""The revocation list over HTTP, as IGC-Sante publishes its own. `python -m infra.local.services.crl`.

Settings: `{"status_file", "crl": PEM file, "port": 0}`. Status: `{"url", "pid"}`: `GET /CRL/ACI-EL-ORG-TEST.crl` is the list of now in
DER; the file is read at each request, so that a revocation shows at once.
"""

from __future__ import annotations

from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from infra.local.services.http_door import HttpDoor, Reply, Request
from infra.local.services.process import serve_until_told, settings, tell

PATH = "/CRL/ACI-EL-ORG-TEST.crl"


class CrlDoor(HttpDoor):
    """Serves one list on 127.0.0.1.

    Args:
        file: PEM file of the list.
    """

    def __init__(self, file: Path | str, port: int = 0) -> None:
        self._file = Path(file)
        super().__init__(self._serve, port)

    def _serve(self, request: Request) -> Reply:
        if request.method != "GET" or request.path != PATH:
            return Reply(404)
        listed = x509.load_pem_x509_crl(self._file.read_bytes()).public_bytes(Encoding.DER)
        return Reply(200, listed, {"Content-Type": "application/pkix-crl"})


def main() -> None:
    """Serve the list until told to stop."""
    config = settings("CRL")
    door = CrlDoor(config["crl"], config.get("port", 0))
    tell(config["status_file"], {"url": door.url + PATH})
    serve_until_told()


if __name__ == "__main__":
    main()
