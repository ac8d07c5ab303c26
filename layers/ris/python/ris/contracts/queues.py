"""The envelopes on the queues between a gateway and the cloud.

HL7 travels as base64 of the bytes on the wire, MSH-18 untouched; DICOM travels as DICOM JSON (PS3.18 Annex F), written and read
by the gateway. A body over the queue's limit is left in the messages bucket and named by its key (claim check). Fields are only ever added.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict


class Envelope(BaseModel):
    """What all envelopes share: unknown fields are ignored, so that an older side reads a newer one."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class Hl7Inbound(Envelope):
    """Gateway to cloud, `hl7-inbound.fifo`: one frame that was acknowledged AA.

    Args:
        site: Our site id, from the gateway's own settings, never from the message.
        spool_id: Row of the gateway's spool, `{gateway}-{n}`.
        received_at: Aware UTC instant.
        frame: Base64 of the bytes between VT and FS CR; empty when `s3_key` names them.
        sha256: Hex digest of those bytes.
        default_charset: Character set of this source for an empty MSH-18 (HL7 table 0211).
    """

    kind: Literal["message"] = "message"
    site: str
    spool_id: str
    received_at: datetime
    frame: str = ""
    s3_key: str = ""
    sha256: str
    default_charset: str = "UNICODE UTF-8"


class Hl7Acknowledged(Envelope):
    """Gateway to cloud, `hl7-inbound.fifo`: what a peer answered to a message of ours.

    Args:
        message_id: Our MSH-10, that MSA-2 repeated.
        outcome: `AA`, `AE`, `AR`, or `none` when the peer could not be reached or never answered in time and the gateway gave up.
        unknown: With `none`: bytes had left, so the peer may have taken the message.
        frame: Base64 of the acknowledgement's bytes.
    """

    kind: Literal["acknowledgement"] = "acknowledgement"
    site: str
    spool_id: str
    received_at: datetime
    destination: str
    message_id: str
    outcome: Literal["AA", "AE", "AR", "none"]
    unknown: bool = False
    frame: str = ""


class Hl7Outbound(Envelope):
    """Cloud to gateway, `{prefix}-{site}-hl7-outbound.fifo`: one message for a destination of the site.

    Args:
        destination: Name in the gateway's own settings: `PACS`, `HIS`.
        message_id: MSH-10, at most 20 characters; the same again is the same message.
    """

    site: str
    destination: str
    message_id: str
    frame: str = ""
    s3_key: str = ""


class WorklistFeed(Envelope):
    """Cloud to gateway, `{prefix}-{site}-worklist-feed`: one scheduled step; an older version than the one held is dropped.

    Args:
        dataset: DICOM JSON of one worklist item (PS3.4 table K.6-1), empty when removed.
        expires_at: After this instant the gateway no longer answers it.
    """

    site: str
    sps_id: str
    version: int
    state: Literal["scheduled", "in_progress", "removed"]
    dataset: dict[str, Any] = {}
    expires_at: datetime | None = None


class DicomInbound(Envelope):
    """Gateway to cloud, `dicom-inbound.fifo`: one MPPS request (PS3.4 Annex F), already answered to the modality.

    Args:
        operation: `mpps_create` (N-CREATE) or `mpps_set` (N-SET).
        sop_instance_uid: Of the performed procedure step.
        dataset: DICOM JSON of the request's data set.
    """

    site: str
    spool_id: str
    received_at: datetime
    calling_ae_title: str
    operation: Literal["mpps_create", "mpps_set"]
    sop_instance_uid: str
    dataset: dict[str, Any]
