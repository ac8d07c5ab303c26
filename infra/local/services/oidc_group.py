"""The group's own OpenID provider: receptionists, secretaries, finance, IT. `python -m infra.local.services.oidc_group`."""

from __future__ import annotations

from typing import Any

from infra.local.services.oidc_process import run
from infra.local.services.oidc_provider import Profile


def _claims(person: dict[str, Any]) -> dict[str, Any]:
    return {
        "preferred_username": person["subject"],
        "name": f"{person['given_name']} {person['family_name']}",
        "given_name": person["given_name"],
        "family_name": person["family_name"],
        "email": person["email"],
    }


GROUP = Profile(
    title="Annuaire du groupe",
    realm="/realms/groupe",
    discovery=".well-known/openid-configuration",
    scopes=frozenset({"openid", "profile", "email", "offline_access"}),
    acr="",
    nonce_and_state_mandatory=True,
    pkce_mandatory=True,
    evidence_prefix="group-",
    access_s=300,
    refresh_s=1800,
    session_s=10 * 3600,
    amr=("pwd", "otp"),
    describe=lambda person: (f"{person['given_name']} {person['family_name']}", person["title"]),
    id_claims=_claims,
    access_claims=lambda person: {"preferred_username": person["subject"]},
    userinfo=_claims,
    returns_issuer=True,
)

if __name__ == "__main__":
    run(GROUP, "oidc_group_people.json")
