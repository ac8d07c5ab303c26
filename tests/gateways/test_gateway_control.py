"""The operator at the site: what had left goes again once, under an id of its own; the worklist is asked for."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import pytest

from gateways.edge.config import MllpSettings, QueueSettings, Settings
from gateways.edge.control import SOCKET, ask
from gateways.edge.gateway import Gateway
from tests.support.gateway import NOW, Clock, MemoryCloud, MllpClient, adt, eventually, running

QUEUES = QueueSettings(hl7_inbound="in", dicom_inbound="dicom", worklist_feed="feed")
HOUR = timedelta(hours=1)


def run_one(folder: Path, cloud: MemoryCloud, scene: Callable[[Gateway], Awaitable[None]], clock: Clock | None = None) -> None:
    async def whole() -> None:
        settings = Settings(site="nord", spool=folder, queues=QUEUES, mllp=MllpSettings(), poll_wait_s=0)
        async with running(settings, cloud, clock) as gateway:
            await scene(gateway)

    asyncio.run(whole())


def span(before: timedelta, after: timedelta) -> dict[str, str]:
    return {"do": "replay", "since": (NOW + before).isoformat(), "until": (NOW + after).isoformat()}


def ids(cloud: MemoryCloud) -> list[tuple[str, str]]:
    return [(entry.entry_id, entry.deduplication_id) for url, entry in cloud.sent if url == "in"]


def test_what_had_left_goes_again_once_in_order_and_under_ids_of_its_own(tmp_path: Path) -> None:
    cloud, clock = MemoryCloud(), Clock()

    async def scene(gateway: Gateway) -> None:
        with MllpClient(gateway.ports["mllp_port"]) as line:
            for number in range(3):
                await asyncio.to_thread(line.exchange, adt(f"A{number}"))
        await eventually(lambda: len(ids(cloud)) == 3 and gateway.figures()["spool"]["waiting"] == 0)

        assert {"done": "replay", "rows": 0} == await asyncio.to_thread(ask, tmp_path, span(-2 * HOUR, -HOUR))
        assert {"done": "replay", "rows": 3} == await asyncio.to_thread(ask, tmp_path, span(-HOUR, HOUR))

        await eventually(lambda: len(ids(cloud)) == 6 and gateway.figures()["spool"]["waiting"] == 0)
        assert [one for one, _ in ids(cloud)[:3]] == [one for one, _ in ids(cloud)[3:]]
        assert 6 == len({deduplication for _, deduplication in ids(cloud)})

    run_one(tmp_path, cloud, scene, clock)


def test_the_whole_worklist_is_asked_for(tmp_path: Path) -> None:
    cloud = MemoryCloud()

    async def scene(gateway: Gateway) -> None:
        assert {"done": "resync"} == await asyncio.to_thread(ask, tmp_path, {"do": "resync"})
        await eventually(lambda: any(body.get("wants_feed") for body in cloud.bodies("dicom")))

    run_one(tmp_path, cloud, scene)


@pytest.mark.parametrize(
    "question",
    [{}, {"do": "stop"}, {"do": "replay"}, {"do": "replay", "since": "hier", "until": "demain"}, span(HOUR, HOUR) | {"until": 3}],
)
def test_what_is_not_understood_changes_nothing(tmp_path: Path, question: dict) -> None:
    async def scene(gateway: Gateway) -> None:
        assert {"error": "not understood"} == await asyncio.to_thread(ask, tmp_path, question)

    run_one(tmp_path, MemoryCloud(), scene)


def test_only_who_may_read_the_folder_may_ask_and_a_stopped_gateway_leaves_no_socket(tmp_path: Path) -> None:
    async def scene(gateway: Gateway) -> None:
        assert 0o600 == (tmp_path / SOCKET).stat().st_mode & 0o777

    run_one(tmp_path, MemoryCloud(), scene)
    assert not (tmp_path / SOCKET).exists()
    with pytest.raises(OSError, match="No such file"):
        ask(tmp_path, {"do": "resync"})


def test_a_spool_of_the_first_version_is_read_on(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "spool.sqlite3")
    connection.execute(
        "CREATE TABLE inbound (id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, source TEXT NOT NULL, "
        "received_at TEXT NOT NULL, facts TEXT NOT NULL, body BLOB NOT NULL, forwarded_at TEXT)"
    )
    connection.execute(
        "INSERT INTO inbound (kind, source, received_at, facts, body) VALUES ('message', 'A|B', ?, '{}', ?)",
        (NOW.isoformat(), adt("OLD")),
    )
    connection.commit()
    connection.close()
    cloud = MemoryCloud()

    async def scene(gateway: Gateway) -> None:
        await eventually(lambda: len(ids(cloud)) == 1)

    run_one(tmp_path, cloud, scene)
