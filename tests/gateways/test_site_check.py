"""`ris site check` and `ris gateway …` at the site: what they say of a gateway that works, of one that does not, and of none."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from pynetdicom import AE, evt
from typer.testing import CliRunner, Result

from gateways.edge import cli, site_cli
from gateways.edge.check import doors
from gateways.edge.config import load
from gateways.edge.dicom.echo import VERIFICATION, NotEchoed, echo
from tests.support.gateway import GatewayProcess

runner = CliRunner()


def config_of(folder: Path, **more: object) -> Path:
    path = folder / "gateway.json"
    settings = {
        "site": "nord",
        "mllp": {},
        "dicom": {"modalities": [{"ae_title": "CT1"}]},
        "spool": str(folder / "spool"),
        "status_file": str(folder / "status.json"),
    }
    path.write_text(json.dumps(settings | more))
    return path


def check(config: Path) -> tuple[int, dict[str, tuple[bool, str]]]:
    result: Result = runner.invoke(site_cli.app, ["check", "--config", str(config), "--json"])
    return result.exit_code, {one["what"]: (one["fine"], one["said"]) for one in json.loads(result.stdout)}


def test_a_gateway_that_works_is_found_well_and_takes_nothing(tmp_path: Path) -> None:
    config = config_of(tmp_path)
    with GatewayProcess(tmp_path, "--config", str(config)):
        code, found = check(config)
        again = runner.invoke(site_cli.app, ["check", "--config", str(config)])

    assert 0 == code, found
    assert {"passerelle", "DICOM (C-ECHO)", "HL7 (MLLP)", "file vers le nuage"} == set(found)
    assert (True, "0 en attente, la plus ancienne depuis 0 s") == found["file vers le nuage"]
    assert "À VOIR" not in again.stdout


def test_what_is_not_well_is_named_and_the_exit_code_says_so(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        closed = free.getsockname()[1]
    config = config_of(
        tmp_path,
        destinations={"PACS": {"host": "127.0.0.1", "port": closed}},
        queues={"dicom_inbound": f"http://127.0.0.1:{closed}/q"},
    )
    with GatewayProcess(tmp_path, "--config", str(config)):
        code, found = check(config)

    assert 1 == code
    assert {"destinataire PACS", "liste de travail", "horloge"} == {what for what, (fine, _) in found.items() if not fine}


def test_a_gateway_that_is_not_there_is_said_to_be_away(tmp_path: Path) -> None:
    config = config_of(tmp_path)
    with GatewayProcess(tmp_path, "--config", str(config)):
        pass

    code, found = check(config)

    assert 1 == code
    assert not any(fine for what, (fine, _) in found.items())


def test_the_doors_are_those_of_the_settings_where_the_status_file_lies_in_a_container(tmp_path: Path) -> None:
    doors_at = {"mllp": {"port": 2575}, "dicom": {"port": 11112}, "status_file": str(tmp_path / "volume/status.json")}
    fixed = doors(load(config_of(tmp_path, health={"port": 8080}, **doors_at)))
    by_chance = doors(load(config_of(tmp_path, **doors_at)))

    assert {"mllp_port": 2575, "dicom_port": 11112, "health_port": 8080} == fixed
    assert {} == by_chance


@pytest.mark.parametrize(("known", "outcome"), [(b"CT1", None), (b"MR1", NotEchoed)])
def test_our_echo_agrees_with_another_implementation(known: bytes, outcome: type[Exception] | None) -> None:
    peer = AE(ae_title="PEER")
    peer.add_supported_context(VERIFICATION)
    peer.require_calling_aet = [known.decode()]
    echoed: list[int] = []
    server = peer.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_ECHO, lambda event: echoed.append(1) or 0)])
    try:
        port = server.socket.getsockname()[1]
        if outcome is None:
            echo("127.0.0.1", port, called="PEER", calling="CT1")
        else:
            with pytest.raises(outcome):
                echo("127.0.0.1", port, called="PEER", calling="CT1")
    finally:
        server.shutdown()
    assert (outcome is None) == (echoed == [1])


def test_the_operator_s_words_reach_the_gateway_that_holds_the_folder(tmp_path: Path) -> None:
    config = config_of(tmp_path, queues={"dicom_inbound": "http://127.0.0.1:9/q"})
    spool = ["--spool", str(tmp_path / "spool")]
    with GatewayProcess(tmp_path, "--config", str(config)):
        asked = runner.invoke(cli.app, ["resync", *spool])
        sent = runner.invoke(cli.app, ["replay", *spool, "--since", "2h"])
        wrong = runner.invoke(cli.app, ["replay", *spool, "--since", "hier"])
    gone = runner.invoke(cli.app, ["resync", *spool])

    assert (0, "Demandé.\n") == (asked.exit_code, asked.stdout)
    assert (0, "0 message(s) remis en file.\n") == (sent.exit_code, sent.stdout)
    assert (2, 1) == (wrong.exit_code, gone.exit_code)
