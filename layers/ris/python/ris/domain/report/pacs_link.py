"""The link that opens the PACS on an exam: a setting of the site with two placeholders, and nothing of the patient."""

from __future__ import annotations

import re
from urllib.parse import quote

PLACEHOLDERS = ("StudyInstanceUID", "AccessionNumber")
"""The keywords of (0020,000D) and (0008,0050), in braces; numbers of ours, so that no value of a patient stands in an address."""
_NAMED = re.compile(r"\{([^{}]*)\}")
_ADDRESS = re.compile(r"(?:https?|weasis|radiant|osirix|horos)://?[^\s\"'<>\\]+", re.ASCII)


def wrong_pattern(pattern: str) -> str:
    """Return what is wrong with a setting: `address` or `placeholder`; empty when it may be used."""
    if not pattern:
        return ""
    if not _ADDRESS.fullmatch(pattern):
        return "address"
    names = _NAMED.findall(pattern)
    spelled = all(name in PLACEHOLDERS for name in names) and not set("{}") & set(_NAMED.sub("", pattern))
    return "" if spelled else "placeholder"


def pacs_link(pattern: str, *, study_instance_uid: str, accession_number: str) -> str:
    """Return the address that opens one exam, or an empty text where the site has none."""
    values = dict(zip(PLACEHOLDERS, (study_instance_uid, accession_number), strict=True))
    return _NAMED.sub(lambda found: quote(values.get(found[1], ""), safe=""), pattern)
