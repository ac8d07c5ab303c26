"""TD2.1: one submission taken whole or refused with the code of the first rule it breaks.

Source: IHE ITI TF-2 §3.41; DMP integration guide, TD2.1 and rule EX_2.1-1140.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any

from infra.local.services import dmp_cda, dmp_lot, dmp_metadata, dmp_objects
from infra.local.services.dmp_evidence import readable
from infra.local.services.dmp_objects import Object, RegistryError, must
from infra.local.services.dmp_registry import Deposit, Registry
from infra.local.services.dmp_trust import SigningTrust
from infra.local.services.dmp_vihf import Vihf
from infra.local.services.soap import Fault

ACTION = "urn:ihe:iti:2007:ProvideAndRegisterDocumentSet-b"
RS = "urn:oasis:names:tc:ebxml-regrep:xsd:rs:3.0"
STATUS = "urn:oasis:names:tc:ebxml-regrep:ResponseStatusType"
SEVERITY = "urn:oasis:names:tc:ebxml-regrep:ErrorSeverityType:Error"


@dataclass(frozen=True)
class Feed:
    """How submissions are taken.

    Args:
        hash_required: Refuse metadata without hash and size.
        sha1: Accept lot signatures in SHA-1.
    """

    registry: Registry
    trust: SigningTrust
    hash_required: bool = True
    sha1: bool = False

    def take(self, body: Any, parts: dict[str, bytes], vihf: Vihf, *, now: datetime) -> list[tuple[str, bytes, bytes]]:
        """Store a submission and return (uniqueId, CDA, PDF) of each report.

        Raises:
            RegistryError: With the standard's code.
            Fault: The signature's certificate, or the author's structure.
        """
        request = dmp_objects.read(body)
        dmp_metadata.check(request, patient=vihf.patient)
        if vihf.structure not in dmp_metadata.author_institutions(request):
            raise Fault("Sender", "Aucun AuthorInstitution ne correspond à l'utilisateur du VIHF")
        contents = dmp_metadata.check_bytes(request, parts, required=self.hash_required)
        self.registry.check_feeding(vihf.patient)
        by_entry = {entry.id: entry for entry in request.entries}
        set_id = request.package.identifiers["uniqueId"]
        self.registry.check_new(set_id, [_deposit(by_entry[named], content) for named, content in contents.items()])
        reports = {named: content for named, content in contents.items() if not by_entry[named].is_signature}
        signature = next(content for named, content in contents.items() if by_entry[named].is_signature)
        dmp_lot.check(
            signature,
            documents={by_entry[named].identifiers["uniqueId"]: content for named, content in reports.items()},
            set_id=set_id,
            trust=self.trust,
            now=now,
            sha1=self.sha1,
        )
        read = {named: dmp_cda.check(content, by_entry[named]) for named, content in reports.items()}
        for cda in read.values():
            must(not cda.pdf or readable(cda.pdf), "the PDF cannot be read", "XDSRepositoryError")
        targets = dmp_metadata.replaced(request)
        deposits = [
            _deposit(by_entry[named], content, read.get(named), targets.get(named, "")) for named, content in contents.items()
        ]
        self.registry.store(set_id, deposits, patient=vihf.patient, structure=vihf.structure)
        return [(cda.unique_id, reports[named], cda.pdf) for named, cda in read.items()]


def _deposit(entry: Object, content: bytes, cda: dmp_cda.Cda | None = None, replaces: str = "") -> Deposit:
    return Deposit(
        unique_id=entry.identifiers["uniqueId"],
        kind="signature" if entry.is_signature else "report",
        content=content,
        title=entry.title,
        confidentiality=[code.code for code in entry.codes.get("confidentialityCode", [])],
        set_id=cda.set_id if cda else "",
        version=cda.version if cda else 0,
        replaces=replaces,
        parent=cda.replaces if cda else "",
    )


def success() -> str:
    """Return the body of a submission that was taken."""
    return f'<rs:RegistryResponse xmlns:rs="{RS}" status="{STATUS}:Success"/>'


def failure(refused: RegistryError) -> str:
    """Return the body of one that was refused."""
    return f'<rs:RegistryResponse xmlns:rs="{RS}" status="{STATUS}:Failure">{errors(refused)}</rs:RegistryResponse>'


def errors(refused: RegistryError) -> str:
    """Return the list with its one error."""
    return (
        f'<rs:RegistryErrorList xmlns:rs="{RS}" highestSeverity="{SEVERITY}"><rs:RegistryError errorCode="{escape(refused.code)}"'
        f' codeContext="{escape(refused.context)}" severity="{SEVERITY}" location=""/></rs:RegistryErrorList>'
    )
