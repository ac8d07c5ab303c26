"""OUT is ours or empty, used by one run at a time, and empty at the start."""

import subprocess
import sys
from pathlib import Path

import pytest

from infra.local.demo.evidence import MARK, EvidenceFolder


def test_what_an_earlier_run_left_is_gone(tmp_path: Path) -> None:
    (tmp_path / MARK).touch()
    (tmp_path / "hl7").mkdir()
    (tmp_path / "hl7" / "001-in-ADT_A04.hl7").touch()

    out = EvidenceFolder(tmp_path)

    assert {entry.name for entry in out.folder.iterdir()} == {MARK, ".work"}


def test_somebodys_files_are_never_removed(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("x")

    with pytest.raises(SystemExit, match="no demo wrote"):
        EvidenceFolder(tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "x"


def test_two_runs_never_share_a_folder(tmp_path: Path) -> None:
    held = EvidenceFolder(tmp_path)
    code = (
        f"from pathlib import Path; from infra.local.demo.evidence import EvidenceFolder; EvidenceFolder(Path({str(tmp_path)!r}))"
    )

    second = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (second.returncode, "in use by another run" in second.stderr) == (1, True)
    assert held.work.is_dir()


def test_keys_are_removed_even_when_logs_stay(tmp_path: Path) -> None:
    out = EvidenceFolder(tmp_path)
    (out.work / "psc.key").touch()
    (out.work / "credentials-nord").mkdir()
    (out.work / "credentials-nord" / "ris-spool-key").touch()
    (out.work / "cloud.log").touch()

    out.tidy(keep_logs=True)

    assert [file.name for file in out.work.iterdir()] == ["cloud.log"]
