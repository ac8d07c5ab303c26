"""A stolen disk: nothing of a patient on it, and no start without the key; a start without the cloud where the machine has it."""

from __future__ import annotations

import asyncio
import base64
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateways.edge.cloud import Entry
from gateways.edge.config import DestinationSettings, DicomSettings, MllpSettings, ModalitySettings, QueueSettings, Settings
from gateways.edge.gateway import Gateway
from gateways.edge.keyring import KeyUnavailable
from gateways.edge.sealing import MARK, CannotOpen, KeySeal, NoSeal
from ris.contracts.queues import Hl7Outbound, WorklistFeed
from tests.support.gateway import MemoryCloud, MllpClient, adt, eventually, segments
from tests.support.worklist import step

QUEUES = QueueSettings(hl7_inbound="in", dicom_inbound="dicom", worklist_feed="feed", hl7_outbound="out")


def settings(folder: Path, key: str = "alias/spool") -> Settings:
    return Settings(
        site="nord",
        gateway_id="edge-1",
        spool=folder,
        queues=QUEUES,
        mllp=MllpSettings(),
        dicom=DicomSettings(modalities=(ModalitySettings(ae_title="CT1"),)),
        destinations={"PACS": DestinationSettings(host="127.0.0.1", port=1, backoff_first_s=60)},
        poll_wait_s=0,
        spool_key=key,
    )


async def a_start(folder: Path, cloud: MemoryCloud, key: str = "alias/spool") -> Gateway:
    gateway = Gateway(settings(folder, key), cloud=cloud)
    await gateway.start()
    return gateway


def on_the_disk(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir() if path.is_file())


@given(st.binary(max_size=300))
def test_what_is_sealed_opens_with_its_key_only(plain: bytes) -> None:
    seal = KeySeal(bytes(32))
    sealed = seal.seal(plain)

    assert plain == seal.open(sealed)
    assert seal.seal(plain) != sealed
    for other in (KeySeal(bytes(31) + b"1"), NoSeal()):
        with pytest.raises(CannotOpen):
            other.open(sealed)
    with pytest.raises(CannotOpen):
        seal.open(sealed[:-1] + bytes([sealed[-1] ^ 1]))


def test_a_disk_begun_without_a_key_is_read_on() -> None:
    assert b"MSH|" == KeySeal(bytes(32)).open(b"MSH|")


def fill(folder: Path, cloud: MemoryCloud) -> None:
    """Bring one of each: a message in, one out, a step of the worklist; leave without the cable, so that all of it stays."""

    async def scene() -> None:
        gateway = await a_start(folder, cloud)
        frame = base64.b64encode(adt("OUT1", name="SORTANTE^LOU")).decode()
        out = Hl7Outbound(site="nord", destination="PACS", message_id="OUT1", frame=frame)
        fed = WorklistFeed(
            site="nord", sps_id="S1", version=1, state="scheduled", dataset=step(1, PatientName="INSCRITE^LOU").to_json_dict()
        )
        cloud.queues["out"].append(Entry("1", out.model_dump_json(), "g", "d1"))
        cloud.queues["feed"].append(Entry("2", fed.model_dump_json(), "g", "d2"))
        await eventually(lambda: len(gateway.worklist) == 1 and gateway.figures()["outbound"]["PACS"]["waiting"] == 1)
        cloud.down = True
        with MllpClient(gateway.ports["mllp_port"]) as line:
            answer = await asyncio.to_thread(line.exchange, adt("IN1", name="ENTRANTE^LOU"))
        assert "AA" == segments(answer)["MSA"][1]
        disk = on_the_disk(folder)
        assert MARK in disk
        for name in (b"ENTRANTE", b"SORTANTE", b"INSCRITE"):
            assert name not in disk
        await gateway.stop()
        cloud.down = False

    asyncio.run(scene())


def test_nothing_of_a_patient_lies_in_the_clear_and_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    cloud = MemoryCloud()
    fill(tmp_path, cloud)

    async def later() -> None:
        gateway = await a_start(tmp_path, cloud)
        try:
            assert 1 == len(gateway.worklist)
            assert 1 == gateway.figures()["outbound"]["PACS"]["waiting"]
            await eventually(lambda: len(cloud.bodies("in")) == 1)
            assert adt("IN1", name="ENTRANTE^LOU") == base64.b64decode(cloud.bodies("in")[0]["frame"])
        finally:
            await gateway.stop()

    asyncio.run(later())


def test_a_disk_alone_starts_nothing(tmp_path: Path) -> None:
    cloud = MemoryCloud()
    fill(tmp_path, cloud)
    cloud.down = True
    with pytest.raises(KeyUnavailable):
        asyncio.run(a_start(tmp_path, cloud))
    cloud.down = False
    with pytest.raises(KeyUnavailable):
        asyncio.run(a_start(tmp_path, cloud, key=""))
    cloud.keys = {sealed: (os.urandom(32), context) for sealed, (_, context) in cloud.keys.items()}
    with pytest.raises(KeyUnavailable):
        asyncio.run(a_start(tmp_path, cloud))


def test_the_machine_s_credential_starts_it_without_the_cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cloud = MemoryCloud()
    fill(tmp_path / "spool", cloud)
    ((key, _),) = cloud.keys.values()
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / "ris-spool-key").write_bytes(key)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "credentials"))
    cloud.down = True

    async def scene() -> None:
        gateway = await a_start(tmp_path / "spool", cloud)
        assert 1 == len(gateway.worklist)
        await gateway.stop()

    asyncio.run(scene())
    (tmp_path / "credentials" / "ris-spool-key").write_bytes(key[:16])
    with pytest.raises(KeyUnavailable):
        asyncio.run(a_start(tmp_path / "spool", cloud))
