"""What is counted of gateways: the first certificate to end, a clock off either way, and nothing of one that is silent."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from ris.application.agenda.gateways import Certificate, Gateway
from ris.application.dispatch.cockpit import GatewayFigures, gateway_figures, silent_gateways
from ris.observability import LogFields
from tests.support.agenda import NOW

SPEAKS = Gateway(
    "nord",
    "nord-1",
    "1",
    NOW - timedelta(seconds=30),
    NOW - timedelta(days=2),
    clock_skew_s=-6.5,
    spool_rows=4,
    spool_oldest_s=61.9,
    feed_age_s=3.2,
    certificates=(Certificate("dicom", NOW + timedelta(days=400)), Certificate("mllp", NOW + timedelta(days=12, hours=3))),
    spool_refuses=True,
)


def test_the_figures_of_a_gateway_that_speaks() -> None:
    expected = GatewayFigures(
        gateway="nord-1", spool_rows=4, spool_age_s=61, spool_refuses=1, feed_age_s=3, clock_skew_ms=6500, certificate_days=12
    )

    assert [expected] == gateway_figures([SPEAKS], NOW)
    assert set(GatewayFigures.__annotations__) <= set(LogFields.__annotations__)


def test_what_was_not_measured_is_no_figure() -> None:
    (figures,) = gateway_figures([replace(SPEAKS, clock_skew_s=None, feed_age_s=None, certificates=())], NOW)

    assert {"gateway", "spool_rows", "spool_age_s", "spool_refuses"} == set(figures)


def test_a_silent_gateway_is_counted_as_silent_and_by_nothing_it_said() -> None:
    silent = replace(SPEAKS, gateway_id="nord-2", sent_at=NOW - timedelta(minutes=20))

    assert ["nord-1"] == [one["gateway"] for one in gateway_figures([SPEAKS, silent], NOW)]
    assert {"nord-2": 20} == silent_gateways([SPEAKS, silent], NOW)
