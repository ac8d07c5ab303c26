"""Every code that the report context raises has one French sentence that says who does what, and the portal loads no PDF library."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

from ris.portal.sentences import SENTENCES
from tests.support.stacks import ROOT

RIS = ROOT / "layers" / "ris" / "python" / "ris"
RAISED = {"InvalidInput", "Refused", "RemoteUnavailable", "Problem", "RemoteRejected", "NotAllowed"}
WHO = (
    "radiologue",
    "service informatique",
    "cellule",
    "accueil",
    "le RIS",
    "Rechargez",
    "Raccourcissez",
    "Réunissez",
    "Retirez",
    "Votre",
    "vous",
)


def codes() -> dict[str, str]:
    """Return every literal code of the context's modules, with its file."""
    found: dict[str, str] = {}
    for path in [path for layer in ("domain", "application", "adapters") for path in (RIS / layer / "report").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in RAISED and node.args:
                code = node.args[0]
                if isinstance(code, ast.Constant):
                    found[str(code.value)] = path.name
                elif isinstance(code, ast.JoinedStr):
                    found |= {"report_validating": path.name, "report_validated": path.name}
    return found


def test_no_code_is_without_its_sentence() -> None:
    found = codes()

    assert {"conclusion_missing", "edited_by_other", "character_not_drawable", "psc_session_required", "report_validated"} <= set(
        found
    )
    assert {} == {code: file for code, file in found.items() if code not in SENTENCES}


def test_a_sentence_about_a_report_says_who_acts() -> None:
    from ris.portal.sentences_report import REPORT

    silent = {code: text for code, text in REPORT.items() if not any(word in text for word in WHO)}

    # These three only state what is so: nobody has anything to do.
    assert {"unknown_report", "report_validating", "report_validated", "exam_not_performed", "unknown_version"} >= set(silent)


def test_composing_the_services_imports_no_pdf_no_xml_and_no_signing_library() -> None:
    lines = (
        "import os, sys",
        "os.environ.update(AWS_DEFAULT_REGION='eu-west-3', AWS_ACCESS_KEY_ID='x', AWS_SECRET_ACCESS_KEY='x')",
        "from ris.bootstrap.documents import services",
        "services()",
        "import ris.application.report.validate_report, ris.application.report.edit_report",
        "print(' '.join(m for m in ('reportlab', 'pikepdf', 'lxml', 'cryptography', 'signxml', 'ppf') if m in sys.modules))",
    )
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)],
        capture_output=True, text=True, check=True, cwd=ROOT, env={"PYTHONPATH": str(Path(RIS).parent), "PATH": ""},
    )  # fmt: skip

    assert "" == done.stdout.strip()
