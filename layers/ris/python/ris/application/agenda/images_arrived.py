"""Note on an exam that its archive has images of it (Instance Availability Notification, PS3.4 Annex R)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from ris.application.agenda.images_committed import images_known
from ris.application.agenda.services import Services
from ris.application.conflicts import decide
from ris.domain.agenda.exam import Exam


def images_arrived(s: Services, site: str, study_instance_uid: str, at: datetime, first_images: Sequence[str] = ()) -> Exam | None:
    """Note since when there are images; a later word changes nothing but which series are known.

    Returns:
        The exam, or None when the study is of none of the site's.

    Raises:
        RemoteUnavailable: `too_busy`, or an outage; the queue delivers again.
    """

    def attempt() -> Exam | None:
        exam = s.exams.find_by_study(study_instance_uid) if study_instance_uid else None
        if exam is None or exam.site != site:
            return None
        return exam if exam.images_at is not None else s.exams.save(replace(exam, images_at=at))

    noted = decide(attempt)
    if noted is not None:
        images_known(s, noted, first_images)
    return noted
