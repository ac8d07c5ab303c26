"""`python -m tests.requirements`: write docs/requirements.md from the markers of the tests.

A test that shows a requirement of the Segur list carries its id: `@pytest.mark.segur("CRR.01")`, several ids in one marker or several
markers. The titles are ours and short; the requirement is what its official text says. With `--check` nothing is written and the exit
status says whether the file is as it would be.

Source: ids of the RIS list of wave 1 (REM-RAD-RIS-Va1), 117 in twelve families.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.support.generated import write_or_compare

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = ROOT / "docs" / "requirements.md"
FAMILIES = {
    "CRR": "The report's life",
    "DOC": "The document",
    "DMP": "The national record",
    "INTRA": "Inside the hospital",
    "AC": "Other applications",
    "MSS": "Health mail, to professionals and to patients",
    "ANN": "The directory of professionals",
    "AUTH": "Certificates of practices",
    "PSC": "Pro Santé Connect",
    "TBB": "Indicators",
    "PORT": "Portability",
    "INS": "Identity",
}
REQUIREMENTS = {
    "CRR.01": "The report says that it is validated, when and by whom, with the RPPS",
    "CRR.02": "Before validation: an announcement to the patient is due; the record hides it from the patient, no patient mail",
    "CRR.03": "The announcement was made: visible in the record, mail to the patient",
    "CRR.04": "A provisional status while several radiologists must agree",
    "CRR.05": "A list of reports provisional or not validated over a period",
    "CRR.06": "Users are told of reports that stay provisional or not validated too long",
    "CRR.07": "The document's type code is the imaging report's, LOINC 18748-4",
    "DOC.01": "The report as PDF/A-1, with the file name that mail asks for",
    "DOC.02": "A CDA R2 level 1 around the PDF is made without a hand",
    "DOC.03": "The INS in the CDA, and as a datamatrix on the PDF, of a qualified identity",
    "DOC.04": "Every recipient is printed in the report",
    "DOC.05": "The requester's health mail address in the CDA",
    "DOC.06": "A notice on personal data at the foot of the report, a setting",
    "DMP.01": "Validation feeds the record, always and without another click",
    "DMP.02": "A document of the record can be replaced and deleted",
    "DMP.03": "The feed of one exam can be blocked",
    "DMP.04": "The record of a patient with a qualified INS opens from the patient's page",
    "DMP.05": "That opening follows the integration guide: dashboard and patient's record",
    "DMP.06": "Masking from professionals and visibility to patient and representatives are settings",
    "DMP.07": "The confidentiality codes of the metadata, the secret connection included",
    "INTRA.01": "An ORU or MDM to the hospital's platform with CDA, PDF and the visibility marks",
    "AC.01": "A call to another application that carries the INS",
    "MSS.01": "TLS to the mail operator",
    "MSS.02": "TLS 1.2 at least",
    "MSS.03": "The cipher suites that are allowed, no other",
    "MSS.04": "Server certificates descend from the health authority",
    "MSS.05": "The end of a server certificate is checked",
    "MSS.06": "The revocation of a server certificate is checked",
    "MSS.07": "The national operator's entry points of the authority",
    "MSS.08": "Every new mail has a Message-ID",
    "MSS.09": "A reply names what it answers: Message-ID, In-Reply-To, References",
    "MSS.10": "A plain text body, or plain and HTML of the same content",
    "MSS.11": "A mail from an application mailbox says so and names where to answer",
    "MSS.12": "A patient's address is made of a qualified INS only; otherwise the user is told",
    "MSS.13": "The sender's displayed name follows the rule",
    "MSS.14": "A delivery notification is asked for",
    "MSS.15": "A changed report goes again, with the words for a replacement",
    "MSS.16": "A mail tells recipients of a deletion (may)",
    "MSS.17": "The return address is a setting, another than the sender",
    "MSS.18": "The professional sees that the mail was received",
    "MSS.19": "Outside a stay in hospital: validation mails the requester, IHE XDM and PDF",
    "MSS.20": "In hospital: the same mail, by hand",
    "MSS.21": "A patient's refusal of mail is recorded, and no mail goes",
    "MSS.22": "Validation mails a patient whose INS is qualified",
    "MSS.23": "Mail goes out from an application mailbox",
    "MSS.24": "Mail goes out from the validator's own mailbox, with the validator's certificate",
    "MSS.25": "A professional's refusal of mail is recorded",
    "ANN.01": "The public extract of professionals is loaded without a hand",
    "ANN.02": "Users are created and updated from it",
    "ANN.03": "Correspondents are created and updated from it",
    "ANN.04": "How often it is loaded is a setting",
    "ANN.05": "A correspondent's health mail address is searched in the directory",
    "AUTH.01": "Of several practice certificates, the validator's activity chooses the one that feeds the record",
    "AUTH.02": "INSi is asked with a practice certificate",
    "PSC.01": "Pro Santé Connect beside the login that was there",
    "TBB.01": "Indicators of use per site and professional, by period, with their extracts",
    "TBB.02": "Details of the flows (may)",
    "TBB.03": "Failed mails and failed feeds are counted",
    "PORT.01": "Health data are handed over on request, in standard formats",
    "INS.01": "The identity has all the fields of the national frame, strict traits in their characters",
    "INS.02": "Birth name, first birth given name, birth date and sex are always displayed",
    "INS.03": "Each look at an INS leaves a trace",
    "INS.04": "Each use of INSi leaves a trace",
    "INS.05": "The right to the INS is given person by person",
    "INS.06": "The right to INSi is given person by person",
    "INS.07": "A patient is searched by birth date and first letters of the names",
    "INS.08": "A search by matricule wants fifteen characters and a right key",
    "INS.09": "The search overlooks apostrophes, hyphens and accents",
    "INS.10": "The search takes given names and first given name alike",
    "INS.11": "No identity without its five mandatory traits",
    "INS.12": "Nothing else is mandatory: an unknown birth place is 99999",
    "INS.13": "INSi's traits are shown beside the typed ones and taken when the user accepts",
    "INS.14": "The user is warned when the first given name does not begin the list",
    "INS.15": "An INSi answer with a day or month of zeros is refused",
    "INS.16": "An INSi answer without name, given names or sex is refused",
    "INS.17": "Each change of an identity leaves a trace: when, what, who",
    "INS.18": "The kind of identity document is recorded",
    "INS.19": "The documents and their trust are settings of a site",
    "INS.20": "An identity is validated by a person",
    "INS.21": "Automatic validation can be switched off",
    "INS.22": "A new identity is provisional",
    "INS.23": "INSi alone makes it retrieved",
    "INS.24": "A high-trust document alone makes it validated",
    "INS.25": "Both make it qualified, in either order",
    "INS.26": "The changes of status are kept and shown",
    "INS.27": "A doubtful or fictitious identity is provisional",
    "INS.28": "INSi is not asked for a doubtful or fictitious identity",
    "INS.29": "Strict traits from INSi are locked but for the super-user",
    "INS.30": "The lock is visible",
    "INS.31": "Other traits stay editable",
    "INS.32": "A changed strict trait drops the INS",
    "INS.33": "It takes the status one level down",
    "INS.34": "A retrieved identity becomes provisional, a qualified one validated",
    "INS.35": "The partners are told",
    "INS.36": "A used name alone changes no status",
    "INS.37": "An INS that is not qualified never leaves, on paper or on the wire",
    "INS.38": "An identity of another domain is qualified again",
    "INS.39": "But for partners under a contract of trust",
    "INS.40": "The way the INS was asked for is traced",
    "INS.41": "What INSi answered is kept, whatever it was",
    "INS.42": "A verification is traced",
    "INS.43": "A failed verification takes the INS and a level away",
    "INS.44": "It goes to the list of what is to be worked on",
    "INS.45": "An identity that a third party failed to verify is not taken over with its INS",
    "INS.46": "The INS of another domain's data is verified",
    "INS.47": "What fails waits in a list with an alert",
    "INS.48": "One INS is verified with INSi",
    "INS.49": "INSi is reached with a card and with an organisation's certificate",
    "INS.50": "INSi is searched by traits and by the insurance card",
    "INS.51": "The partners that exchanged an INS are traced",
    "INS.52": "On paper: the traits that are due",
    "INS.53": "On paper: the matricule and its kind",
    "INS.54": "On paper: the datamatrix of a qualified identity; other traits are a setting",
    "INS.55": "An identity of the own domain is created from an ADT",
    "INS.56": "It is updated from an ADT, the INS ignored unless validated",
    "INS.57": "Its INS is deleted by an ADT",
    "INS.58": "Copies of identity documents are encrypted and deleted five years later",
}


class Shown(NamedTuple):
    """A marker: the requirement, and the test that carries it."""

    requirement: str
    file: str
    test: str


def markers() -> list[Shown]:
    """Return every marker of the tests, in the order of files and lines."""
    found = []
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        name, source = path.relative_to(ROOT).as_posix(), path.read_text("utf-8")
        if ".segur" in source:
            found += [Shown(requirement, name, test) for requirement, test in _marked(ast.parse(source), "")]
    return found


def _marked(node: ast.AST, test: str) -> Iterator[tuple[str, str]]:
    """Yield id and test of each marker below a node; a marker on a whole module belongs to no single test."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        test = f"{test}::{node.name}" if test else node.name
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "segur":
        for argument in node.args:
            yield (str(argument.value) if isinstance(argument, ast.Constant) else f"<{ast.unparse(argument)}>"), test
    for child in ast.iter_child_nodes(node):
        yield from _marked(child, test)


def document() -> str:
    """Return the text of docs/requirements.md."""
    shown: dict[str, list[Shown]] = {requirement: [] for requirement in REQUIREMENTS}
    for marker in markers():
        if marker.requirement in shown and marker not in shown[marker.requirement]:
            shown[marker.requirement].append(marker)
    count = sum(bool(tests) for tests in shown.values())
    lines = [
        "# Requirements of the Ségur, and the tests that show them",
        "",
        "Generated by `python -m tests.requirements` from the tests' markers; a test fails when it is stale. *Shown* means: a test that",
        "runs without the outside world exercises it. It is no certificate, and the titles are ours, not the official texts.",
        "",
        f"**{count} of {len(REQUIREMENTS)} shown.**",
    ]
    for family, title in FAMILIES.items():
        ids = [requirement for requirement in REQUIREMENTS if requirement.startswith(f"{family}.")]
        done = sum(bool(shown[requirement]) for requirement in ids)
        lines += ["", f"## {family} – {title} ({done} of {len(ids)})", "", "| id | what it asks | shown by |", "|---|---|---|"]
        lines += [f"| {requirement} | {REQUIREMENTS[requirement]} | {_tests(shown[requirement])} |" for requirement in ids]
    return "\n".join(lines) + "\n"


def _tests(markers: list[Shown]) -> str:
    by_file: dict[str, list[str]] = {}
    for marker in markers:
        by_file.setdefault(marker.file, []).append(marker.test)
    links = [
        f"[{file.removeprefix('tests/')}](../{file}): {', '.join(f'`{_words(test)}`' for test in tests if test) or 'all of it'}"
        for file, tests in by_file.items()
    ]
    return "<br>".join(links) or "not yet"


def _words(test: str) -> str:
    return test.rpartition("::")[2].removeprefix("test_").replace("_", " ")


def main() -> None:
    """Write the document, or compare it."""
    text = document()
    write_or_compare(DOCUMENT, text, text.split("**")[1])


if __name__ == "__main__":
    main()
