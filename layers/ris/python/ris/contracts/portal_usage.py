"""JSON of the pages of usage."""

from __future__ import annotations

from pydantic import BaseModel

from ris.contracts.portal import Body


class CountBody(Body):
    """Count now; the fields say which page is gone back to."""

    period: str = ""
    finess: str = ""
    rpps: str = ""


class UsageLineView(BaseModel):
    """One figure of a period; `share` is percent, decimal text."""

    code: str
    label: str
    total: int
    qualified: int | None
    unqualified: int | None
    out_of: str
    out_of_total: int | None
    share: str | None


class UsageView(BaseModel):
    """The figures of a period, both days included; `counted_until` is empty where something was never counted."""

    first: str
    last: str
    counted_until: str
    lines: list[UsageLineView]
