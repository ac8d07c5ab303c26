"""A gateway over days, on a clock moved by hand: what is wiped, what never is, a disk that fills and empties, a cable cut for a week."""

from __future__ import annotations

import asyncio
import base64
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from gateways.edge.config import Settings
from gateways.edge.gateway import Gateway
from gateways.edge.hl7 import mllp
from gateways.edge.sealing import MARK
from tests.gateways.test_gateway_cloud import modality, put
from tests.support.gateway import Clock, MemoryCloud, MllpClient, ScriptedPeer, ack, adt, eventually, running, segments
from tests.support.worklist import ended, performed, step

MPPS = "1.2.840.10008.3.1.2.3.3"
QUEUES = {"hl7_inbound": "in", "dicom_inbound": "dicom", "worklist_feed": "feed", "hl7_outbound": "out"}


@asynccontextmanager
async def living(folder: Path, cloud: MemoryCloud, clock: Clock, pacs_port: int = 1, **more: object) -> AsyncIterator[Gateway]:
    settings = Settings.model_validate(
        {
            "site": "nord",
            "mllp": {},
            "dicom": {"modalities": [{"ae_title": "CT1"}]},
            "destinations": {"PACS": {"host": "127.0.0.1", "port": pacs_port, "backoff_first_s": 0.01}},
            "spool": str(folder),
            "queues": QUEUES,
            "group_key": "key",
            "poll_wait_s": 0,
            **more,
        }
    )
    async with running(settings, cloud, clock) as gateway:
        yield gateway


async def send(gateway: Gateway, *payloads: bytes) -> list[str]:
    def talk() -> list[str]:
        with MllpClient(gateway.ports["mllp_port"]) as line:
            return [segments(line.exchange(payload))["MSA"][1] for payload in payloads]

    return await asyncio.to_thread(talk)


async def mpps(gateway: Gateway, uid: str, **values: object) -> None:
    def talk(association: object) -> None:
        assert 0 == association.send_n_create(performed(step(2), **values), MPPS, uid)[0].Status
        assert 0 == association.send_n_set(ended("COMPLETED"), MPPS, uid)[0].Status

    await asyncio.to_thread(modality, gateway.ports["dicom_port"], talk)


def raw(folder: Path) -> bytes:
    """Return the bytes of the file, its log and its index."""
    return b"".join(path.read_bytes() for path in sorted(folder.glob("spool.sqlite3*")))


def test_what_left_is_wiped_from_file_and_log_after_its_days_and_what_waits_never(tmp_path: Path) -> None:
    names = [b"CANARIMSG", b"CANARIMPPS", b"CANARISTEP", b"CANARIDOC"]

    async def scene() -> None:
        cloud, clock = MemoryCloud(), Clock()
        async with ScriptedPeer(lambda frame: mllp.encode(ack(frame))) as pacs:  # noqa: SIM117
            async with living(tmp_path, cloud, clock, pacs.port) as gateway:
                dataset = step(1, PatientName="CANARISTEP^A").to_json_dict()
                expires = (clock.now).isoformat()
                put(cloud, "feed", sps_id="SPS1", version=1, state="scheduled", dataset=dataset, expires_at=expires)
                document = base64.b64encode(adt("D1", name="CANARIDOC^A")).decode()
                put(cloud, "out", destination="PACS", message_id="D1", frame=document)
                assert ["AA"] == await send(gateway, adt("A1", name="CANARIMSG^A"))
                await mpps(gateway, "1.2.3", PatientName="CANARIMPPS^A")
                await eventually(lambda: len(pacs.received) == 1 and gateway.figures()["spool"]["waiting"] == 0)
                cloud.down = True
                assert ["AA"] == await send(gateway, adt("A2", name="CANARIWAITS^A"))
        assert [] == [name for name in names if name not in raw(tmp_path)]

        clock.pass_by(days=29)
        async with living(tmp_path, cloud, clock):
            pass
        assert [] == [name for name in names if name not in raw(tmp_path)]

        clock.pass_by(days=2)
        async with living(tmp_path, cloud, clock) as gateway:
            await eventually(lambda: not [name for name in names if name in raw(tmp_path)])
            assert b"CANARIWAITS" in raw(tmp_path)
            assert 1 == gateway.figures()["spool"]["waiting"]
            cloud.down = False
            await eventually(lambda: gateway.figures()["spool"]["waiting"] == 0, 20)
        assert adt("A2", name="CANARIWAITS^A") == base64.b64decode(cloud.bodies("in")[-1]["frame"])

    asyncio.run(scene())


def sealed_values(folder: Path) -> list[bytes]:
    """Return every value of the store that is sealed, as it lies on the disk."""
    connection = sqlite3.connect(f"file:{folder / 'spool.sqlite3'}?mode=ro", uri=True)
    try:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        rows = [row for table in tables if table != "sealed_with" for row in connection.execute(f"SELECT * FROM {table}")]
    finally:
        connection.close()
    return [value for row in rows for value in row if isinstance(value, bytes) and value.startswith(MARK)]


def test_what_lay_sealed_is_wiped_as_well_from_file_and_log(tmp_path: Path) -> None:
    async def scene() -> None:
        cloud, clock = MemoryCloud(), Clock()
        sealed = {"spool_key": "alias/spool"}
        async with ScriptedPeer(lambda frame: mllp.encode(ack(frame))) as pacs:  # noqa: SIM117
            async with living(tmp_path, cloud, clock, pacs.port, **sealed) as gateway:
                expires = clock.now.isoformat()
                put(cloud, "feed", sps_id="SPS1", version=1, state="scheduled", dataset=step(1).to_json_dict(), expires_at=expires)
                put(cloud, "out", destination="PACS", message_id="D1", frame=base64.b64encode(adt("D1")).decode())
                assert ["AA"] == await send(gateway, adt("A1"))
                await mpps(gateway, "1.2.3")
                await eventually(lambda: len(pacs.received) == 1 and gateway.figures()["spool"]["waiting"] == 0)
        values = sealed_values(tmp_path)
        assert len(values) >= 4  # the message, the step, what was sent and its answer, the performed step
        assert all(value in raw(tmp_path) for value in values)

        clock.pass_by(days=31)
        async with living(tmp_path, cloud, clock, **sealed):
            await eventually(lambda: not [value for value in values if value in raw(tmp_path)])
        assert [] == sealed_values(tmp_path)

    asyncio.run(scene())


def test_a_disk_that_fills_and_empties_loses_nothing_that_was_accepted(tmp_path: Path) -> None:
    big = b"NTE|" + b"x" * 50_000

    async def scene() -> None:
        cloud, clock = MemoryCloud(), Clock()
        cloud.down = True
        limit = {"spool_limit_bytes": 1_500_000, "retention_days": 2}
        async with living(tmp_path, cloud, clock, **limit) as gateway:
            codes = await send(gateway, *(adt(f"A{n}") + big for n in range(40)))
            accepted = [f"A{n}" for n, code in enumerate(codes) if code == "AA"]
            assert "AR" in codes
            assert not gateway.figures()["ready"]
            cloud.down = False
            await eventually(lambda: gateway.figures()["spool"]["waiting"] == 0, 20)
        clock.pass_by(days=3)
        async with living(tmp_path, cloud, clock, **limit) as gateway:

            async def takes_again() -> bool:
                return ["AA"] == await send(gateway, adt("B1") + big)

            async with asyncio.timeout(20):
                while not await takes_again():
                    pass
            assert gateway.figures()["ready"]
            await eventually(lambda: gateway.figures()["spool"]["waiting"] == 0, 20)
        left = [base64.b64decode(body["frame"]).split(b"|")[9].decode() for body in cloud.bodies("in")]
        assert [*accepted, "B1"] == left

    asyncio.run(scene())


def test_a_week_without_the_cloud_drains_once_and_in_order(tmp_path: Path) -> None:
    async def scene() -> None:
        cloud, clock = MemoryCloud(), Clock()
        async with living(tmp_path, cloud, clock) as gateway:
            put(cloud, "feed", sps_id="SPS1", version=1, state="scheduled", dataset=step(1).to_json_dict())
            await eventually(lambda: len(gateway.worklist) == 1)
        cloud.down = True
        taken: list[str] = []
        for day in range(7):  # the machine is restarted every night
            async with living(tmp_path, cloud, clock) as gateway:
                assert 1 == len(gateway.worklist)
                wanted = [f"D{day}N{number}" for number in range(20)]
                assert ["AA"] * 20 == await send(gateway, *(adt(one) for one in wanted))
                await mpps(gateway, f"1.2.{day + 1}")
                taken += wanted
                assert day * 86_400 <= gateway.figures()["spool"]["oldest_age_s"]
                assert (day + 1) * 22 == gateway.figures()["spool"]["waiting"]
            clock.pass_by(days=1)
        cloud.down = False
        async with living(tmp_path, cloud, clock) as gateway:
            await eventually(lambda: gateway.figures()["spool"]["waiting"] == 0, 30)
        left = [base64.b64decode(body["frame"]).split(b"|")[9].decode() for body in cloud.bodies("in")]
        steps = [(one["sop_instance_uid"], one["operation"]) for one in cloud.bodies("dicom") if one["kind"] == "mpps"]
        assert taken == left
        assert [(f"1.2.{day + 1}", word) for day in range(7) for word in ("mpps_create", "mpps_set")] == steps

    asyncio.run(scene())
