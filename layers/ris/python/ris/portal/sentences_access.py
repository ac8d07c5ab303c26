"""French sentences of the pages of the auditor and of the group's IT."""

from __future__ import annotations

from typing import Final

ACCESS: Final[dict[str, str]] = {
    "nothing_chosen": "Choisissez au moins une ligne.",
    "days_too_many": "Sans patient, personne ni action, la période est de 31 jours au plus.",
}
