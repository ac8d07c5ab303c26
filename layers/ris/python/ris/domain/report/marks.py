"""What decides who may see a version, and why a version is made: both are frozen with it (design, decisions 6 and 7)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum

from ris.domain.report.frozen import Visibility


class Reason(Enum):
    """Why a version is made.

    VALIDATION and CORRECTION have a text of their own; ANNOUNCEMENT and IDENTITY carry the one before, word for word; DELETION has none:
    it takes back what the recipients got.
    """

    VALIDATION = "validation"
    CORRECTION = "correction"
    ANNOUNCEMENT = "announcement"
    IDENTITY = "identity"
    DELETION = "deletion"

    @property
    def has_text(self) -> bool:
        """Say whether its content comes from what a person wrote."""
        return self in (Reason.VALIDATION, Reason.CORRECTION)

    @property
    def repeats(self) -> bool:
        """Say whether its content is the one before: whoever read that is told nothing new."""
        return self in (Reason.ANNOUNCEMENT, Reason.IDENTITY)


@dataclass(frozen=True)
class Marks:
    """The marks of a report, set before its validation.

    Args:
        withheld: Nothing leaves, to nobody.
        announcement_pending: Somebody must speak with the patient first: invisible to them in the DMP, and no mail to them.
        masked_to_professionals: Masked in the DMP, and no mail to a professional.
        hidden_from_representatives: A minor's legal representatives do not see it.
    """

    withheld: bool = False
    announcement_pending: bool = False
    masked_to_professionals: bool = False
    hidden_from_representatives: bool = False

    @property
    def visibility(self) -> Visibility:
        """The marks that travel as confidentiality codes."""
        return Visibility(
            masked_to_professionals=self.masked_to_professionals,
            invisible_to_patient=self.announcement_pending,
            invisible_to_representatives=self.hidden_from_representatives,
        )

    def announced(self) -> Marks:
        """Return the marks once somebody spoke with the patient."""
        return replace(self, announcement_pending=False)
