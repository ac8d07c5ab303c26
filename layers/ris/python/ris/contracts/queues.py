"""The envelopes on the queues between a gateway and the cloud.

HL7 travels as base64 of the bytes on the wire, MSH-18 untouched; DICOM travels as DICOM JSON (PS3.18 Annex F), written and read
by the gateway. A body over the queue's limit is left in the messages bucket and named by its key (claim check). Fields are only ever added.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field


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
    """Gateway to cloud, `dicom-inbound.fifo`: what a modality or the archive said of a study, already answered to the sender.

    Args:
        operation: `mpps_create` (N-CREATE) or `mpps_set` (N-SET) of PS3.4 Annex F; `instances_available`, an Instance Availability
            Notification (PS3.4 Annex R): images of the study have arrived; `storage_committed`, the answer to a storage
            commitment request (PS3.4 Annex J).
        sop_instance_uid: Of the performed procedure step, of the notification, or the commitment's Transaction UID.
        dataset: DICOM JSON of the request's data set.
    """

    kind: Literal["mpps"] = "mpps"
    site: str
    spool_id: str
    received_at: datetime
    calling_ae_title: str
    operation: Literal["mpps_create", "mpps_set", "instances_available", "storage_committed"]
    sop_instance_uid: str
    dataset: dict[str, Any]


class CertificateDays(Envelope):
    """One certificate a gateway uses, and its end.

    Args:
        name: What it is for, as the gateway's settings name it.
    """

    name: str
    not_after: AwareDatetime


class StationSeen(Envelope):
    """When a machine last spoke to its gateway, by service (PS3.7 C-ECHO, C-FIND of the worklist, MPPS); None is never since it started."""

    ae_title: str
    last_echo_at: AwareDatetime | None = None
    last_find_at: AwareDatetime | None = None
    last_mpps_at: AwareDatetime | None = None


class GatewayStatus(Envelope):
    """Gateway to cloud, `dicom-inbound.fifo`: how a gateway is. Best effort, never spooled; of two the newest by `sent_at` counts.

    Args:
        gateway_id: Of this gateway among those of its site.
        clock_skew_s: Its clock minus the cloud's, in seconds; None while it could not be measured.
        spool_rows: Messages that wait to leave; `spool_oldest_s` is the age of the oldest.
        feed_steps: Steps its worklist holds; `feed_age_s` is the time since the last word from the cloud, None before the first.
        wants_feed: A full resynchronisation is asked for.
        every_s: How often it says so, in seconds.
        spool_refuses: Its disk is full or at fault: what comes is answered AR.
    """

    kind: Literal["status"]
    site: str
    gateway_id: str
    version: str
    sent_at: AwareDatetime
    started_at: AwareDatetime
    clock_skew_s: float | None = None
    spool_rows: int
    spool_oldest_s: float
    feed_steps: int
    feed_age_s: float | None = None
    certificates: tuple[CertificateDays, ...] = ()
    stations: tuple[StationSeen, ...] = ()
    wants_feed: bool = False
    every_s: float = Field(default=60.0, gt=0, allow_inf_nan=False)
    spool_refuses: bool = False
