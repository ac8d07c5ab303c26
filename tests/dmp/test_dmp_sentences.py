"""Every code that can stand on a row of the DMP has a reaction where it is the remote's, and a sentence that says who does what."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from ris.adapters.dispatch.dmp import client
from ris.domain.dispatch.dmp_codes import REACTIONS, Reaction, code_of_fault, reaction_of, safe_code
from ris.domain.errors import OutcomeUnknown, RemoteRejected, RemoteUnavailable
from ris.portal.french import SENTENCES, word
from ris.portal.french_dmp import DMP_SENTENCES
from tests.support.stacks import ROOT

RIS = ROOT / "layers" / "ris" / "python" / "ris"
SOURCES = [
    *(RIS / "adapters" / "dispatch" / "dmp").glob("*.py"),
    *(RIS / "application" / "dispatch" / name for name in (
        "check_dmp.py", "send_to_dmp.py", "reconcile_with_dmp.py", "restart_dispatch.py", "record_outcome.py", "dmp_facts.py",
        "signed_versions.py",
    )),
    RIS / "domain" / "dispatch" / "dmp.py",
    RIS / "domain" / "dispatch" / "dmp_codes.py",
    RIS / "adapters" / "dispatch" / "step_functions.py",
]  # fmt: skip
# Section 2.10 of the facts, kept here so that the list of the product cannot shrink unseen.
OF_THE_DMP = {
    "DMPOk", "DMPFound", "DMPClosed", "DMPInvalidCertificate", "DMPAccessDeniedByRightsService", "DMPIdentityCertificationFailure",
    "DMPPatientAccessAlreadyExists", "DMPPatientAccessOTPAlreadyExists", "XDSUnknownPatientId", "XDSPatientIdDoesNotMatch",
    "XDSDocumentUniqueIdError", "XDSDuplicateUniqueIdInRegistry", "XDSNonIdenticalHash", "XDSRegistryBusy", "XDSRepositoryBusy",
    "XDSRegistryError", "XDSRepositoryError", "XDSRegistryMetadataError", "XDSMissingDocument",
}  # fmt: skip
RAISED = {"InvalidInput", "Refused", "NotAllowed", "RemoteRejected", "RemoteUnavailable", "OutcomeUnknown"}
ACTORS = ("le ris", "l’informatique", "l’accueil", "le radiologue", "le secrétariat", "identitovigilance", "rien à faire",
          "rien n’est à faire", "de lui-même", "d’elle-même", "de lui-m", "reprendront seuls")  # fmt: skip


def codes_of(path: Path) -> set[str]:
    """Return the codes a source raises, and the reasons it puts on a row."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        values = [keyword.value for keyword in node.keywords if keyword.arg == "reason"]
        if isinstance(node.func, ast.Name) and node.func.id in RAISED:
            values += node.args[:1]
        if isinstance(node.func, ast.Name) and node.func.id == "_still_unknown":
            values += node.args[2:3]
        found |= {one.value for one in values if isinstance(one, ast.Constant) and isinstance(one.value, str) and one.value}
    return found


def test_the_walk_finds_codes() -> None:
    assert {"dmp_503", "predecessor_pending", "dmp_settling", "absent", "stored_document_changed"} <= {
        code for path in SOURCES for code in codes_of(path)
    }


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_every_code_that_is_raised_has_its_sentence(path: Path) -> None:
    assert {code for code in codes_of(path) if code not in SENTENCES} == set()


def test_every_code_of_the_dmp_has_a_reaction_and_a_sentence() -> None:
    assert set(REACTIONS) >= OF_THE_DMP
    assert {code for code in REACTIONS if code not in SENTENCES} == set()


@pytest.mark.parametrize("code", sorted(DMP_SENTENCES))
def test_a_sentence_says_who_acts(code: str) -> None:
    sentence = DMP_SENTENCES[code]

    assert any(actor in sentence.lower() for actor in ACTORS), sentence
    assert sentence[0].isupper()
    assert sentence.endswith(".")


@pytest.mark.parametrize("code", sorted(REACTIONS))
def test_each_code_raises_what_its_reaction_says(code: str) -> None:
    expected = {Reaction.SEND_AGAIN: RemoteUnavailable, Reaction.ASK: OutcomeUnknown}.get(reaction_of(code), RemoteRejected)

    with pytest.raises(expected, match=code):
        client._raise_for(code, "words")


def test_a_code_nobody_knows_is_never_sent_again_by_itself() -> None:
    with pytest.raises(RemoteRejected):
        client._raise_for("DMPSomethingNew", "")
    assert reaction_of("DMPSomethingNew") is Reaction.CONFIGURATION


@pytest.mark.parametrize(
    ("code", "text", "named"),
    [
        ("DMPInvalidCertificate", "Not a valid signature certificate", "DMPInvalidCertificate"),
        ("Sender", "Not a valid signature certificate", "DMPInvalidCertificate"),
        ("Sender", "Structure introuvable ou Inactive", "dmp_structure_unknown"),
        ("Sender", "PS et Structure non liés", "dmp_person_not_of_structure"),
        ("Sender", "Aucune spécialité dans le vihf", "dmp_speciality_missing"),
        ("Sender", "Aucun AuthorInstitution ne correspond à l'utilisateur du VIHF", "dmp_author_institution"),
        ("Sender", "autre chose", "dmp_fault"),
        ("", "", "dmp_fault"),
        ("DMPNewCode", "autre chose", "DMPNewCode"),
    ],
)
def test_a_fault_is_known_by_its_code_or_its_text(code: str, text: str, named: str) -> None:
    assert code_of_fault(code, text) == named


@pytest.mark.parametrize("code", ["275126322074974", "ADRUN ZOE", "a" * 65, "", "x\ny", "code:é"])
def test_what_is_no_code_is_not_passed_on(code: str) -> None:
    assert safe_code(code) == "dmp_unknown_code"


def test_the_channel_has_its_word() -> None:
    assert word("channel", "dmp") == "Dépôt du compte rendu au DMP"
