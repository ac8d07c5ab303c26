"""Logout: only with a token of ours, only to an address that was declared."""

from infra.local.services.http_door import Reply, Request
from tests.support.oidc_party import GOODBYE, Party


def logout(party: Party, **asked: str) -> Reply:
    return party.provider.pages(Request("GET", "/logout", query=list(asked.items())))


def test_a_logout_ends_the_session_and_goes_back(psc: Party) -> None:
    tokens = psc.login("99900012347")

    reply = logout(psc, id_token_hint=tokens["id_token"], post_logout_redirect_uri=GOODBYE, state="bye")

    assert (reply.status, reply.headers["Location"]) == (303, GOODBYE + "?state=bye")
    assert psc.userinfo(tokens["access_token"]).status == 401
    assert psc.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"]).status == 400


def test_an_expired_id_token_is_still_a_hint(psc: Party) -> None:
    token = psc.login("99900012347")["id_token"]
    psc.clock.now += 10_000

    assert logout(psc, id_token_hint=token, post_logout_redirect_uri=GOODBYE).status == 303


def test_a_logout_without_a_hint_is_refused(psc: Party) -> None:
    assert logout(psc, post_logout_redirect_uri=GOODBYE).status == 400


def test_a_logout_to_another_address_is_refused(psc: Party) -> None:
    token = psc.login("99900012347")["id_token"]

    reply = logout(psc, id_token_hint=token, post_logout_redirect_uri=GOODBYE + "elsewhere")

    assert (reply.status, "Location" in reply.headers) == (400, False)


def test_a_logout_in_the_name_of_another_client_is_refused(psc: Party) -> None:
    token = psc.login("99900012347")["id_token"]

    assert logout(psc, id_token_hint=token, client_id="other").status == 400
