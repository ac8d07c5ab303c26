"""What Pro Sante Connect says of a professional: its ID token and userinfo (scope_all)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from ris.domain.access.session import PscSession
from ris.domain.errors import NotAllowed

_RPPS_NAME_ID = re.compile(r"8[0-9]{11}")


def psc_session(claims: Mapping[str, object], userinfo: Mapping[str, object]) -> PscSession:
    """Return the session data of a proved ID token and its userinfo.

    Args:
        claims: Proved claims of the ID token.
        userinfo: Answer of the userinfo endpoint, about the same `sub`.

    Raises:
        NotAllowed: `psc_no_rpps`: SubjectNameID is not `8` and an RPPS, or the token contradicts it.
    """
    name_id = userinfo.get("SubjectNameID")
    if not isinstance(name_id, str) or not _RPPS_NAME_ID.fullmatch(name_id):
        raise NotAllowed("psc_no_rpps", detail="SubjectNameID is not 8 and an RPPS")
    if claims.get("SubjectNameID", name_id) != name_id:
        raise NotAllowed("psc_no_rpps", detail="the ID token names another SubjectNameID than userinfo")
    exercise = _first_exercise(userinfo)
    auth_time = claims.get("auth_time")
    return PscSession(
        subject_name_id=name_id,
        acr=str(claims.get("acr", "")),
        authenticated_at=datetime.fromtimestamp(auth_time, UTC) if isinstance(auth_time, int | float) else None,
        profession=_text(exercise, "codeProfession"),
        speciality=_text(exercise, "codeSavoirFaire"),
    )


def _first_exercise(userinfo: Mapping[str, object]) -> Mapping[str, object]:
    professional = userinfo.get("SubjectRefPro")
    exercises = professional.get("exercices") if isinstance(professional, dict) else None
    first = exercises[0] if isinstance(exercises, list) and exercises else None
    return first if isinstance(first, dict) else {}


def _text(record: Mapping[str, object], name: str) -> str:
    value = record.get(name)
    return value if isinstance(value, str) else ""
