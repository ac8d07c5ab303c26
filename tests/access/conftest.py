"""What the access tests share: one provider over HTTPS, a clock moved by hand."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.access import Clock
from tests.support.oidc_issuer import Issuer


@pytest.fixture(scope="session")
def running_issuer() -> Iterator[Issuer]:
    issuer = Issuer()
    yield issuer
    issuer.close()


@pytest.fixture
def issuer(running_issuer: Issuer) -> Issuer:
    running_issuer.reset()
    return running_issuer


@pytest.fixture
def clock() -> Clock:
    return Clock()
