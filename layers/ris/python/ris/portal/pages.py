"""The templates: everything escaped, no script or style inside, texts of messages as they were sent."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ris.portal import assets, french, french_cockpit
from ris.portal.typography import French, bound

HL7_NULL = '""'


@functools.cache
def environment() -> Environment:
    """Return the one environment, its templates compiled at first use."""
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        finalize=shown,
        extensions=[French],
    )
    made.filters.update(
        day=french.day,
        short_day=french.short_day,
        date=french.date,
        moment=moment,
        lasting=french_cockpit.lasting,
        certificate=french_cockpit.certificate,
        second=second,
        clock=clock,
        heard=heard,
        plain=french.plain,
    )
    made.globals.update(
        asset=assets.url_of,
        word=lambda *of: bound(french.word(*of)),
        sentence=lambda *of: bound(french.sentence(*of)),
        label_of=french.label_of,
    )
    return made


def render(template: str, values: Mapping[str, Any]) -> str:
    """Return the page's text."""
    return environment().get_template(template).render(values)


def shown(value: Any) -> Any:
    """Return what may stand on a page: nothing for None and for the HL7 null, which says "erased"."""
    return "" if value is None or value == HL7_NULL else value


def clock(instant: datetime | None, zone: str) -> str:
    """Return the wall time at the site, `HH:MM`."""
    return instant.astimezone(ZoneInfo(zone)).strftime("%H:%M") if instant else ""


def moment(instant: datetime | None, zone: str) -> str:
    """Return day and wall time at the site, `26/11/2026 à 10:05`."""
    return instant.astimezone(ZoneInfo(zone)).strftime("%d/%m/%Y à %H:%M") if instant else ""


def second(instant: datetime | None, zone: str) -> str:
    """Return day and wall time at the site to the second, `26/11/2026 10:05:07`."""
    return instant.astimezone(ZoneInfo(zone)).strftime("%d/%m/%Y %H:%M:%S") if instant else ""


def heard(text: str) -> str:
    """Return the modality's own day or wall time, sent as `YYYYMMDD` or `YYYYMMDDHHMMSS`, for reading; anything else as it was sent."""
    if not text.isdecimal() or (len(text) != 8 and len(text) < 12):
        return text
    day = f"{text[6:8]}/{text[4:6]}/{text[:4]}"
    return f"{day} à {text[8:10]}:{text[10:12]}" if len(text) > 8 else day
