"""What no tracked file may hold, and what no test may do."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

from tests.support.stacks import ROOT

REGISTRIES = ("pypi" + ".org", "pythonhosted" + ".org", "npmjs" + ".org", "npmjs" + ".com", "docker" + ".io", "simple" + "/index")
MACHINE = re.compile(r"(?<![\w.])/(work|root|home|Users)/[\w.-]+")


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git working tree")
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def text_of(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        return ""


def test_no_file_names_a_package_registry() -> None:
    assert not [(str(path.relative_to(ROOT)), host) for path in tracked() for host in REGISTRIES if host in text_of(path)]


def test_no_file_names_a_path_of_somebodys_machine() -> None:
    found = {str(path.relative_to(ROOT)): MACHINE.search(text_of(path)) for path in tracked()}

    assert not {name: match[0] for name, match in found.items() if match}


def test_no_private_key_is_tracked() -> None:
    assert not [path for path in tracked() if re.search(r"-----BEGIN [A-Z ]*PRIVATE KEY-----\n[A-Za-z0-9+/]", text_of(path))]


def test_nothing_made_is_tracked() -> None:
    made = re.compile(r"(^|/)(build|\.venv|__pycache__|\.hypothesis|vendor)/|\.pyc$|\.zip$")

    assert not [name for path in tracked() if made.search(name := str(path.relative_to(ROOT)))]


@pytest.mark.parametrize("lock", sorted(ROOT.glob("**/requirements.lock")) + sorted(ROOT.glob("infra/local/assets.lock")), ids=str)
def test_a_lock_pins_and_hashes_everything(lock: Path) -> None:
    if ".venv" in lock.parts or "build" in lock.parts:
        pytest.skip("not ours")
    entries = re.split(r"\n(?=\S)", re.sub(r"(?m)^\s*#.*\n", "", lock.read_text("utf-8")).strip())

    assert entries
    for entry in entries:
        assert re.match(r"[A-Za-z0-9._-]+(\[[\w,]+\])?==\S+", entry), entry[:80]
        assert "--hash=sha256:" in entry, entry[:80]
    assert (lock.parent / lock.name.replace(".lock", ".in")).is_file()


def python_files(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def test_no_test_sleeps() -> None:
    sleeping = []
    for path in python_files("tests"):
        source = path.read_text("utf-8")
        if "sleep" not in source:
            continue
        tree = ast.parse(source)
        # `asyncio.sleep(0)` only lets another task run.
        yields = {
            id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node) == "asyncio.sleep(0)"
        }
        for node in ast.walk(tree):
            named = isinstance(node, ast.Attribute) and node.attr == "sleep" and id(node) not in yields
            taken = isinstance(node, ast.ImportFrom) and node.module == "time" and "sleep" in {name.name for name in node.names}
            if named or taken:
                sleeping.append(f"{path.relative_to(ROOT)}:{node.lineno}")

    assert not sleeping


def imported(path: Path) -> set[str]:
    """Return the first words of everything a file imports, inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").split(".")[0])
    return found


@pytest.mark.parametrize("path", python_files("infra/local/services"), ids=lambda path: path.name)
def test_a_simulator_shares_nothing_with_the_product(path: Path) -> None:
    # import-linter proves it for modules it can follow; this one also sees a file that no package reaches.
    assert not imported(path) & {"ris", "functions", "gateways"}
    assert not re.search(r"import_module\(|__import__\(", path.read_text("utf-8"))


def test_only_the_tracing_module_names_the_xray_sdk() -> None:
    sources = [*python_files("layers/ris/python"), *python_files("functions"), *python_files("gateways")]
    naming = {path.name for path in sources if "aws_xray_sdk" in path.read_text("utf-8")}

    assert naming <= {"tracing.py"}


def test_no_function_imports_a_dicom_library() -> None:
    sources = [*python_files("layers/ris/python"), *python_files("functions")]

    assert not [path for path in sources if re.search(r"^\s*(import|from) (pydicom|pynetdicom)\b", path.read_text("utf-8"), re.M)]


def test_a_layer_pins_the_same_versions_as_the_developers_lock() -> None:
    def versions(lock: Path) -> dict[str, str]:
        return dict(re.findall(r"(?m)^([A-Za-z0-9._-]+)==(\S+)", lock.read_text("utf-8")))

    ours = versions(ROOT / "infra" / "local" / "requirements.lock")
    for lock in [*sorted((ROOT / "layers").glob("*/requirements.lock")), *sorted((ROOT / "gateways").glob("*/requirements.lock"))]:
        differing = {name: version for name, version in versions(lock).items() if ours.get(name, version) != version}
        assert not differing, lock
