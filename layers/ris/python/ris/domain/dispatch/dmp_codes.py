"""What is done about each code of the DMP: the list of the integration guide's errors, of IHE's, and of what we name ourselves.

Source: IHE ITI TF-3 §4.2.4.1 (error codes); DMP integration guide, annex A7-1, as far as public texts show it.
"""

from __future__ import annotations

import re
from enum import Enum


class Reaction(Enum):
    """Who acts."""

    SEND_AGAIN = "send_again"
    """Nobody: surely not taken, it goes again after a pause."""
    ASK = "ask"
    """Nobody: perhaps taken, the DMP is asked."""
    CONFIGURATION = "configuration"
    """The group's IT: every submission of the legal entity meets the same answer."""
    IDENTITY = "identity"
    """The identity cell."""
    RIGHTS = "rights"
    """The right is missing; shown, never sent again by itself."""
    CONTENT = "content"
    """The software's maker: this document cannot be taken as it is."""
    NOTHING = "nothing"
    """Nobody: it says how things are."""


REACTIONS: dict[str, Reaction] = {
    "DMPOk": Reaction.NOTHING,
    "DMPFound": Reaction.NOTHING,
    "DMPClosed": Reaction.NOTHING,
    "DMPPatientAccessAlreadyExists": Reaction.NOTHING,
    "DMPPatientAccessOTPAlreadyExists": Reaction.NOTHING,
    "DMPInvalidCertificate": Reaction.CONFIGURATION,
    "DMPAccessDeniedByRightsService": Reaction.RIGHTS,
    "DMPIdentityCertificationFailure": Reaction.IDENTITY,
    "XDSUnknownPatientId": Reaction.IDENTITY,
    "XDSPatientIdDoesNotMatch": Reaction.IDENTITY,
    "XDSDuplicateUniqueIdInRegistry": Reaction.ASK,
    "XDSNonIdenticalHash": Reaction.CONTENT,
    "XDSRegistryBusy": Reaction.SEND_AGAIN,
    "XDSRepositoryBusy": Reaction.SEND_AGAIN,
    "XDSRegistryOutOfResources": Reaction.SEND_AGAIN,
    "XDSRepositoryOutOfResources": Reaction.SEND_AGAIN,
    "XDSRegistryNotAvailable": Reaction.SEND_AGAIN,
    "XDSRegistryError": Reaction.CONTENT,
    "XDSRepositoryError": Reaction.CONTENT,
    "XDSRegistryMetadataError": Reaction.CONTENT,
    "XDSRepositoryMetadataError": Reaction.CONTENT,
    "XDSRegistryDuplicateUniqueIdInMessage": Reaction.CONTENT,
    "XDSRepositoryDuplicateUniqueIdInMessage": Reaction.CONTENT,
    "XDSDuplicateDocumentUniqueIdInMessage": Reaction.CONTENT,
    "XDSMissingDocument": Reaction.CONTENT,
    "XDSMissingDocumentMetadata": Reaction.CONTENT,
    "XDSExtraMetadataNotSaved": Reaction.CONTENT,
    "XDSReplaceFailed": Reaction.CONTENT,
    "XDSDocumentUniqueIdError": Reaction.CONTENT,
    "XDSUnknownRepositoryId": Reaction.CONFIGURATION,
    "XDSUnknownStoredQuery": Reaction.CONFIGURATION,
    "XDSStoredQueryMissingParam": Reaction.CONTENT,
    "XDSStoredQueryParamNumber": Reaction.CONTENT,
    "XDSTooManyResults": Reaction.CONTENT,
    "dmp_structure_unknown": Reaction.CONFIGURATION,
    "dmp_person_not_of_structure": Reaction.CONFIGURATION,
    "dmp_speciality_missing": Reaction.CONFIGURATION,
    "dmp_author_institution": Reaction.CONFIGURATION,
    "dmp_fault": Reaction.CONFIGURATION,
    "dmp_unknown_code": Reaction.CONFIGURATION,
}

_TEXTS = (
    ("not a valid signature certificate", "DMPInvalidCertificate"),
    ("structure introuvable", "dmp_structure_unknown"),
    ("structure non li", "dmp_person_not_of_structure"),
    ("aucune spécialité", "dmp_speciality_missing"),
    ("aucun authorinstitution", "dmp_author_institution"),
)


def reaction_of(code: str) -> Reaction:
    """Return what is done about a code; one nobody knows is never sent again by itself and is shown."""
    return REACTIONS.get(code, Reaction.CONFIGURATION)


def code_of_fault(code: str, text: str) -> str:
    """Return the code of a SOAP fault: the one it names, else the one its text is known by, else `dmp_fault`."""
    if code in REACTIONS:
        return code
    lowered = text.lower()
    known = next((named for words, named in _TEXTS if words in lowered), "")
    return known or ("dmp_fault" if code in ("", "Sender", "Receiver", "Client", "Server") else safe_code(code))


def safe_code(code: str) -> str:
    """Return a remote's code when it is one; anything longer or with other characters could carry a value of the patient."""
    return code if re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,63}", code) else "dmp_unknown_code"
