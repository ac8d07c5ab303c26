"""One MPPS request in DICOM JSON (PS3.18 Annex F) read into what the use case asks.

The modality already has its answer, so nothing here may fail: an attribute of another form than the standard's is read as absent,
and the step then waits on the list for a person.
"""

from __future__ import annotations

from typing import Any

from ris.application.agenda.apply_mpps import MppsMessage
from ris.application.agenda.images_committed import Commitment
from ris.contracts.queues import DicomInbound
from ris.domain.agenda.exam import Performed
from ris.domain.agenda.mpps import StepReference

_LISTS_OF_IMAGES = ("00081140", "00400220")
"""ReferencedImageSequence and ReferencedNonImageCompositeSOPInstanceSequence of one performed series."""


def message_of(envelope: DicomInbound) -> MppsMessage:
    """Return what one envelope says."""
    dataset = envelope.dataset
    series = _items(dataset, "00400340")
    return MppsMessage(
        site=envelope.site,
        operation=envelope.operation,
        performed=Performed(
            sop_instance_uid=envelope.sop_instance_uid,
            status=_text(dataset, "00400252"),
            station_ae_title=_text(dataset, "00400241"),
            started_at=_moment(dataset, "00400244", "00400245"),
            ended_at=_moment(dataset, "00400250", "00400251"),
            discontinuation_reason=_first(dataset, "00400281", "00080100"),
            series_count=len(series),
            image_count=sum(len(_items(one, tag)) for one in series for tag in _LISTS_OF_IMAGES),
        ),
        references=tuple(
            StepReference(
                sps_id=_text(step, "00400009"),
                accession_number=_text(step, "00080050"),
                study_instance_uid=_text(step, "0020000D"),
            )
            for step in _items(dataset, "00400270")
            if _refers(step)
        ),
        dataset=_without_images(dataset),
        received_at=envelope.received_at,
        first_images=_first_images(series, *_LISTS_OF_IMAGES),
    )


def study_of(envelope: DicomInbound) -> str:
    """Return the Study Instance UID (0020,000D) of what an archive says: an Instance Availability Notification names one."""
    return _text(envelope.dataset, "0020000D")


def first_images_of(envelope: DicomInbound) -> tuple[str, ...]:
    """Return the first image of each series that an Instance Availability Notification names (ReferencedSeriesSequence)."""
    return _first_images(_items(envelope.dataset, "00081115"), "00081199")


def commitment_of(envelope: DicomInbound) -> Commitment:
    """Return what a storage commitment report says: ReferencedSOPSequence, and FailedSOPSequence (PS3.4 Table J.3-2)."""
    named = _first_images([envelope.dataset], "00081199", "00081198")
    return Commitment(named[0] if named else "", len(_items(envelope.dataset, "00081198")), envelope.received_at)


def _first_images(series: list[dict[str, Any]], *lists: str) -> tuple[str, ...]:
    uids = ([_text(one, "00081155") for tag in lists for one in _items(each, tag)] for each in series)
    return tuple(min(named) for named in ([uid for uid in each if uid] for each in uids) if named)


def _refers(step: dict[str, Any]) -> bool:
    """An unscheduled MPPS has one item with its own Study UID and neither step nor accession: the UID may still be ours."""
    return any(_text(step, tag) for tag in ("00400009", "00080050", "0020000D"))


def _values(dataset: Any, tag: str) -> list[Any]:
    attribute = dataset.get(tag) if isinstance(dataset, dict) else None
    values = attribute.get("Value") if isinstance(attribute, dict) else None
    return values if isinstance(values, list) else []


def _text(dataset: Any, tag: str) -> str:
    """Return the first value as text, without the padding some senders leave (space, NUL)."""
    values = _values(dataset, tag)
    return values[0].strip(" \0") if values and isinstance(values[0], str) else ""


def _items(dataset: Any, tag: str) -> list[dict[str, Any]]:
    return [one for one in _values(dataset, tag) if isinstance(one, dict)]


def _first(dataset: Any, sequence: str, tag: str) -> str:
    found = _items(dataset, sequence)
    return _text(found[0], tag) if found else ""


def _moment(dataset: Any, date: str, time: str) -> str:
    """Return DA and TM as `YYYYMMDDHHMMSS`; a short TM stands for its beginning, fractions of a second are dropped."""
    day, clock = _text(dataset, date), _text(dataset, time).partition(".")[0]
    return f"{day}{clock.ljust(6, '0')}" if day and clock else day


def _without_images(dataset: dict[str, Any]) -> dict[str, Any]:
    """Return the data set without its lists of images, which grow with the study; their count is kept beside."""
    series = [{tag: value for tag, value in one.items() if tag not in _LISTS_OF_IMAGES} for one in _items(dataset, "00400340")]
    return {**dataset, "00400340": {"vr": "SQ", "Value": series}} if series else dataset
