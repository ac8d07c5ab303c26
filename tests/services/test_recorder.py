"""Evidence is whole, numbered without a gap or a double, and byte for byte."""

import subprocess
import sys
from pathlib import Path

import pytest

from infra.local.services.recorder import Recorder

WRITER = """
import sys
from infra.local.services.recorder import Recorder
recorder = Recorder(sys.argv[1])
for _ in range(50):
    recorder.record("x.bin", b"x")
"""


def test_processes_that_share_a_folder_never_take_the_same_number(tmp_path: Path) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)]) for _ in range(3)]

    assert [writer.wait(30) for writer in writers] == [0, 0, 0]
    assert sorted(file.name for file in tmp_path.glob("*.bin")) == sorted(f"{n:03d}-x.bin" for n in range(1, 151))


def test_bytes_are_kept_as_they_are(tmp_path: Path) -> None:
    content = bytes(range(256))

    assert Recorder(tmp_path).record("out-ORM_O01.hl7", content).read_bytes() == content


@pytest.mark.parametrize("name", ["../up.hl7", "a/b", "", "é.hl7", "x" * 81, "nul\0"])
def test_a_name_never_leaves_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="evidence name"):
        Recorder(tmp_path).record(name, b"")


def test_nothing_half_written_is_left_beside(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)

    recorder.record_json("token.json", {"é": 1})

    assert sorted(file.name for file in tmp_path.iterdir()) == [".counter", "001-token.json"]
