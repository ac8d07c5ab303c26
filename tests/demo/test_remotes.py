"""Somebody else's provider is a setting; what is given by halves is refused at once."""

from pathlib import Path

import pytest

from infra.local.demo.remotes import from_environment


def test_without_settings_every_remote_is_ours() -> None:
    assert {name: remote.simulated for name, remote in from_environment({}).items()} == dict.fromkeys(
        ("group", "psc", "insi", "dmp", "mss", "directory"), True
    )


def test_a_service_of_somebody_else_takes_the_place_of_that_one_alone(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_text("PEM")

    remotes = from_environment({"DMP_URL": "https://dmp.test/v2/services", "DMP_CA": str(ca)})

    assert [name for name, remote in remotes.items() if not remote.simulated] == ["dmp"]
    assert (remotes["dmp"].url, remotes["dmp"].ca_pem()) == ("https://dmp.test/v2/services", "PEM")


def test_an_address_and_a_ca_replace_ours(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_text("PEM")

    remotes = from_environment({"PSC_URL": "https://psc.test/realm/", "PSC_CA": str(ca), "PSC_CLIENT_ID": "us"})

    assert (remotes["group"].simulated, remotes["psc"].simulated) == (True, False)
    assert (remotes["psc"].url, remotes["psc"].ca_pem(), remotes["psc"].client_id) == ("https://psc.test/realm", "PEM", "us")


@pytest.mark.parametrize(
    "given", [{"OIDC_URL": "https://x", "OIDC_CA": "/nowhere.pem"}, {"PSC_CA": __file__}, {"INSI_CA": __file__}]
)
def test_a_ca_that_is_not_there_or_belongs_to_nothing_is_named(given: dict[str, str]) -> None:
    with pytest.raises(SystemExit, match="_CA"):
        from_environment(given)
