"""The settings of one gateway: a JSON file, or the options of the stand-alone commands."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from gateways.edge.hl7.charsets import DEFAULT_CHARSET
from gateways.edge.hl7.mllp import MAX_FRAME_BYTES

Port = Annotated[int, Field(ge=0, le=65535)]


class _Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class TlsSettings(_Settings):
    """A port over TLS: version 1.2 or later, authenticated encryption with forward secrecy (BCP 195, RFC 9325).

    Args:
        certificate, key: PEM files; the certificate's chain follows it.
        client_authority: PEM file of the authorities that peers' certificates must come from; none asks for no certificate.
        port: 0 takes a free one.
    """

    certificate: Path
    key: Path
    client_authority: Path | None = None
    port: Port = 0


class MllpSettings(_Settings):
    """The HL7 listener.

    Args:
        port: 0 takes a free one.
        idle_timeout_s: Silence between frames after which a connection is closed.
        frame_timeout_s: Time one frame may take from its first byte to its last.
        max_frame_bytes: Larger frames are refused AE.
        memory_bytes: All unfinished frames together; past it a connection is answered AR and closed.
        tls: A second port, over TLS.
    """

    host: str = "127.0.0.1"
    port: Port = 0
    max_connections: int = 256
    idle_timeout_s: float = 3600.0
    frame_timeout_s: float = 60.0
    max_frame_bytes: int = MAX_FRAME_BYTES
    memory_bytes: int = 128 * 1024 * 1024
    tls: TlsSettings | None = None


class SourceSettings(_Settings):
    """A sender the site knows: MSH-3.1, MSH-4.1 (empty: any), and its character set for an empty MSH-18."""

    sending_application: str
    sending_facility: str = ""
    charset: str = DEFAULT_CHARSET


def _networks(value: tuple[str, ...]) -> tuple[str, ...]:
    for one in value:
        ipaddress.ip_network(one)
    return value


Networks = Annotated[tuple[str, ...], AfterValidator(_networks)]


class ModalitySettings(_Settings):
    """A calling AE title and its quirks.

    Args:
        charset: What its answers are written in; `ISO_IR 100` is what old stations read, `ISO_IR 6` what the oldest do.
        addresses: Networks it may call from; empty for any.
        echo_unknown_keys: Answer optional keys that we do not support empty with FF00, for stations that insist.
        own_steps_only: A query that names no station finds the steps of the calling title only, for stations that cannot choose.
        max_answers: Most steps of one query, where not the port's.
        expire_after_h: Hours after its start that a step of this station which nobody performed leaves the list.
    """

    ae_title: str
    charset: Literal["ISO_IR 6", "ISO_IR 100", "ISO_IR 192"] = "ISO_IR 100"
    addresses: Networks = ()
    echo_unknown_keys: bool = False
    own_steps_only: bool = False
    max_answers: int | None = None
    expire_after_h: float | None = None


class DicomSettings(_Settings):
    """The worklist and MPPS server.

    Args:
        unknown_calling: `reject` answers an unknown or blank calling title A-ASSOCIATE-RJ; `accept` serves it the same list.
        allowed_addresses: Networks that may connect at all; empty for any.
        max_answers: Most steps of one query; past it the query ends with A700.
        max_associations: Associations served at once; past it A-ASSOCIATE-RJ (transient).
        max_waiting: Connections that have asked nothing yet; past it the one that has been silent for longest is closed.
        association_timeout_s: ARTIM: time to ask for an association, and to close a connection that has ended.
        idle_timeout_s: Time between two whole messages, and for a peer to take what it asked for.
        memory_bytes: All unfinished messages together; past it an association is aborted.
        expire_after_h: As the modality's, where it does not say.
        timezone: Of the dates and times in the steps.
        tls: A second port, over TLS.
    """

    host: str = "127.0.0.1"
    port: Port = 0
    ae_title: str = "RISMWL"
    any_called: bool = False
    modalities: tuple[ModalitySettings, ...] = ()
    unknown_calling: Literal["reject", "accept"] = "reject"
    allowed_addresses: Networks = ()
    max_answers: int = 1000
    max_associations: int = 256
    max_waiting: int = 512
    association_timeout_s: float = 4.0
    idle_timeout_s: float = 60.0
    memory_bytes: int = 64 * 1024 * 1024
    expire_after_h: float | None = None
    timezone: str = "Europe/Paris"
    tls: TlsSettings | None = None


class DestinationSettings(_Settings):
    """A peer that HL7 messages go to, in order, one in flight.

    Args:
        ack_timeout_s: Silence after which the same message goes again, over a new connection.
        give_up_after_s: Age of a message after which the cloud is told `none`, and the next one goes.
    """

    host: str
    port: Port
    connect_timeout_s: float = 10.0
    ack_timeout_s: float = 30.0
    backoff_first_s: float = 1.0
    backoff_most_s: float = 60.0
    give_up_after_s: float = 6 * 3600.0


class QueueSettings(_Settings):
    """URLs of the queues; an empty one is not used."""

    hl7_inbound: str = ""
    dicom_inbound: str = ""
    worklist_feed: str = ""
    hl7_outbound: str = ""


class HealthSettings(_Settings):
    """The health door."""

    host: str = "127.0.0.1"
    port: Port = 0


class Settings(_Settings):
    """Everything one gateway is told.

    Args:
        group_key: Key of the hash that orders messages on a FIFO queue without naming their source.
        retention_days: Forwarded rows, closed outbound messages and expired steps are wiped after this.
        spool_limit_bytes: Size of the spool past which messages are answered AR; 0 leaves it to the disk.
        worklist_folder: Stand-alone: a folder of worklist files.
        status_every_s: How often the cloud is told how this gateway is.
        cloud_backoff_most_s: Longest pause between two tries while the cloud does not answer.
        spool_key: KMS key (ARN or alias) under which the spool's own key is made; empty leaves the spool unsealed.
    """

    site: str = "local"
    gateway_id: str = "edge"
    mllp: MllpSettings | None = None
    dicom: DicomSettings | None = None
    sources: tuple[SourceSettings, ...] = ()
    default_charset: str = DEFAULT_CHARSET
    destinations: dict[str, DestinationSettings] = Field(default_factory=dict)
    spool: Path | None = None
    queues: QueueSettings | None = None
    bucket_messages: str = ""
    group_key: str = ""
    status_file: Path | None = None
    health: HealthSettings = HealthSettings()
    retention_days: int = 30
    spool_limit_bytes: int = 0
    worklist_folder: Path | None = None
    spool_key: str = ""
    status_every_s: float = Field(default=60.0, gt=0)
    cloud_backoff_most_s: float = Field(default=60.0, gt=0)
    poll_wait_s: int = Field(default=10, ge=0, le=20)


def load(path: Path) -> Settings:
    """Read a settings file.

    Raises:
        pydantic.ValidationError: Names the setting at fault, without its value.
    """
    return Settings.model_validate_json(path.read_bytes())
