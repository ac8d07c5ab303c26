"""TD3.3c: a structure deletes a document of its own, and nobody else's.

Source: IHE ITI TF-2 §3.57 (UpdateAvailabilityStatus); DMP integration guide, TD3.3c and rights with a structure certificate.
"""

from __future__ import annotations

import re
from typing import Any

from infra.local.services import dmp_metadata, dmp_objects
from infra.local.services.dmp_objects import must
from infra.local.services.dmp_registry import Registry
from infra.local.services.dmp_vihf import Vihf
from infra.local.services.soap import Fault

ACTION = "urn:ihe:iti:2010:UpdateDocumentSet"
ANSWER_ACTION = "urn:ihe:iti:2010:UpdateDocumentSet-Response"
UPDATE = "urn:ihe:iti:2010:AssociationType:UpdateAvailabilityStatus"
ORIGINAL = {
    "urn:oasis:names:tc:ebxml-regrep:StatusType:Approved": "Approved",
    "urn:asip:ci-sis:2010:StatusType:Archived": "Archived",
}
DELETED = "urn:asip:ci-sis:2010:StatusType:Deleted"
ENTRY = re.compile(r"urn:uuid:[0-9a-f-]{36}")


def take(body: Any, vihf: Vihf, registry: Registry) -> None:
    """Delete the document that a request names.

    Raises:
        RegistryError: With the code of the first rule it breaks; `DMPAccessDeniedByRightsService` for any other change of an entry.
        Fault: The author's structure.
    """
    request = dmp_objects.read_submit(body, {})
    must(not request.entries and len(request.associations) == 1, "a deletion is one association, and no entry")
    dmp_metadata.check_set(request.package, patient=vihf.patient)
    if vihf.structure not in dmp_metadata.author_institutions(request):
        raise Fault("Sender", "Aucun AuthorInstitution ne correspond à l'utilisateur du VIHF")
    (change,) = request.associations
    must(change.kind == UPDATE and change.source == request.package.id, "UpdateAvailabilityStatus begins at the submission set")
    must(set(change.slots) == {"OriginalStatus", "NewStatus"}, "OriginalStatus and NewStatus are its slots")
    must(ENTRY.fullmatch(change.target) is not None, "its target is an entryUUID", "UnresolvedReferenceException")
    (original, new) = ("".join(change.slots[name]) for name in ("OriginalStatus", "NewStatus"))
    must(new == DELETED, "a structure certificate deletes, and changes no status else", "DMPAccessDeniedByRightsService")
    must(original in ORIGINAL, "unknown OriginalStatus")
    registry.delete(
        change.target,
        original=ORIGINAL[original],
        set_id=request.package.identifiers["uniqueId"],
        patient=vihf.patient,
        structure=vihf.structure,
    )
