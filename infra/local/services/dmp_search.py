"""TD3.1b: a structure certificate may ask for the reference of one of its own documents, and for nothing else.

Source: IHE ITI TF-2 §3.18 (GetDocuments); DMP integration guide, rights with a structure certificate.
"""

from __future__ import annotations

import re
from html import escape
from typing import Any

from infra.local.services.dmp_feed import STATUS, errors
from infra.local.services.dmp_objects import RIM, RegistryError, must, slots
from infra.local.services.dmp_registry import Registry
from infra.local.services.dmp_vihf import Vihf

ACTION = "urn:ihe:iti:2007:RegistryStoredQuery"
QUERY = "urn:oasis:names:tc:ebxml-regrep:xsd:query:3.0"
GET_DOCUMENTS = "urn:uuid:5c4f972b-d56b-40ac-a5fc-c8ca9b40b9d4"
VALUES = re.compile(r"\(\s*'[0-9.]+'(\s*,\s*'[0-9.]+')*\s*\)")


def find(body: Any, vihf: Vihf, registry: Registry) -> str:
    """Return the body of an answer: references, perhaps none.

    Raises:
        RegistryError: `DMPAccessDeniedByRightsService` for any other question.
    """
    must(body.tag == f"{{{QUERY}}}AdhocQueryRequest", "unexpected body", "XDSRegistryError")
    options, queries = body.findall(f"{{{QUERY}}}ResponseOption"), body.findall(f"{{{RIM}}}AdhocQuery")
    must(len(options) == 1 and len(queries) == 1, "one ResponseOption and one AdhocQuery are expected", "XDSRegistryError")
    allowed = queries[0].get("id") == GET_DOCUMENTS and options[0].get("returnType") == "ObjectRef"
    must(allowed, "only the reference of one's own documents may be asked for", "DMPAccessDeniedByRightsService")
    said = slots(queries[0], "query")
    must(set(said) == {"$XDSDocumentEntryUniqueId"}, "$XDSDocumentEntryUniqueId is the one parameter", "XDSStoredQueryParamNumber")
    values = said["$XDSDocumentEntryUniqueId"]
    must(
        len(values) == 1 and VALUES.fullmatch(values[0]) is not None,
        "the value is a list in parentheses and quotes",
        "XDSRegistryError",
    )
    found = registry.find(re.findall(r"'([0-9.]+)'", values[0]), patient=vihf.patient, structure=vihf.structure)
    references = "".join(f'<rim:ObjectRef id="{escape(named)}"/>' for named in found)
    return (
        f'<query:AdhocQueryResponse xmlns:query="{QUERY}" xmlns:rim="{RIM}" status="{STATUS}:Success">'
        f"<rim:RegistryObjectList>{references}</rim:RegistryObjectList></query:AdhocQueryResponse>"
    )


def failure(refused: RegistryError) -> str:
    """Return the body of a question that was refused."""
    return (
        f'<query:AdhocQueryResponse xmlns:query="{QUERY}" xmlns:rim="{RIM}" status="{STATUS}:Failure">{errors(refused)}'
        "<rim:RegistryObjectList/></query:AdhocQueryResponse>"
    )
