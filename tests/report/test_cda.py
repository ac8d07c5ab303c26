"""The CDA: its bytes, its header, and the official checker when it is beside the project."""

from __future__ import annotations

import os
import subprocess
import sys
from base64 import b64decode
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from lxml import etree

from ris.adapters.report.cda import build_cda
from ris.domain.errors import InvalidInput
from ris.domain.identity.ins import Ins
from ris.domain.report.version import CDA
from tests.support.frozen_reports import a_frozen_report, a_qualified_identity
from tests.support.reports import ReportWorld, a_patient, an_exam

NS = {"c": "urn:hl7-org:v3", "d": "urn:dicom-org:ps3-20"}
CHECKER = Path(__file__).resolve().parents[3] / "shared" / "tools" / "check_cda.py"


def parsed(document: bytes) -> etree._Element:
    """Return the root element."""
    return etree.fromstring(document)


@pytest.mark.segur("CRR.07", "DOC.02")
def test_the_pdf_stands_in_it_unchanged() -> None:
    root = parsed(build_cda(a_frozen_report(), b"%PDF-1.4 bytes"))

    assert b"%PDF-1.4 bytes" == b64decode(root.findtext(".//c:nonXMLBody/c:text", namespaces=NS) or "")
    assert "18748-4" == root.find("c:code", NS).get("code")


def test_the_same_version_gives_the_same_bytes_in_utf_8_without_a_mark() -> None:
    report = a_frozen_report(title="Œil & <orbite> « gauche »")
    document = build_cda(report, b"pdf")

    assert document == build_cda(report, b"pdf")
    assert document.startswith(b"<?xml")
    assert "Œil & <orbite> « gauche »" == parsed(document).findtext("c:title", namespaces=NS)


@pytest.mark.segur("INS.37")
def test_no_matricule_without_a_qualified_identity() -> None:
    report = a_frozen_report()
    assert report.identity is not None

    document = build_cda(replace(report, identity=None), b"pdf")

    assert report.identity.ins.matricule.encode() not in document
    assert [report.ipp.value] == [i.get("extension") for i in parsed(document).findall(".//c:patientRole/c:id", NS)]


def test_times_carry_the_offset_of_the_site_also_in_winter_and_summer() -> None:
    summer = a_frozen_report(validated_at=datetime(2026, 7, 1, 8, 0, tzinfo=UTC))

    assert "20261126101530+0100" == parsed(build_cda(a_frozen_report(), b"")).find("c:effectiveTime", NS).get("value")
    assert "20260701100000+0200" == parsed(build_cda(summer, b"")).find("c:effectiveTime", NS).get("value")


def test_the_accession_number_and_the_study_are_there_for_a_drimbox() -> None:
    report = a_frozen_report()
    root = parsed(build_cda(report, b""))

    assert report.accession_number == root.find(".//d:accessionNumber", NS).get("extension")
    assert report.study_instance_uid == root.find(".//c:serviceEvent/c:id", NS).get("root")


@pytest.mark.parametrize(("change", "code"), [({"title": "x" * 129}, "title_too_long"), ({"acts": ()}, "act_missing")])
def test_what_cannot_be_a_document_is_refused(change: dict[str, object], code: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        build_cda(a_frozen_report(**change), b"")

    assert code == refused.value.code


@pytest.mark.skipif(not CHECKER.exists(), reason="the official schematrons are not beside the project")
def test_the_official_checker_accepts_every_kind(tmp_path: Path) -> None:
    report = a_frozen_report()
    used = replace(report.traits, used_family="D'Été-Bœuf", used_given="Zoé")
    kinds = {
        "first": report,
        "replacement": replace(report, version=2, replaces=report.document_id, document_id="2.25.7"),
        "unqualified": replace(report, identity=None, requester=None, placer_order_number=""),
        "corsica": replace(
            report, identity=a_qualified_identity(ins=Ins("297022A02077878", "1.2.250.1.213.1.4.10"), birth_place_insee="2A020")
        ),
        "nia": replace(report, identity=a_qualified_identity(ins=Ins("109076322088835", "1.2.250.1.213.1.4.9"))),
        "used-name": replace(report, traits=used),
    }
    files = []
    for name, kind in kinds.items():
        files.append(tmp_path / f"{name}.xml")
        files[-1].write_bytes(build_cda(kind, b"%PDF-1.4"))

    worlds = {
        "as-signed": ReportWorld(),
        "as-signed-unqualified": ReportWorld(patient=a_patient(ins=None, strict=None), exam=an_exam(request_id="", performed=())),
    }
    for name, world in worlds.items():
        files.append(tmp_path / f"{name}.xml")
        files[-1].write_bytes(world.documents.kept[world.signed().files[CDA].key])

    environment = {**os.environ, "SCHEMATRON_CACHE": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, str(CHECKER), *map(str, files)], capture_output=True, text=True, env=environment, check=False
    )

    assert 0 == done.returncode, done.stdout
