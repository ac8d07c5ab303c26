"""What the editor opens with: the headings of a report, by exam code or by modality, as data.

A heading that begins with *Conclusion* is what validation asks for. A text given here is an ordinary beginning that its writer completes.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from ris.domain.report.frozen import Section

INDICATION, TECHNIQUE, RESULTS, CONCLUSION = "Indication", "Technique", "Résultats", "Conclusion"


def _outline(technique: str = "", *middle: str) -> tuple[Section, ...]:
    headings = middle or (RESULTS,)
    return (
        Section(INDICATION, ""),
        Section(TECHNIQUE, technique),
        *(Section(each, "") for each in headings),
        Section(CONCLUSION, ""),
    )


STANDARD: Final = _outline()

OUTLINES: Final[Mapping[str, tuple[Section, ...]]] = MappingProxyType(
    {
        # by DICOM modality
        "CT": _outline("Acquisition hélicoïdale. Reconstructions multiplanaires."),
        "MR": _outline("Séquences pondérées T1 et T2 dans les trois plans."),
        "US": _outline("Exploration par voie externe, sondes adaptées à la région étudiée."),
        "MG": _outline("Incidences de face et oblique externe.", "Densité mammaire", RESULTS),
        "DX": _outline(),
        "CR": _outline(),
        # by exam code, where the modality's does not do
        "ZBQH001": _outline(
            "Acquisition hélicoïdale après injection intraveineuse de produit de contraste iodé. Reconstructions multiplanaires."
        ),
        "ZCQH001": _outline(
            "Acquisition hélicoïdale après injection intraveineuse de produit de contraste iodé. Reconstructions multiplanaires."
        ),
        "ZBQK002": _outline("Cliché de face, en inspiration."),
    }
)
"""Exam code or modality to its outline."""


def outline_of(exam_code: str, dicom_modality: str, reason: str = "") -> tuple[Section, ...]:
    """Return the sections an empty report of this exam opens with.

    Args:
        exam_code: Of the catalogue.
        dicom_modality: `CT`, `MR` …
        reason: Why the exam was asked for, as the order says: the beginning of the indication.
    """
    outline = OUTLINES.get(exam_code) or OUTLINES.get(dicom_modality) or STANDARD
    return tuple(Section(each.heading, reason) if each.heading == INDICATION and reason else each for each in outline)
