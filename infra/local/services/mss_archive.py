"""IHE_XDM.zip as a receiver reads it: layout, metadata and documents that say the same thing of one patient.

Source: IHE ITI TF-2 §3.32 (XDM; names of ISO 9660 level 1); CI-SIS, volets Echange and Structuration minimale.
"""

from __future__ import annotations

import hashlib
import io
import re
import stat
import zipfile
from collections import Counter
from dataclasses import dataclass
from typing import Any

from lxml import etree

from infra.local.services import dmp_cda
from infra.local.services.dmp_metadata import HAS_MEMBER, RPLC, check_report
from infra.local.services.dmp_objects import Object, RegistryError, Request, read_submit

NAME_8_3 = re.compile(r"[A-Z0-9_]{1,8}(\.[A-Z0-9_]{1,3})?\Z")
XHTML = "http://www.w3.org/1999/xhtml"
HL7 = "urn:hl7-org:v3"
UNPACKED_MAXIMUM = 100_000_000
ACTIONS = frozenset({"", "C", "D"})


class Wrong(Exception):
    """One thing that is wrong.

    Args:
        rule: Name of the rule.
        text: Sentence without any value of the patient.
    """

    def __init__(self, rule: str, text: str) -> None:
        super().__init__(f"{rule}: {text}")
        self.rule, self.text = rule, text


def must(holds: object, rule: str, text: str) -> None:
    """Refuse by the name of the rule.

    Raises:
        Wrong: It does not hold.
    """
    if not holds:
        raise Wrong(rule, text)


@dataclass(frozen=True)
class Document:
    """One document of the archive with what its metadata and its header say."""

    entry: Object
    cda: dmp_cda.Cda
    type_code: str
    family: str
    given: str
    birth: str


@dataclass(frozen=True)
class Archive:
    """What an archive says.

    Args:
        patient: CX of the one patient.
        action: Empty, `C` or `D`.
    """

    documents: list[Document]
    patient: str
    action: str

    @property
    def qualified(self) -> bool:
        """Tell whether the patient is named by an INS with its four traits."""
        return self.patient.endswith("^NH") and all(d.family and d.given and d.birth for d in self.documents)

    @property
    def matricule(self) -> str:
        """Return the matricule, or an empty text without an INS."""
        return self.patient.partition("^")[0] if self.patient.endswith("^NH") else ""


def read(content: bytes) -> Archive:
    """Return what an archive says once it is sound.

    Raises:
        Wrong: The first thing that is not.
    """
    files = _unpacked(content)
    _check_front(files)
    folders = {name.split("/")[1] for name in files if name.startswith("IHE_XDM/")}
    must(len(folders) == 1, "XDM_LAYOUT", "exactly one folder below IHE_XDM")
    below = f"IHE_XDM/{folders.pop()}/"
    must(all(name.count("/") == 2 for name in files if name.startswith(below)), "XDM_LAYOUT", "no folder below a submission's")
    must(below + "METADATA.XML" in files, "XDM_LAYOUT", "METADATA.XML is missing")
    request = _metadata(files[below + "METADATA.XML"])
    documents = {name.removeprefix(below): body for name, body in files.items() if name.startswith(below)}
    documents.pop("METADATA.XML")
    try:
        return _understood(request, documents)
    except RegistryError as refused:
        raise Wrong("XDM_METADATA", refused.context) from None


def _unpacked(content: bytes) -> dict[str, bytes]:
    """Return the files of the archive by name; nothing that could leave a folder, stand twice or be a link."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            must(sum(entry.file_size for entry in entries) <= UNPACKED_MAXIMUM, "XDM_ZIP", "the archive unpacks to too much")
            for entry in entries:
                _check_entry(entry)
            twice = [name for name, count in Counter(entry.filename.upper() for entry in entries).items() if count > 1]
            must(not twice, "XDM_NAMES", "a name stands twice")
            return {entry.filename: archive.read(entry) for entry in entries if not entry.is_dir()}
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError):
        raise Wrong("XDM_ZIP", "the archive cannot be unpacked") from None


def _check_entry(entry: zipfile.ZipInfo) -> None:
    parts = entry.filename.rstrip("/").split("/")
    # zipfile turns the system's separators into slashes and cuts at a NUL: the name as it was written is what counts.
    must(entry.orig_filename == entry.filename and "\\" not in entry.orig_filename, "XDM_NAMES", "an odd separator in a name")
    must(".." not in parts and not entry.filename.startswith("/"), "XDM_NAMES", "a name leaves its folder")
    must(all(NAME_8_3.match(part) for part in parts), "XDM_NAMES", "names are upper case, of 8 characters and 3")
    must(not stat.S_ISLNK(entry.external_attr >> 16), "XDM_ZIP", "an entry is a link")
    must(not entry.flag_bits & 1, "XDM_ZIP", "an entry is encrypted")
    must(entry.compress_type in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}, "XDM_ZIP", "an entry is neither stored nor deflated")


def _check_front(files: dict[str, bytes]) -> None:
    """Check what a person opens first."""
    for name in ("README.TXT", "INDEX.HTM"):
        must(files.get(name, b"").strip(), "XDM_LAYOUT", f"{name} is missing")
    other = [name for name in files if "/" not in name and name not in {"README.TXT", "INDEX.HTM"}]
    must(not other, "XDM_LAYOUT", "another file beside README.TXT and INDEX.HTM")
    must(all(name.startswith("IHE_XDM/") for name in files if "/" in name), "XDM_LAYOUT", "another folder beside IHE_XDM")
    try:
        page = etree.fromstring(files["INDEX.HTM"], _parser())
    except etree.XMLSyntaxError:
        raise Wrong("XDM_INDEX", "INDEX.HTM is not well-formed XHTML") from None
    links = {link.get("href") for link in page.iter(f"{{{XHTML}}}a")}
    must("README.TXT" in links, "XDM_INDEX", "INDEX.HTM does not lead to README.TXT")
    must(all(link in files for link in links), "XDM_INDEX", "INDEX.HTM leads to a file that is not there")


def _parser() -> Any:
    return etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True)


def _metadata(content: bytes) -> Request:
    try:
        root = etree.fromstring(content, _parser())
    except etree.XMLSyntaxError:
        raise Wrong("XDM_METADATA", "METADATA.XML is not well-formed") from None
    try:
        return read_submit(root, {})
    except RegistryError as refused:
        raise Wrong("XDM_METADATA", refused.context) from None


def _understood(request: Request, files: dict[str, bytes]) -> Archive:
    """Compare metadata, files and documents."""
    must(request.entries, "XDM_METADATA", "no document entry")
    patients = {said.identifiers.get("patientId", "") for said in (request.package, *request.entries)}
    must(len(patients) == 1 and "" not in patients, "ONE_PATIENT", "exactly one patient in the metadata")
    must(all(a.kind != RPLC for a in request.associations), "XDM_METADATA", "a mail's metadata have no RPLC association")
    members = {a.target for a in request.associations if a.kind == HAS_MEMBER and a.source == request.package.id}
    must(members == {entry.id for entry in request.entries}, "XDM_METADATA", "each entry is a member of the set, and nothing else")
    used, documents = set(), []
    for entry in request.entries:
        name, content = _file_of(entry, files)
        used.add(name)
        documents.append(_document(entry, content))
    must(used == set(files), "XDM_LAYOUT", "a file of the folder is not in METADATA.XML")
    unique = [document.cda.unique_id for document in documents]
    must(len(unique) == len(set(unique)), "XDM_METADATA", "a uniqueId stands twice")
    actions = {said.slot("action") for said in (request.package, *request.entries)} - {""}
    must(len(actions) <= 1 and actions <= ACTIONS, "XDM_ACTION", "the action is C or D, the same everywhere")
    action = next(iter(actions), "")
    must(action != "C" or all(d.cda.replaces for d in documents), "XDM_ACTION", "action C, and the CDA names no parent document")
    return Archive(documents, patients.pop(), action)


def _file_of(entry: Object, files: dict[str, bytes]) -> tuple[str, bytes]:
    """Return the file an entry describes, its hash and size checked against the very bytes."""
    uri = entry.slot("URI")
    must(uri, "XDM_URI", "an entry has no URI")
    # Relative to the folder of METADATA.XML (IHE), or to IHE_XDM as in a national sample.
    name = uri.split("/")[-1] if uri.count("/") <= 1 else uri
    must(name in files, "XDM_URI", "the URI of an entry names no file")
    content = files[name]
    hashed = hashlib.sha1(content, usedforsecurity=False).hexdigest()
    must(entry.slot("hash").lower() == hashed, "XDM_HASH", "hash is not that of the file")
    must(entry.slot("size") == str(len(content)), "XDM_SIZE", "size is not that of the file")
    return name, content


def _document(entry: Object, content: bytes) -> Document:
    check_report(entry)
    cda = dmp_cda.check(content, entry)
    root = etree.fromstring(content, _parser())
    patient = root.find(f"{{{HL7}}}recordTarget/{{{HL7}}}patientRole/{{{HL7}}}patient")
    family, given = (
        patient.findtext(f"{{{HL7}}}name/{{{HL7}}}{part}[@qualifier='BR']") or "" if patient is not None else ""
        for part in ("family", "given")
    )
    birth = patient.find(f"{{{HL7}}}birthTime") if patient is not None else None
    born = str(birth.get("value") or "")[:8] if birth is not None else ""
    return Document(entry, cda, entry.code("typeCode").code, family, given, born)
