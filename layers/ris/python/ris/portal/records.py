"""Records of one request that acts on several objects: each of them leaves one."""

from __future__ import annotations

from collections.abc import Sequence

from ris.application.access.record_audit import record_audit
from ris.domain.access.audit import Visit
from ris.portal.call import Call


def record_each(call: Call, site: str, done: Sequence[tuple[str, str]]) -> None:
    """Keep a record of each object; the gate's own is that of the last one on which something was done.

    Args:
        done: Our identifier of each object, and the code of the rule that kept it from being acted on, or an empty string.
    """
    acted = [object_id for object_id, refusal in done if not refusal]
    if acted:
        call.names(acted[-1])
    others = [*((object_id, "") for object_id in acted[:-1]), *((object_id, refusal) for object_id, refusal in done if refusal)]
    for object_id, refusal in others:
        visit, result = Visit(call.rule.action, site, object_id, call.source_ip), "refused" if refusal else "allowed"
        record_audit(call.services.access, call.session, visit, result=result, code=refusal, role=call.role, now=call.now)
