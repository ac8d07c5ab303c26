"""METADATA.XML of the archive: the same metadata as a submission, one document, and where it stands.

Source: IHE ITI TF-2 §3.32.4.1; the place of the extra metadatum `action` is printed nowhere: a slot, of the entry or of the set.
"""

from __future__ import annotations

from ris.adapters.dispatch.dmp.settings import DmpSettings
from ris.adapters.dispatch.xds import association, document_entry, submission_set
from ris.domain.report.frozen import FrozenReport

HEAD = (
    '<lcm:SubmitObjectsRequest xmlns:lcm="urn:oasis:names:tc:ebxml-regrep:xsd:lcm:3.0"'
    ' xmlns:rim="urn:oasis:names:tc:ebxml-regrep:xsd:rim:3.0"><rim:RegistryObjectList>'
)
TAIL = "</rim:RegistryObjectList></lcm:SubmitObjectsRequest>"


def xdm_metadata(
    report: FrozenReport, cda: bytes, settings: DmpSettings, *, uri: str, action: str = "", action_on: str = "entry"
) -> str:
    """Return METADATA.XML.

    Args:
        uri: Name of the document in its folder.
        action: Empty, `C` (replaces) or `D` (asks for a deletion).
        action_on: Where it stands: `entry` or `set`.
    """
    on_entry, on_set = (action, "") if action_on == "entry" else ("", action)
    return "".join(
        (
            '<?xml version="1.0" encoding="UTF-8"?>\n',
            HEAD,
            *document_entry(report, cda, settings, uri=uri, action=on_entry),
            *submission_set(report, settings, action=on_set),
            association("as01", "HasMember", "SubmissionSet01", "Document01"),
            TAIL,
        )
    )
