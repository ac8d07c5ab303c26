"""A group's portal in memory, empty; a module that wants more in it has a `house` of its own."""

import pytest

from tests.support.portal import PortalHouse


@pytest.fixture
def house():
    return PortalHouse()
