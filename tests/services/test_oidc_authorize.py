"""What the providers refuse at the authorization page, and where the refusal goes."""

import pytest

from tests.support.oidc_party import Party, returned


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "other"},
        {"redirect_uri": "http://127.0.0.1:9000/login/callback/"},
        {"redirect_uri": "http://127.0.0.1:9000/login/callback?x=1"},
        {"redirect_uri": "http://localhost:9000/login/callback"},
        {"redirect_uri": None},
    ],
)
def test_a_client_or_an_address_that_was_not_declared_is_never_redirected_to(group: Party, changes: dict[str, str | None]) -> None:
    reply = group.authorize(group.question(**changes))

    assert (reply.status, "Location" in reply.headers) == (400, False)


def test_a_repeated_parameter_is_refused_on_the_spot(group: Party) -> None:
    reply = group.authorize([*group.question().items(), ("state", "second")])

    assert reply.status == 400


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"scope": "openid everything"}, "invalid_scope"),
        ({"state": None}, "invalid_request"),
        ({"nonce": None}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"prompt": "none"}, "login_required"),
    ],
)
def test_a_wrong_request_goes_back_to_its_client_with_the_error(group: Party, changes: dict[str, str | None], error: str) -> None:
    asked = group.question(**changes)

    back = returned(group.authorize(asked))

    assert (back["error"], back.get("state"), "code" in back) == (error, asked.get("state"), False)


@pytest.mark.parametrize("acr", ["eidas2", "eidas1 eidas2", "", None])
def test_pro_sante_connect_takes_eidas1_and_nothing_else(psc: Party, acr: str | None) -> None:
    assert returned(psc.authorize(psc.question(acr_values=acr)))["error"] == "invalid_request"


def test_a_person_who_cancels_is_access_denied(group: Party) -> None:
    back = returned(group.choose(group.authorize(group.question()), ""))

    assert back["error"] == "access_denied"


def test_the_page_of_a_login_works_once(group: Party) -> None:
    page = group.authorize(group.question())
    group.choose(page, "accueil.nord")

    assert group.choose(page, "accueil.nord").status == 400


def test_the_group_names_itself_in_the_redirection_and_keeps_the_state(group: Party) -> None:
    back = returned(group.choose(group.authorize(group.question()), "accueil.nord"))

    assert (back["iss"], back["state"]) == (group.provider.issuer, "st4te")


def test_evidence_holds_the_parameters_and_no_secret(psc: Party) -> None:
    code = psc.code("99900012347")
    psc.redeem(code)

    written = {file.name: file.read_text() for file in psc.folder.glob("*.json")}

    assert sorted(written) == ["001-authorize.json", "002-token.json"]
    assert "code_challenge" in written["001-authorize.json"]
    assert "client_secret_basic" in written["002-token.json"]
    assert not [name for name, text in written.items() if code in text or "v" * 43 in text]


def test_the_groups_evidence_has_its_prefix(group: Party) -> None:
    group.authorize(group.question())

    assert [file.name for file in group.folder.glob("*.json")] == ["001-group-authorize.json"]


def test_scheduled_faults_are_used_up_one_by_one(group: Party) -> None:
    group.provider.script.schedule("token", [503, "cut"])

    answers = [group.token(grant_type="x") for _ in range(3)]

    assert [(answer.status, answer.cut) for answer in answers] == [(503, False), (200, True), (400, False)]
