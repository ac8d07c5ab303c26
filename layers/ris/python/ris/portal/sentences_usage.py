"""French sentences of the pages of usage."""

from __future__ import annotations

from typing import Final

USAGE: Final[dict[str, str]] = {
    "unknown_period": "Cette période n’existe pas. Choisissez-en une dans la liste.",
    "period_reversed": "Le dernier jour précède le premier.",
    "period_too_long": "La période dépasse cinq ans. Choisissez-en une plus courte.",
}
