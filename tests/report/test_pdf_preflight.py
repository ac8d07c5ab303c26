"""A second opinion on PDF/A-1b: Apache PDFBox Preflight, where a Java and its jars are installed (Debian `libpdfbox2-java`)."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from ris.adapters.report.pdf import render_report
from ris.domain.identity.ins import Ins
from ris.domain.report.characters import DRAWN
from ris.domain.report.frozen import FrozenReport, Section
from tests.support.frozen_reports import a_frozen_report, a_qualified_identity

JARS = Path("/usr/share/java")
NEEDED = (
    "preflight", "pdfbox2", "fontbox2", "xmpbox", "commons-io", "commons-logging", "javax.activation", "jaxb-api",
)  # fmt: skip
CLASS_PATH = [JARS / f"{name}.jar" for name in NEEDED]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("java") is None or not all(jar.exists() for jar in CLASS_PATH), reason="PDFBox Preflight"),
]


def reports() -> dict[str, FrozenReport]:
    report = a_frozen_report()
    every = "".join(chr(point) for point in sorted(DRAWN) if not 0x300 <= point <= 0x331 and point != 0xFEFF)
    long = Section("Résultats", "Pas d'épanchement pleural. Cœur de taille normale.\n\n" * 1_500)
    return {
        "one page": report,
        "many pages": replace(report, sections=(long, *report.sections)),
        "every character": replace(report, sections=(Section("Résultats", " ".join(every)), *report.sections)),
        "unqualified": replace(report, identity=None),
        "nia": replace(report, identity=a_qualified_identity(ins=Ins("109076322088835", "1.2.250.1.213.1.4.9"))),
        "replacement": replace(report, version=2, replaces=report.document_id, document_id="2.25.7"),
    }


@pytest.mark.segur("DOC.01")
def test_preflight_takes_every_kind_of_report(tmp_path: Path) -> None:
    verdicts = {}
    for name, report in reports().items():
        file = tmp_path / f"{name.replace(' ', '-')}.pdf"
        file.write_bytes(render_report(report))
        command = ["java", "-cp", ":".join(map(str, CLASS_PATH)), "org.apache.pdfbox.preflight.Validator_A1b", str(file)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        verdicts[name] = (done.returncode, "is a valid PDF/A-1b file" in done.stdout, done.stdout[-500:] if done.returncode else "")

    assert dict.fromkeys(reports(), (0, True, "")) == verdicts


def test_preflight_refuses_a_file_that_is_none(tmp_path: Path) -> None:
    file = tmp_path / "bad.pdf"
    file.write_bytes(render_report(a_frozen_report()).replace(b"<pdfaid:part>1", b"<pdfaid:part>2"))

    command = ["java", "-cp", ":".join(map(str, CLASS_PATH)), "org.apache.pdfbox.preflight.Validator_A1b", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    assert 0 != done.returncode
