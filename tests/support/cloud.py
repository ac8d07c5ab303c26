"""One cloud of the real template a test session; under pytest-xdist, one a worker.

In a `conftest.py` or a test module: `cloud = deployed_cloud()` at module level makes the session fixture `cloud`, shared by every
module that does the same. Schedules do not fire by themselves there: a test says `cloud.fire("SweepDueSchedule")`.
"""

import atexit
import functools
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.local.children import Children
from infra.local.cloud.client import ROOT, Cloud, spawn_cloud

SITES = ("nord", "sud", "est")
PARAMETERS = {"OidcUrl": "https://oidc.invalid", "PscUrl": "https://psc.invalid", "PublicUrl": "{portal_url}"}


@functools.cache
def session_cloud() -> Cloud:
    """Start the session's cloud, once; it ends with this process, however that ends."""
    children = Children()
    folder = Path(tempfile.mkdtemp(prefix="ris-cloud-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(children.stop)
    return spawn_cloud(
        children,
        folder,
        ROOT / "template.yaml",
        PARAMETERS,
        site_template=ROOT / "infra/site.yaml",
        sites=[{"Site": site} for site in SITES],
        schedules=False,
    )


def deployed_cloud() -> Callable[..., Any]:
    """Make a session fixture that gives the deployed cloud, and fails a session in which moto itself failed."""

    @pytest.fixture(scope="session")
    def cloud() -> Iterator[Cloud]:
        running = session_cloud()
        yield running
        assert running.faults() == []

    return cloud
