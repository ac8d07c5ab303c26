"""One cloud for all contract tests of the embedded cloud, with a template of their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.cloud.client import Cloud, start_cloud

FIXTURES = Path(__file__).parent / "fixtures"


@pytest.fixture(scope="session")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    folder = tmp_path_factory.mktemp("cloud")
    with start_cloud(
        folder, FIXTURES / "template.yaml", parameters={"PublicUrl": "{portal_url}"}, scale=60, schedules=False
    ) as cloud:
        yield cloud
        assert cloud.faults() == [], "moto itself failed"
