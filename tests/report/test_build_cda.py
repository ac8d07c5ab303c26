"""The task that makes the CDA."""

from __future__ import annotations

from base64 import b64decode

import pytest
from lxml import etree

from ris.application.report.build_cda import build_cda
from ris.application.report.freeze_report import freeze_report
from ris.application.report.render_report import render_report
from ris.domain.errors import RemoteUnavailable
from ris.domain.report.version import CDA, PDF, VersionState
from tests.support.reports import ACCESSION, NOW, ReportWorld

NS = {"c": "urn:hl7-org:v3"}


def rendered_world() -> ReportWorld:
    world = ReportWorld()
    world.validated()
    freeze_report(world.s, world.command(), NOW)
    render_report(world.s, ACCESSION, 1, NOW)
    return world


@pytest.mark.segur("DOC.02", "DOC.04", "CRR.07")
def test_the_cda_holds_the_very_pdf_that_was_kept() -> None:
    world = rendered_world()

    version = build_cda(world.s, ACCESSION, 1, NOW)

    root = etree.fromstring(world.documents.kept[version.files[CDA].key])
    assert VersionState.BUILT is version.state
    assert world.documents.kept[version.files[PDF].key] == b64decode(root.findtext(".//c:nonXMLBody/c:text", namespaces=NS) or "")
    assert version.document_id == root.find("c:id", NS).get("root")
    assert "20261126101530+0100" == root.find("c:effectiveTime", NS).get("value")


def test_a_pdf_that_was_touched_stops_everything() -> None:
    world = rendered_world()
    world.documents.kept[f"{ACCESSION}/v1/report.pdf"] += b" "

    with pytest.raises(AssertionError):
        build_cda(world.s, ACCESSION, 1, NOW)

    version = world.reports.version(ACCESSION, 1)
    assert version is not None
    assert VersionState.RENDERED is version.state


def test_what_is_not_rendered_yet_waits() -> None:
    world = ReportWorld()
    world.validated()
    freeze_report(world.s, world.command(), NOW)

    with pytest.raises(RemoteUnavailable):
        build_cda(world.s, ACCESSION, 1, NOW)
