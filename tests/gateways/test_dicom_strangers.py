"""Five clients that are not ours agree with the door: what each got is compared item by item with what each step says.

For every client: echo, a broad query (station and day), a patient query (name with a wild card), three stations with a character set
each, and both transfer syntaxes where the client lets one choose; performed procedure steps where it can send them. A client that is
not installed is named by its own skipped test. dicom-rs and dcmjs-dimse are looked for on the path and in `build/strangers`:

    cargo install --locked --root build/strangers/cargo dicom-findscu dicom-echoscu
    npm install --prefix build/strangers/npm dcmjs-dimse
"""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from gateways.edge.config import ModalitySettings
from tests.support.dicom import EXPLICIT, IMPLICIT, MPPS, Door, a_door, associated, find
from tests.support.gateway import ROOT
from tests.support.strangers.withheld_release import RELEASE_REPLY, withheld_release
from tests.support.worklist import an_item, ended, performed, query, step

pytestmark = pytest.mark.slow
BUILT = ROOT / "build/strangers"
PATH = os.pathsep.join((os.environ.get("PATH", ""), str(BUILT / "cargo/bin")))
NODE_PATH = str(BUILT / "npm/node_modules")
CALLED = "RISMWL"
# What a station of each set reads of a name and of a description.
STATIONS = {"OLD6": "ISO_IR 6", "CT100": "ISO_IR 100", "MR192": "ISO_IR 192"}
STEPS = (("LEFÈVRE^HÉLÈNE", "Échographie du cœur, 60 €"), ("DUPONT^MARIE", "Scanner thorax"), ("LEFŒUVRE^NOËL", "Crâne – œil"))
READ = {
    "ISO_IR 6": (
        ("LEFEVRE^HELENE", "Echographie du coeur, 60 EUR"),
        ("DUPONT^MARIE", "Scanner thorax"),
        ("LEFOEUVRE^NOEL", "Crane - oeil"),
    ),
    "ISO_IR 100": (
        ("LEFÈVRE^HÉLÈNE", "Échographie du coeur, 60 EUR"),
        ("DUPONT^MARIE", "Scanner thorax"),
        ("LEFOEUVRE^NOËL", "Crâne - oeil"),
    ),
    "ISO_IR 192": STEPS,
}
NUMBERS = itertools.count(1)
Row = tuple[str, ...]
KEYWORDS = ("PatientID", "PatientName", "RequestedProcedureDescription", "StudyInstanceUID", "ScheduledProcedureStepID", "Modality")
BROAD = {"ScheduledStationAETitle": "SALLE", "ScheduledProcedureStepStartDate": "20260302"}


def expected(charset: str, *, broad: bool) -> list[Row]:
    chosen = (0, 1, 2) if broad else (0, 2)
    return [(f"IPP-{n + 1}", *READ[charset][n], f"1.2.250.1.99999.{n + 1}", f"SPS{n + 1}", "CT") for n in chosen]


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    known = [ModalitySettings(ae_title=title, charset=charset) for title, charset in STATIONS.items()]
    with a_door(tmp_path_factory.mktemp("strangers"), *known, steps=0) as opened:
        for number, (name, description) in enumerate(STEPS, 1):
            told = {"PatientName": name, "RequestedProcedureDescription": description, "SpecificCharacterSet": "ISO_IR 192"}
            opened.worklist.put(an_item(number, ScheduledStationAETitle="SALLE", **told))
        opened.worklist.put(an_item(9, ScheduledStationAETitle="AUTRE", ScheduledProcedureStepStartDate="20260303"))
        yield opened


def run(*command: str, **environment: str) -> str:
    done = subprocess.run(
        command,
        capture_output=True,
        timeout=60,
        check=False,
        env={**os.environ, "PATH": PATH, "NODE_PATH": NODE_PATH, **environment},
    )
    assert done.returncode == 0, (command[0], done.stdout[-1000:], done.stderr[-1000:])
    return done.stdout.decode()


def needs(program: str, *also: Path) -> str:
    found = shutil.which(program, path=PATH)
    if found is None or not all(one.exists() for one in also):
        pytest.skip(f"{program} {' '.join(one.name for one in also)} is not installed: this client is not compared")
    return found


def row(dataset: Dataset) -> Row:
    inner = dataset.ScheduledProcedureStepSequence[0]
    return tuple(str(dataset[one].value if one in dataset else inner[one].value) for one in KEYWORDS)


def asked(*, broad: bool) -> Dataset:
    inner = dict.fromkeys(("ScheduledProcedureStepID", "Modality"), "") | (BROAD if broad else {})
    return query(inner, PatientName="" if broad else "LEF*", PatientID="", RequestedProcedureDescription="", StudyInstanceUID="")


def keyed(*, broad: bool) -> list[str]:
    """Return the keys as command line clients write them."""
    keys = [f"PatientName={'' if broad else 'LEF*'}", "PatientID", "RequestedProcedureDescription", "StudyInstanceUID"]
    restricted = {f"{one}={value}" for one, value in BROAD.items()} if broad else set()
    return keys + [f"STEP.{one}" for one in sorted({"ScheduledProcedureStepID", "Modality"} | restricted)]


def by_pynetdicom(door: Door, calling: str, syntax: str, *, broad: bool, folder: Path) -> list[Row]:
    with associated(door.port, calling, syntaxes=(syntax,)) as association:
        assert 0x0000 == association.send_c_echo().Status
        status, answers, _ = find(association, asked(broad=broad))
        assert 0x0000 == status
        return [row(one) for _, one in answers]


def by_dcmtk(door: Door, calling: str, syntax: str, *, broad: bool, folder: Path) -> list[Row]:
    program = needs("findscu")
    chosen = "-xi" if syntax == IMPLICIT else "-xe"
    run(needs("echoscu"), "-aet", calling, "-aec", CALLED, "127.0.0.1", str(door.port))
    keys = [part for key in keyed(broad=broad) for part in ("-k", key.replace("STEP.", "(0040,0100)[0]."))]
    run(program, "-W", chosen, "-aet", calling, "-aec", CALLED, "-X", "-od", str(folder), *keys, "127.0.0.1", str(door.port))
    return [row(dcmread(path)) for path in sorted(folder.glob("rsp*.dcm"))]


def by_dicom_rs(door: Door, calling: str, _syntax: str, *, broad: bool, folder: Path) -> list[Row]:
    program = needs("dicom-findscu")
    titles = ["--calling-ae-title", calling, "--called-ae-title", CALLED]
    run(needs("dicom-echoscu"), *titles, f"127.0.0.1:{door.port}")
    keys = [part for key in keyed(broad=broad) for part in ("-q", key.replace("STEP.", "ScheduledProcedureStepSequence."))]
    told = run(program, "-W", *titles, f"127.0.0.1:{door.port}", *keys)
    blocks = [dict(re.findall(r"\) (\w+) +\w\w \([^)]*\): \"(.*)\"", part)) for part in told.split("Match #")[1:]]
    return [tuple(block[one] for one in KEYWORDS) for block in blocks]


def by_dcmjs(door: Door, calling: str, _syntax: str, *, broad: bool, folder: Path) -> list[Row]:
    program = needs("node", BUILT / "npm/node_modules/dcmjs-dimse")
    inner = dict.fromkeys(("ScheduledProcedureStepID", "Modality"), "") | (BROAD if broad else {})
    keys = {"PatientName": "" if broad else "LEF*", "RequestedProcedureDescription": "", "ScheduledProcedureStepSequence": [inner]}
    uid = f"1.2.250.1.99999.6.{next(NUMBERS)}"
    script = str(ROOT / "tests/support/strangers/dcmjs.js")
    told = json.loads(run(program, script, str(door.port), calling, CALLED, json.dumps(keys), uid))
    assert [0x0000] * 4 == told["statuses"], "echo, find, N-CREATE, N-SET"

    def value(answer: dict[str, Any], keyword: str) -> str:
        found = answer[keyword] if keyword in answer else answer["ScheduledProcedureStepSequence"][0][keyword]
        return str(found[0]["Alphabetic"] if isinstance(found, list) else found)

    return [tuple(value(answer, one) for one in KEYWORDS) for answer in told["answers"]]


CLIENTS: dict[str, tuple[Callable[..., list[Row]], tuple[str, ...]]] = {
    "pynetdicom": (by_pynetdicom, (EXPLICIT, IMPLICIT)),
    "dcmtk": (by_dcmtk, (EXPLICIT, IMPLICIT)),
    "dicom-rs": (by_dicom_rs, ("its own",)),
    "dcmjs-dimse": (by_dcmjs, ("its own",)),
}


@pytest.mark.parametrize("broad", [True, False], ids=["broad", "patient"])
@pytest.mark.parametrize("calling", STATIONS)
@pytest.mark.parametrize(
    ("client", "syntax"), [(name, syntax) for name, (_, syntaxes) in CLIENTS.items() for syntax in syntaxes], ids=str
)
def test_what_each_client_got_is_what_each_step_says(
    door: Door, tmp_path: Path, client: str, syntax: str, calling: str, broad: bool
) -> None:
    got = CLIENTS[client][0](door, calling, syntax, broad=broad, folder=tmp_path)

    assert expected(STATIONS[calling], broad=broad) == got


TAGS = ("0010,0020", "0010,0010", "0032,1060", "0020,000d", "0040,0009", "0008,0060")
OTHER = ("IPP-9", "ESSAI^LOU", "Scanner thorax", "1.2.250.1.99999.9", "SPS9", "CT")


def as_gdcm_prints(row: Row, charset: str) -> Row:
    """Return values as gdcm prints them: a point for each byte that is no ASCII."""
    encoding = {"ISO_IR 192": "utf-8", "ISO_IR 100": "latin-1", "ISO_IR 6": "ascii"}[charset]
    return tuple("".join(chr(byte) if byte < 0x80 else "." for byte in value.encode(encoding)) for value in row)


@pytest.mark.parametrize("broad", [True, False], ids=["broad", "patient"])
@pytest.mark.parametrize("calling", STATIONS)
def test_what_gdcm_got_is_what_each_step_says(door: Door, tmp_path: Path, calling: str, broad: bool) -> None:
    """`--worklist` stands alone: with `--find`, gdcmscu asks as Study Root. It names no key inside a sequence: broad finds all steps."""
    program = needs("gdcmscu")
    keys = [f"--key={key}" for key in (f"10,10={'' if broad else 'LEF*'}", "10,20=", "32,1060=", "20,d=")]
    door.clock.pass_by(minutes=1)
    with withheld_release(door.port) as (port, sent):
        titles = ["--aetitle", calling, "--call", CALLED, "127.0.0.1", str(port)]
        run(program, "--echo", *titles)
        run(program, "--worklist", "--log-file", str(tmp_path / "told"), *keys, *titles)

    assert door.stations.status()[calling].last_echo_at == door.clock.now
    assert 2 == sent.count(RELEASE_REPLY)
    answers = (tmp_path / "told").read_text("ascii").split("WL Find Response: ")[1:]
    found = [dict(re.findall(r"\((\w{4},\w{4})\) .. \(\w\w\) \[([^\]]*)\]", answer)) for answer in answers]
    charset = STATIONS[calling]
    steps = expected(charset, broad=broad) + ([OTHER] if broad else [])
    assert [as_gdcm_prints(one, charset) for one in steps] == [tuple(answer[tag].strip() for tag in TAGS) for answer in found]


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
def test_pynetdicom_performs_a_step(door: Door, syntax: str) -> None:
    uid = f"1.2.250.1.99999.7.{len(syntax)}"
    with associated(door.port, "CT100", syntaxes=(syntax,)) as association:
        told = [association.send_n_create(performed(step(2)), MPPS, uid)[0].Status]
        told.append(association.send_n_set(ended("DISCONTINUED", "110514"), MPPS, uid)[0].Status)
        told.append(association.send_n_set(ended("COMPLETED"), MPPS, uid)[0].Status)
        assert [0x0000, 0x0000, 0x0110] == told
