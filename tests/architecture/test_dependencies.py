"""Each home has what it imports: a layer's, an image's and the developers' locks against the imports of the sources."""

from __future__ import annotations

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.support.stacks import ROOT, tenant

RIS = ROOT / "layers" / "ris" / "python" / "ris"
DISTRIBUTIONS = packages_distributions()
OURS = {"ris", "functions", "gateways", "infra", "tests"}


def locked(*locks: str) -> set[str]:
    """Return the names a lock installs, in the index's spelling."""
    text = "\n".join((ROOT / lock).read_text("utf-8") for lock in locks)
    return {name.lower().replace("_", "-") for name in re.findall(r"(?m)^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==", text)}


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
    others = [path for path in sources(RIS, ROOT / "functions") if path not in portal and path not in operator]

    assert lacking(others, runtime) == set()
    assert lacking(portal, runtime | locked("layers/chalice/requirements.lock")) == set()


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
