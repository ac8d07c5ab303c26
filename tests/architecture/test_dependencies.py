"""Each home has what it imports: a layer's, an image's and the developers' locks against the imports of the sources."""

from __future__ import annotations

import ast
import os
import re
import sys
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.support.forks import Forks
from tests.support.stacks import ROOT, tenant

RIS = ROOT / "layers" / "ris" / "python" / "ris"
DISTRIBUTIONS = packages_distributions()
MAKES_DOCUMENTS = ("adapters/report", "adapters/dispatch/dmp", "adapters/dispatch/mss")
OURS = {"ris", "functions", "gateways", "infra", "tests"}


def locked(*locks: str) -> set[str]:
    """Return the names a lock installs, in the index's spelling."""
    text = "\n".join((ROOT / lock).read_text("utf-8") for lock in locks)
    return {name.lower().replace("_", "-") for name in re.findall(r"(?m)^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==", text)}


@cache
def imported(path: Path) -> set[str]:
    """Return the packages of others that a file imports, at its top or inside a function."""
    roots: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            roots |= {name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            roots.add((node.module or "").split(".")[0])
    return roots - OURS - set(sys.stdlib_module_names)


def lacking(paths: list[Path], installed: set[str]) -> set[tuple[str, str]]:
    return {
        (str(path.relative_to(ROOT)), root)
        for path in paths
        for root in imported(path)
        if not {name.lower().replace("_", "-") for name in DISTRIBUTIONS.get(root, [root])} & installed
    }


def sources(*folders: Path) -> list[Path]:
    # A fixture is a function of its own, with layers of its own.
    return [path for folder in folders for path in sorted(folder.rglob("*.py")) if "fixtures" not in path.parts]


def test_what_a_function_imports_is_in_its_layers() -> None:
    runtime = locked("layers/runtime/requirements.lock")
    portal = sources(RIS / "portal", ROOT / "functions" / "portal")
    operator = sources(RIS / "cli")
    documents = [path for folder in MAKES_DOCUMENTS for path in sources(RIS / folder)] + [RIS / "adapters/identity/insi_soap.py"]
    figures = [RIS / "adapters/usage" / name for name in ("workbook.py", "plot.py")]
    others = [path for path in sources(RIS, ROOT / "functions") if path not in {*portal, *operator, *documents, *figures}]

    assert lacking(others, runtime) == set()
    assert lacking(documents, runtime | locked("layers/documents/requirements.lock")) == set()
    assert lacking(figures, runtime | locked("layers/figures/requirements.lock")) == set()
    assert lacking(portal, runtime | locked("layers/chalice/requirements.lock")) == set()


def mounts(layer: str) -> set[str]:
    return {
        function.logical_id
        for function in tenant().all("AWS::Lambda::Function")
        if any(name.startswith(layer) for name in function.properties["Layers"])
    }


def test_documents_and_their_fonts_are_mounted_where_documents_are_made_or_spoken_about() -> None:
    # INSi, the DMP, an archive that comes back and an operator's autoconfiguration are XML.
    speak = {
        "QueryInsiFunction", "CheckDmpFunction", "SendToDmpFunction", "ReconcileWithDmpFunction", "SendMailFunction",
        "ReconcileMailFunction",
    }  # fmt: skip
    fonts = {f.logical_id for f in tenant().all("AWS::Lambda::Function") if "RIS_FONTS" in f.properties["Environment"]["Variables"]}

    assert mounts("Documents") == {*speak, "RenderReportFunction", "BuildCdaFunction", "SignSubmissionFunction"}
    assert fonts == {"RenderReportFunction"}


def test_figures_are_drawn_and_written_by_the_portal_alone_and_imported_when_a_file_is_asked_for(interpreter: Forks) -> None:
    asked = 'import sys; import functions.portal.app; print({"xlsxwriter", "pygal"} & set(sys.modules))'
    done = interpreter.run(asked, ["-c"], {**os.environ, "PYTHONPATH": f"{RIS.parent}{os.pathsep}{ROOT}"})

    assert mounts("Figures") == {"PortalFunction"}
    assert (done.stdout.strip(), done.stderr[-500:]) == ("set()", "")


WITHOUT_DOCUMENTS = """
import importlib, os, sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"lxml", "signxml", "reportlab", "pikepdf", "ppf", "PIL"}:
            raise ImportError(name)

sys.meta_path.insert(0, Missing())
os.environ.update(AWS_DEFAULT_REGION="eu-west-3", AWS_ACCESS_KEY_ID="x", AWS_SECRET_ACCESS_KEY="x", OIDC_URL="", PSC_URL="")
handler = importlib.import_module(sys.argv[1])
for name, value in vars(handler).items():
    if getattr(value, "__module__", "").startswith("ris.bootstrap") and callable(value) and not isinstance(value, type):
        value()
print("composed")
"""


@pytest.fixture(scope="module")
def interpreter() -> Forks:
    """What forks an interpreter that has imported nothing of ours, and of others only what every function has."""
    return Forks(["boto3", "pydantic"], {**os.environ, "PYTHONPATH": f"{RIS.parent}{os.pathsep}{ROOT}"})


@pytest.mark.parametrize("name", sorted(path.name for path in (ROOT / "functions").iterdir() if (path / "handler.py").exists()))
def test_a_function_without_the_documents_layer_does_without_it(interpreter: Forks, name: str) -> None:
    # The embedded cloud has every package: a layer that is not mounted is missed on AWS only.
    if "".join(part.capitalize() for part in name.split("_")) + "Function" in mounts("Documents"):
        pytest.skip("it has the layer")
    table = {
        f"TABLE_{each}": each for each in ("PATIENTS", "AGENDA", "EXAMS", "MESSAGES", "AUDIT", "REFERENCE", "SESSIONS", "USAGE")
    }
    environment = {**os.environ, **table, "PYTHONPATH": f"{RIS.parent}{os.pathsep}{ROOT}", "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    done = interpreter.run(WITHOUT_DOCUMENTS, ["-c", f"functions.{name}.handler"], environment)

    # What asks the cloud for a row fails here for want of one; what matters is that no library is missed.
    assert "ImportError" not in done.stderr, done.stderr[-2000:]
    assert "composed" in done.stdout or "RemoteUnavailable" in done.stderr, done.stderr[-2000:]


def test_only_the_portal_has_chalice() -> None:
    with_chalice = {
        function.logical_id
        for function in tenant().all("AWS::Lambda::Function")
        if any(layer.startswith("Chalice") for layer in function.properties["Layers"])
    }

    assert with_chalice == {"PortalFunction"}


def test_what_the_gateway_imports_is_in_its_image() -> None:
    # The image also holds the layer `ris`, of which the gateway uses the contracts.
    used = [*sources(ROOT / "gateways"), *sources(RIS / "contracts", RIS / "domain")]

    assert lacking(used, locked("gateways/edge/requirements.lock")) == set()


@pytest.mark.parametrize("folder", ["infra", "tests", "layers/ris/python/ris/cli"])
def test_what_developers_import_is_in_their_lock(folder: str) -> None:
    ours = locked("infra/local/requirements.lock", "infra/local/assets.lock")

    assert lacking(sources(ROOT / folder), ours) == set()
