"""The same worklist query by another implementation: dcmtk's `findscu`, when it is installed.

`python -m infra.local.services.dcmtk_findscu …` prints what `modality find` prints, `{"status": "absent"}` without dcmtk. Evidence:
`NNN-mwl.dcm`, the Part 10 files that findscu wrote of the answers.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from pydicom import dcmread

from infra.local.children import follow_life_pipe
from infra.local.services.recorder import Recorder

KEYS = {
    "StationAETitle": "(0040,0100)[0].ScheduledStationAETitle",
    "Date": "(0040,0100)[0].ScheduledProcedureStepStartDate",
    "Modality": "(0040,0100)[0].Modality",
}
RETURNED = ("PatientName", "PatientID", "AccessionNumber", "StudyInstanceUID", "SpecificCharacterSet=ISO_IR 100")


def installed() -> str:
    """Return the path of dcmtk's findscu, or an empty string; pynetdicom's namesake is not meant."""
    own = str(Path(sys.executable).parent)
    path = os.pathsep.join(folder for folder in os.environ.get("PATH", "").split(os.pathsep) if folder != own)
    found = shutil.which("findscu", path=path)
    if not found:
        return ""
    told = subprocess.run([found, "--version"], capture_output=True, text=True, check=False, timeout=10).stdout
    return found if "dcmtk" in told.lower() else ""


def find(program: str, asked: argparse.Namespace, recorder: Recorder) -> dict[str, Any]:
    """Run the query and keep each answer."""
    keys = [f"{KEYS[name]}={value}" for name, value in asked.keys.items()]
    options = [word for key in [*keys, *RETURNED] for word in ("-k", key)]
    with tempfile.TemporaryDirectory() as folder:
        command = [program, "-W", "-X", "-od", folder, "-to", "10", "-aet", asked.calling, "-aec", asked.called, *options]
        done = subprocess.run([*command, "127.0.0.1", str(asked.port)], capture_output=True, check=False, timeout=30)
        files = sorted(Path(folder).glob("*.dcm"))
        evidence = [recorder.record("mwl.dcm", file.read_bytes()).name for file in files]
        items = [dcmread(file, force=True).to_json_dict() for file in files]
    return {"status": "0000" if done.returncode == 0 else "failed", "items": items, "evidence": evidence}


def main() -> None:
    """Query and print what came of it."""
    follow_life_pipe()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--calling", required=True)
    parser.add_argument("--called", required=True)
    parser.add_argument("--evidence", type=Path, required=True)
    parser.add_argument("--keys", type=json.loads, default={})
    asked = parser.parse_args()
    program = installed()
    started = time.monotonic()
    result = find(program, asked, Recorder(asked.evidence)) if program else {"status": "absent", "items": [], "evidence": []}
    print(json.dumps({**result, "milliseconds": round((time.monotonic() - started) * 1000, 1)}))


if __name__ == "__main__":
    main()
