"""Somebody else's provider is a setting; what is given by halves is refused at once."""

from pathlib import Path

import pytest

from infra.local.demo.remotes import from_environment


def test_without_settings_both_providers_are_ours() -> None:
    assert [remote.simulated for remote in from_environment({}).values()] == [True, True]


def test_an_address_and_a_ca_replace_ours(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_text("PEM")

    remotes = from_environment({"PSC_URL": "https://psc.test/realm/", "PSC_CA": str(ca), "PSC_CLIENT_ID": "us"})

    assert (remotes["group"].simulated, remotes["psc"].simulated) == (True, False)
    assert (remotes["psc"].url, remotes["psc"].ca_pem(), remotes["psc"].client_id) == ("https://psc.test/realm", "PEM", "us")


@pytest.mark.parametrize("given", [{"OIDC_URL": "https://x", "OIDC_CA": "/nowhere.pem"}, {"PSC_CA": __file__}])
def test_a_ca_that_is_not_there_or_belongs_to_nothing_is_named(given: dict[str, str]) -> None:
    with pytest.raises(SystemExit, match="_CA"):
        from_environment(given)
