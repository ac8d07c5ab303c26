"""axe-core: the script that judges whether everybody can use a page."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

AXE = json.loads(Path(__file__).with_name("axe.json").read_text())
BUILD = Path(__file__).resolve().parents[2] / "build"


def axe_core() -> str:
    """Return the text of axe-core, out of the package that npm's own registry has under this version and digest."""
    kept = BUILD / f"axe-core-{AXE['version']}.js"
    if kept.exists():
        return kept.read_text()
    if shutil.which("npm") is None:
        pytest.skip("not installed: npm, which brings axe-core")
    BUILD.mkdir(exist_ok=True)
    packed = subprocess.run(
        ["npm", "pack", "--silent", f"axe-core@{AXE['version']}"],
        cwd=BUILD,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if packed.returncode:
        pytest.skip("npm does not bring axe-core here")
    archive = BUILD / packed.stdout.strip().splitlines()[-1]
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    assert AXE["integrity"] == f"sha512-{digest}", "axe-core is not the one that was chosen"
    with tarfile.open(archive) as files:
        script = files.extractfile("package/axe.min.js")
        assert script is not None
        kept.write_bytes(script.read())
    archive.unlink()
    return kept.read_text()
