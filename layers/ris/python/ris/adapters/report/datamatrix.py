"""The INS datamatrix: what a scanner reads on a report.

Source: ANS, Format datamatrix INS v2.2 (26/09/2023); ISO/IEC 16022 ECC200, header and text in C40.
"""

from __future__ import annotations

from typing import cast

from ris.domain.identity.ins import QualifiedIdentity

HEADER = "IS01" + "0" * 22
_GROUP_SEPARATOR = "\x1d"


def datamatrix_text(identity: QualifiedIdentity) -> str:
    """Return the characters of the symbol: header, then blocks S1 to S7.

    A variable field shorter than its maximum and not the last one is closed by GS.
    """
    traits = identity.traits
    return HEADER + "".join(
        (
            "S1" + identity.ins.matricule,
            "S2" + _closed(identity.ins.oid, 20),
            "S3" + _closed(traits.birth_given_all or traits.birth_given, 100),
            "S4" + _closed(traits.birth_family, 100),
            "S5" + traits.sex,
            "S6" + traits.birth_date.strftime("%d-%m-%Y"),
            "S7" + traits.birth_place_insee,
        )
    )


def datamatrix_modules(text: str) -> list[list[int]]:
    """Return the symbol as rows of 0 and 1, without its quiet zone."""
    from ppf.datamatrix import DataMatrix

    return cast("list[list[int]]", DataMatrix(text, codecs=["C40"]).matrix)


def _closed(value: str, maximum: int) -> str:
    """Return a variable field with its separator when it has not reached its maximum."""
    return value if len(value) >= maximum else value + _GROUP_SEPARATOR
