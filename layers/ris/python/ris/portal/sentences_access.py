"""French sentences of the access log's pages."""

from __future__ import annotations

from typing import Final

ACCESS: Final[dict[str, str]] = {
    "period_reversed": "Le dernier jour est avant le premier.",
    "period_too_long": "Sans patient, personne ni action, la période est de 31 jours au plus.",
}
