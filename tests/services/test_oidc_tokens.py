"""What the token endpoint gives and refuses; tokens age by the test's clock."""

import json

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from infra.local.services.oidc_tokens import half_hash
from tests.support.oidc_party import CALLBACK, SECRET, VERIFIER, Party, error_of

PERSON = "99900012347"


def published(party: Party) -> KeySet:
    return KeySet.import_key_set(party.provider.keys.published())


def test_an_id_token_says_who_for_whom_and_until_when(psc: Party) -> None:
    tokens = psc.login(PERSON)

    decoded = jwt.decode(tokens["id_token"], published(psc), algorithms=["RS256"])

    claims = decoded.claims
    assert (claims["iss"], claims["aud"], claims["azp"], claims["nonce"]) == (psc.provider.issuer, "ris", "ris", "n0nce")
    assert (claims["exp"] - claims["iat"], claims["acr"], claims["SubjectNameID"]) == (120, "eidas1", f"8{PERSON}")
    assert claims["at_hash"] == half_hash(tokens["access_token"])
    assert (tokens["expires_in"], tokens["refresh_expires_in"], tokens["token_type"]) == (120, 1800, "Bearer")


def test_a_client_authenticates_by_form_too(group: Party) -> None:
    code = group.code("accueil.nord")

    reply = group.token(basic=False, grant_type="authorization_code", code=code, redirect_uri=CALLBACK, code_verifier=VERIFIER)

    assert reply.status == 200


def test_a_wrong_secret_is_401_with_a_challenge(group: Party) -> None:
    reply = group.token(secret="guess", grant_type="authorization_code", code=group.code("accueil.nord"))

    assert (reply.status, error_of(reply), "WWW-Authenticate" in reply.headers) == (401, "invalid_client", True)


def test_two_ways_to_authenticate_at_once_are_refused(group: Party) -> None:
    reply = group.token(grant_type="authorization_code", client_secret=SECRET)

    assert error_of(reply) == "invalid_request"


def test_json_is_no_form(group: Party) -> None:
    assert error_of(group.post("token", [], {"content-type": "application/json"})) == "invalid_request"


@pytest.mark.parametrize(
    "changes",
    [
        {"code_verifier": "w" * 43},
        {"code_verifier": ""},
        {"redirect_uri": CALLBACK + "/"},
        {"code": "unknown"},
    ],
)
def test_a_code_is_worth_nothing_without_all_that_belongs_to_it(group: Party, changes: dict[str, str]) -> None:
    code = group.code("accueil.nord")

    assert error_of(group.redeem(**{"code": code, **changes})) == "invalid_grant"


def test_a_code_that_failed_once_stays_dead(group: Party) -> None:
    code = group.code("accueil.nord")
    group.redeem(code, code_verifier="w" * 43)

    assert error_of(group.redeem(code)) == "invalid_grant"


def test_a_second_use_of_a_code_revokes_what_the_first_gave(psc: Party) -> None:
    code = psc.code(PERSON)
    tokens = json.loads(psc.redeem(code).body)

    again = psc.redeem(code)

    assert error_of(again) == "invalid_grant"
    assert psc.userinfo(tokens["access_token"]).status == 401


@pytest.mark.parametrize(("age_s", "status"), [(60, 200), (61, 400)])
def test_a_code_lives_sixty_seconds(group: Party, age_s: int, status: int) -> None:
    code = group.code("accueil.nord")
    group.clock.now += age_s

    assert group.redeem(code).status == status


def test_an_access_token_of_pro_sante_connect_lives_two_minutes(psc: Party) -> None:
    token = psc.login(PERSON)["access_token"]

    assert psc.userinfo(token).status == 200
    psc.clock.now += 120
    refused = psc.userinfo(token)
    assert (refused.status, refused.headers["WWW-Authenticate"]) == (401, 'Bearer error="invalid_token"')


def test_an_id_token_is_no_access_token(psc: Party) -> None:
    assert psc.userinfo(psc.login(PERSON)["id_token"]).status == 401


def test_refresh_tokens_turn_over_and_an_old_one_ends_the_session(psc: Party) -> None:
    first = psc.login(PERSON)["refresh_token"]
    second = json.loads(psc.token(grant_type="refresh_token", refresh_token=first).body)["refresh_token"]

    reused = psc.token(grant_type="refresh_token", refresh_token=first)
    after = psc.token(grant_type="refresh_token", refresh_token=second)

    assert (error_of(reused), error_of(after)) == ("invalid_grant", "invalid_grant")


def test_a_refresh_token_lives_half_an_hour_and_the_session_four_hours(psc: Party) -> None:
    refresh = psc.login(PERSON)["refresh_token"]
    for _ in range(9):
        psc.clock.now += 1500
        refresh = json.loads(psc.token(grant_type="refresh_token", refresh_token=refresh).body)["refresh_token"]

    psc.clock.now += 1500

    assert error_of(psc.token(grant_type="refresh_token", refresh_token=refresh)) == "invalid_grant"


def test_an_idle_refresh_token_dies(psc: Party) -> None:
    refresh = psc.login(PERSON)["refresh_token"]
    psc.clock.now += 1800

    assert error_of(psc.token(grant_type="refresh_token", refresh_token=refresh)) == "invalid_grant"


def test_introspection_tells_a_living_token_from_a_dead_one(psc: Party) -> None:
    token = psc.login(PERSON)["access_token"]
    headers = {"content-type": "application/x-www-form-urlencoded"}
    form = [("token", token), ("client_id", "ris"), ("client_secret", SECRET)]

    alive = json.loads(psc.post("token/introspect", form, headers).body)
    psc.clock.now += 121
    dead = json.loads(psc.post("token/introspect", form, headers).body)

    assert (alive["active"], alive["SubjectNameID"], dead) == (True, f"8{PERSON}", {"active": False})


@pytest.mark.parametrize(("subject", "activities"), [("99900012347", 2), ("99900023450", 1), ("99900034564", 0)])
def test_userinfo_lists_none_one_or_several_activities(psc: Party, subject: str, activities: int) -> None:
    told = json.loads(psc.userinfo(psc.login(subject)["access_token"]).body)

    assert told["SubjectNameID"] == f"8{subject}"
    assert len(told["SubjectRefPro"]["exercices"][0]["activities"]) == activities


def test_rotation_signs_with_a_new_key_while_the_old_one_still_verifies(group: Party) -> None:
    before = group.login("accueil.nord")["id_token"]
    group.provider.command({"rotate": True})
    after = group.login("accueil.nord")["id_token"]

    assert len(published(group).keys) == 2
    for token in (before, after):
        jwt.decode(token, published(group), algorithms=["RS256"])
    group.provider.command({"retire": True})
    assert len(published(group).keys) == 1
    assert group.provider.keys.claims_of(before) is None


def test_an_amr_nobody_expects_can_be_told(group: Party) -> None:
    group.provider.command({"amr": ["pwd", "urn:vendor:palm"]})

    claims = group.provider.keys.claims_of(group.login("accueil.nord")["id_token"])

    assert claims is not None
    assert claims["amr"] == ["pwd", "urn:vendor:palm"]


def test_a_tampered_token_is_for_one_login_only(group: Party) -> None:
    group.provider.command({"tamper": {"nonce": "other", "signature": "x", "at_hash": None}})

    bad, good = group.login("accueil.nord")["id_token"], group.login("accueil.nord")["id_token"]

    assert group.provider.keys.claims_of(bad) is None
    assert group.provider.keys.claims_of(good) is not None


def test_an_unknown_command_is_refused(group: Party) -> None:
    with pytest.raises(ValueError, match="unknown commands"):
        group.provider.command({"rotat": True})
