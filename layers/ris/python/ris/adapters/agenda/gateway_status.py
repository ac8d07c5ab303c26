"""A gateway's status on the queue read into what the use case keeps."""

from __future__ import annotations

from ris.application.agenda.gateways import Certificate, Gateway, Station
from ris.contracts.queues import GatewayStatus


def gateway_of(said: GatewayStatus) -> Gateway:
    """Return what one status says."""
    return Gateway(
        site=said.site,
        gateway_id=said.gateway_id,
        version=said.version,
        sent_at=said.sent_at,
        started_at=said.started_at,
        clock_skew_s=said.clock_skew_s,
        spool_rows=said.spool_rows,
        spool_oldest_s=said.spool_oldest_s,
        feed_steps=said.feed_steps,
        feed_age_s=said.feed_age_s,
        certificates=tuple(Certificate(one.name, one.not_after) for one in said.certificates),
        stations=tuple(Station(one.ae_title, one.last_echo_at, one.last_find_at, one.last_mpps_at) for one in said.stations),
        wants_feed=said.wants_feed,
        every_s=said.every_s,
        spool_refuses=said.spool_refuses,
    )
