"""Envelopes as gateways and cloud of version 0.1 wrote them, stored: whatever is written later must be read by them and read them.

A sample is never changed; what a new version writes is added beside it. The cloud speaks to the version before.
"""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateways.edge.forwarder import EnvelopeWriter
from gateways.edge.spool import NewRow, Row
from ris.contracts import queues
from tests.support.gateway import MemoryCloud, a_spool

SAMPLES = json.loads((Path(__file__).with_name("envelopes-0.1.json")).read_text("utf-8"))
MODELS: dict[str, type[queues.Envelope]] = {
    "Hl7Inbound": queues.Hl7Inbound,
    "Hl7Acknowledged": queues.Hl7Acknowledged,
    "Hl7Outbound": queues.Hl7Outbound,
    "WorklistFeed": queues.WorklistFeed,
    "DicomInbound": queues.DicomInbound,
    "GatewayStatus": queues.GatewayStatus,
}
AT = datetime(2026, 3, 2, 8, 15, tzinfo=UTC)


def test_every_envelope_has_a_sample() -> None:
    assert MODELS.keys() == SAMPLES.keys()


@pytest.mark.parametrize("name", MODELS)
def test_a_sample_is_read_and_means_the_same(name: str) -> None:
    read = MODELS[name].model_validate(SAMPLES[name]).model_dump(mode="json")

    assert SAMPLES[name] == {key: value for key, value in read.items() if key in SAMPLES[name]}


@pytest.mark.parametrize("name", MODELS)
def test_what_is_written_now_has_all_that_the_version_before_reads(name: str) -> None:
    written = json.loads(MODELS[name].model_validate(SAMPLES[name]).model_dump_json())

    assert SAMPLES[name].keys() <= written.keys()


@pytest.mark.parametrize("name", MODELS)
def test_a_field_of_a_later_version_disturbs_nobody(name: str) -> None:
    MODELS[name].model_validate({**SAMPLES[name], "of_a_later_version": {"x": [1]}})


ROWS: dict[str, dict[str, Any]] = {
    "Hl7Inbound": {"kind": "message", "facts": {"default_charset": "8859/1"}, "body": b"MSH|A"},
    "Hl7Acknowledged": {
        "kind": "acknowledgement",
        "facts": {"destination": "PACS", "message_id": "M1", "outcome": "AA", "unknown": False},
        "body": b"MSH|B",
    },
    "DicomInbound": {
        "kind": "mpps_create",
        "facts": {"calling_ae_title": "CT1", "sop_instance_uid": "1.2.3"},
        "body": b'{"00400252": {"vr": "CS", "Value": ["IN PROGRESS"]}}',
    },
}


@pytest.mark.parametrize("name", ROWS)
def test_a_gateway_writes_what_it_wrote(name: str) -> None:
    writer = EnvelopeWriter(MemoryCloud(), site="nord", gateway_id="nord-1", bucket="b", group_key="k")
    body = json.loads(writer.entry(Row(source="S", received_at=AT, id=7, **ROWS[name])).body)

    assert SAMPLES[name] == {key: value for key, value in body.items() if key in SAMPLES[name]}


def test_a_spool_that_a_later_version_wrote_is_read_and_written_by_the_one_that_comes_back(tmp_path: Path) -> None:
    """`ris site update` goes back to the version before: what is added to the spool must not stand in its way."""
    with a_spool(tmp_path) as spool:
        spool.append(NewRow("message", "A", AT, {"default_charset": "8859/1"}, b"MSH|1")).result(10)
    later = sqlite3.connect(tmp_path / "spool.sqlite3")
    later.execute("ALTER TABLE inbound ADD COLUMN of_a_later_version TEXT NOT NULL DEFAULT ''")
    later.execute("CREATE TABLE of_a_later_version (x)")
    later.commit()
    later.close()

    with a_spool(tmp_path) as spool:
        row_id = spool.append(NewRow("message", "B", AT, {"default_charset": "8859/1"}, b"MSH|2")).result(10)
        assert 2 == spool.waiting()
        assert b"MSH|2" == spool.load(row_id).body
