"""The demo group's reference files, as the demo itself needs them: which machine stands in which room."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

REFERENCE = Path(__file__).with_name("reference")


@cache
def table(name: str) -> list[dict[str, Any]]:
    """Return the rows of one file: `sites`, `rooms`, `modalities`, `catalogue`, `accounts` and so on."""
    return list(json.loads((REFERENCE / f"{name}.json").read_text()))


def site(site_id: str) -> dict[str, Any]:
    """Return a site's row."""
    return next(row for row in table("sites") if row["site"] == site_id)


def machines(site_id: str) -> list[dict[str, Any]]:
    """Return the modalities of a site."""
    return [row for row in table("modalities") if row["site"] == site_id]


def exam(code: str) -> dict[str, Any]:
    """Return an exam of the catalogue."""
    return next(row for row in table("catalogue") if row["exam_code"] == code)


def machine_for(site_id: str, room_id: str, dicom_modality: str) -> dict[str, Any]:
    """Return the machine of a room that does that kind of exam."""
    room = next(row for row in table("rooms") if row["site"] == site_id and row["room"] == room_id)
    return next(
        row for row in machines(site_id) if row["modality"] in room["modalities"] and row["dicom_modality"] == dicom_modality
    )
