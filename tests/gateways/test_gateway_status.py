"""What a gateway says of itself, and when it asks for the whole worklist."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from gateways.edge.cloud import Entry
from gateways.edge.config import DicomSettings, MllpSettings, ModalitySettings, QueueSettings, Settings, TlsSettings
from gateways.edge.gateway import Gateway
from gateways.edge.status import certificates_of
from infra.local.demo.pki import Authority
from ris.contracts.queues import WorklistFeed
from tests.support.gateway import NOW, Clock, MemoryCloud, MllpClient, adt, eventually, running, segments
from tests.support.worklist import step

QUEUES = QueueSettings(dicom_inbound="dicom", worklist_feed="feed")


def said(cloud: MemoryCloud) -> list[dict]:
    return [body for body in cloud.bodies("dicom") if body["kind"] == "status"]


def feed_a_step(cloud: MemoryCloud) -> None:
    body = WorklistFeed(site="nord", sps_id="S1", version=1, state="scheduled", dataset=step(1).to_json_dict()).model_dump_json()
    cloud.queues["feed"].append(Entry("1", body, "g", "d"))


def settings(folder: Path, **more: object) -> Settings:
    dicom = DicomSettings(modalities=(ModalitySettings(ae_title="CT1"),))
    return Settings(
        site="nord", gateway_id="edge-1", spool=folder, queues=QUEUES, dicom=dicom, group_key="k", poll_wait_s=0, **more
    )


def run_one(folder: Path, cloud: MemoryCloud, scene, **more: object) -> None:
    async def whole() -> None:
        async with running(settings(folder, **more), cloud) as gateway:
            await scene(gateway)

    asyncio.run(whole())


def test_a_new_gateway_asks_for_the_worklist_until_something_of_it_comes(tmp_path: Path) -> None:
    cloud = MemoryCloud(clock_skew_s=2.5)

    async def scene(gateway: Gateway) -> None:
        await eventually(lambda: len(said(cloud)) >= 1)
        assert all(one["wants_feed"] for one in said(cloud))
        feed_a_step(cloud)
        await eventually(lambda: not said(cloud)[-1]["wants_feed"])
        assert 1 == said(cloud)[-1]["feed_steps"]

    run_one(tmp_path, cloud, scene, status_every_s=0.01)
    first = said(cloud)[0]
    assert ("nord", "edge-1", 2.5, 0, [], 0.01) == tuple(
        first[name] for name in ("site", "gateway_id", "clock_skew_s", "spool_rows", "stations", "every_s")
    )
    assert NOW.isoformat().replace("+00:00", "Z") == first["started_at"]


def test_one_that_has_its_copy_asks_only_when_it_is_told_to(tmp_path: Path) -> None:
    cloud = MemoryCloud()

    async def fill(gateway: Gateway) -> None:
        feed_a_step(cloud)
        await eventually(lambda: len(gateway.worklist) == 1)

    async def ask(gateway: Gateway) -> None:
        await eventually(lambda: bool(said(cloud)))
        assert not said(cloud)[-1]["wants_feed"]
        gateway.resynchronise()
        await eventually(lambda: said(cloud)[-1]["wants_feed"])

    run_one(tmp_path, cloud, fill)
    cloud.sent.clear()
    run_one(tmp_path, cloud, ask)


def test_a_cloud_that_is_away_costs_a_line_of_the_log_and_nothing_in_the_spool(tmp_path: Path) -> None:
    cloud = MemoryCloud(down=True)

    async def scene(gateway: Gateway) -> None:
        await eventually(lambda: cloud.calls > 3)
        assert 0 == gateway.figures()["spool"]["waiting"]
        cloud.down = False
        await eventually(lambda: bool(said(cloud)))

    run_one(tmp_path, cloud, scene, status_every_s=0.01)


def test_a_disk_that_takes_nothing_is_told(tmp_path: Path) -> None:
    cloud = MemoryCloud()

    async def scene(gateway: Gateway) -> None:
        await eventually(lambda: bool(said(cloud)))
        assert not said(cloud)[0]["spool_refuses"]
        with MllpClient(gateway.ports["mllp_port"]) as line:
            answer = await asyncio.to_thread(line.exchange, adt("BIG") + b"NTE|" + b"x" * 3_000_000)
        assert "AR" == segments(answer)["MSA"][1]
        await eventually(lambda: said(cloud)[-1]["spool_refuses"])

    run_one(tmp_path, cloud, scene, status_every_s=0.01, spool_limit_bytes=1_000_000, mllp=MllpSettings())


def test_the_age_of_the_worklist_is_known_over_a_restart_without_the_cloud(tmp_path: Path) -> None:
    cloud, clock = MemoryCloud(), Clock()

    async def scene() -> None:
        async with running(settings(tmp_path), cloud, clock) as gateway:
            assert gateway.figures()["worklist"]["feed_age_s"] in (None, 0.0)
            await eventually(lambda: gateway.figures()["worklist"]["feed_age_s"] == 0.0)
        cloud.down = True
        clock.pass_by(hours=5)
        async with running(settings(tmp_path), cloud, clock) as gateway:
            assert 5 * 3600.0 == gateway.figures()["worklist"]["feed_age_s"]
            cloud.down = False
            await eventually(lambda: gateway.figures()["worklist"]["feed_age_s"] == 0.0)

    asyncio.run(scene())


def test_the_certificates_of_its_ports_are_told_with_their_end(tmp_path: Path) -> None:
    server = Authority().server("passerelle.test")
    (tmp_path / "certificate").write_bytes(server.certificate_pem())
    tls = TlsSettings(certificate=tmp_path / "certificate", key=tmp_path / "key")

    (told,) = certificates_of(Settings(dicom=DicomSettings(tls=tls)))

    assert ("dicom", server.certificate.not_valid_after_utc) == (told.name, told.not_after)
    assert json.loads(told.model_dump_json())["not_after"]
