"""The four exclusive statuses of an identity (RNIV): retrieved from INSi or not, checked against a document of high trust or not."""

from __future__ import annotations

from enum import Enum


class IdentityStatus(Enum):
    """The four exclusive statuses of the RNIV."""

    PROVISOIRE = "PROV"
    RECUPEREE = "RECUP"
    VALIDEE = "VALI"
    QUALIFIEE = "QUAL"
