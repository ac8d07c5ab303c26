"""Note on an exam that its archive promised to keep its images (storage commitment, PS3.4 Annex J).

An archive's promise names images and no study. The first image, by the order of SOP Instance UIDs, of each series that a modality or the
archive told of, and of each promise, is kept as a mark; whichever of both comes second finds the other's mark and brings them together. A
promise about a part of a series that leaves its first image out stays unknown, and is only logged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from ris.application.agenda.ports import ImageMark
from ris.application.agenda.services import Services
from ris.application.conflicts import decide
from ris.domain.agenda.exam import Exam

SERIES_MAXIMUM = 50
"""Series of one study that are marked: what a message names beyond is no promise's beginning for us."""


@dataclass(frozen=True)
class Commitment:
    """What an archive said of images that it was asked to keep.

    Args:
        first_image: The smallest SOP Instance UID it names, kept or not.
        failed: How many of them it does not promise to keep.
        at: When it said so.
    """

    first_image: str
    failed: int
    at: datetime


def images_committed(s: Services, site: str, said: Commitment) -> Exam | None:
    """Keep what the archive said, and note it on the exam if its images are known.

    Returns:
        The exam, or None while none of the site's is known to have that image.

    Raises:
        RemoteUnavailable: `too_busy`, or an outage; the queue delivers again.
    """
    if not said.first_image:
        return None
    mark = decide(partial(_marked, s, site, said.first_image, committed_at=said.at, failed=said.failed))
    exam = s.exams.find_by_study(mark.study_instance_uid) if mark.study_instance_uid else None
    return decide(partial(_noted, s, exam.accession_number, mark)) if exam is not None and exam.site == site else None


def images_known(s: Services, exam: Exam, first_images: Sequence[str]) -> None:
    """Mark the first image of each series of an exam, and note what the archive had promised of them.

    Raises:
        RemoteUnavailable: `too_busy`, or an outage; the queue delivers again.
    """
    for first_image in first_images[:SERIES_MAXIMUM]:
        mark = decide(partial(_marked, s, exam.site, first_image, study_instance_uid=exam.study_instance_uid))
        if mark.committed_at is not None:
            decide(partial(_noted, s, exam.accession_number, mark))


def _marked(s: Services, site: str, first_image: str, **facts: object) -> ImageMark:
    known = s.exams.get_image(site, first_image) or ImageMark(site, first_image)
    after = replace(known, **facts)  # type: ignore[arg-type]
    return known if after == known else s.exams.save_image(after)


def _noted(s: Services, accession: str, mark: ImageMark) -> Exam | None:
    exam = s.exams.get(accession)
    if exam is None or mark.committed_at is None:
        return exam
    kept = {image: failed for image, failed in exam.uncommitted.items() if image != mark.first_image}
    after = replace(
        exam,
        committed_at=max(exam.committed_at or mark.committed_at, mark.committed_at),
        uncommitted=kept | ({mark.first_image: mark.failed} if mark.failed else {}),
    )
    return exam if after == exam else s.exams.save(after)
