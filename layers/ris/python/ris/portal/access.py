"""Login by two doors, logout, and what the person may do.

Markup: the doors are `a[data-provider]`; the account page has `[data-account]`.
"""

from __future__ import annotations

from urllib.parse import urlencode

from ris.application.access.begin_login import begin_login
from ris.application.access.finish_login import finish_login
from ris.application.access.kept_forms import drop_form, kept_form
from ris.application.access.logout import logout
from ris.contracts.portal import AccountView, NothingBody, ResumeBody
from ris.domain.access.policy import sites_allowed
from ris.domain.access.session import PROVIDERS
from ris.domain.errors import RisError
from ris.portal import cookies
from ris.portal.answers import Answer, NotFound, Page, Raw, Redirect
from ris.portal.call import Call
from ris.portal.french import label_of
from ris.portal.layout import current_site, menu
from ris.portal.respond import status_of
from ris.portal.routing import Routes, Scope

routes = Routes("access")
_LOGIN_LASTS_S = 600


def _cookie(call: Call, kind: str) -> str:
    return cookies.read(call.headers.get("cookie", ""), cookies.name_of(kind, call.services.settings.cookie_suffix))


def _name(call: Call, kind: str) -> str:
    return cookies.name_of(kind, call.services.settings.cookie_suffix)


def _doors(call: Call, reason: str, return_to: str, status: int = 200, dead: tuple[str, ...] = ()) -> Page:
    query = "?" + urlencode({"next": return_to}) if return_to else ""
    doors = [(provider, f"/login/{provider}{query}") for provider in PROVIDERS if provider in call.services.access.providers]
    return Page("access/login.html", {"doors": doors, "reason": reason}, status=status, cookies=dead)


@routes.get("/login", Scope.PUBLIC)
def login(call: Call) -> Page:
    """Show the two doors."""
    reason = call.one("reason")
    return _doors(call, reason if reason in ("session_expired", "session_idle", "account_closed") else "", call.one("next"))


@routes.get("/login/{provider}", Scope.PUBLIC)
def start(call: Call, provider: str) -> Answer:
    """Send the browser to a provider."""
    if provider not in call.services.access.providers:
        raise NotFound
    try:
        begun = begin_login(
            call.services.access,
            provider,
            redirect_uri=_callback(call, provider),
            now=call.now,
            return_to=call.one("next") or "/",
            login_cookie=_cookie(call, "login"),
        )
    except RisError as error:
        return _doors(call, error.code, call.one("next"), status=status_of(error))
    kept = cookies.setting(_name(call, "login"), begun.login_cookie, max_age_s=_LOGIN_LASTS_S)
    return Redirect(begun.authorization_url, cookies=(kept,))


@routes.get("/login/{provider}/callback", Scope.PUBLIC)
def finish(call: Call, provider: str) -> Answer:
    """Take the browser back from a provider and open the session."""
    try:
        done = finish_login(
            call.services.access,
            provider,
            call.query,
            login_cookie=_cookie(call, "login"),
            now=call.now,
            source_ip=call.source_ip,
        )
    except RisError as error:
        return _doors(call, error.code, "", status=status_of(error))
    opened = cookies.setting(_name(call, "session"), done.session_token)
    return Redirect(done.return_to, cookies=(opened, cookies.killing(_name(call, "login"))))


def _callback(call: Call, provider: str) -> str:
    return f"{call.public_url}/login/{provider}/callback"


@routes.post("/logout", Scope.SESSION, body=NothingBody)
def leave(call: Call) -> Page:
    """End the session here, then at the provider: the browser goes there by itself, and the page has the link."""
    own = f"{call.public_url}/logged-out"
    target = logout(
        call.services.access, _cookie(call, "session"), post_logout_redirect_uri=own, now=call.now, source_ip=call.source_ip
    )
    provider = call.person.provider
    call.session = None
    # A redirection would be held to the form-action of the page the button stood on; a refresh is a new navigation.
    headers = {"Refresh": f"0; url={target}", "Clear-Site-Data": '"cache"'}
    values = {"target": target if target != own else "", "provider": provider}
    return Page("access/logged_out.html", values, headers=headers, cookies=(cookies.killing(_name(call, "session")),))


@routes.get("/logged-out", Scope.PUBLIC)
def left(_call: Call) -> Page:
    """Say that the session is over."""
    return Page("access/logged_out.html", {"target": "", "provider": ""})


@routes.get("/account", Scope.SESSION, answer=AccountView)
def account(call: Call) -> Page:
    """Show who is logged in and what they may do."""
    person = call.person
    names = {site.site: site.name for site in call.services.reference.sites()}
    roles = {site: sorted(person.roles[site]) for site in person.sites}
    view = AccountView(
        account_id=person.account_id, name=person.name, roles=roles, rights=sorted(person.rights), csrf=person.csrf_token
    )
    return Page("access/account.html", {"roles": [(names.get(site, site), held) for site, held in roles.items()]}, data=view)


@routes.get("/session", Scope.SESSION, passive=True)
def alive(_call: Call) -> Raw:
    """Say that the session is still open, which every page asks by itself; once it is over, the gate sends the page to the login."""
    return Raw("", "text/plain; charset=utf-8")


@routes.get("/resume", Scope.SESSION)
def resume(call: Call) -> Answer:
    """Give back what was sent when the session had ended: to be sent again, or put aside."""
    place = call.one("of")
    form = kept_form(call.services.access, call.person.account_id, place, call.now) if place else None
    if form is None:
        return Redirect("/")
    shown = [(label, value) for name, value in form.fields.items() if value.strip() and (label := label_of(name))]
    return Page("access/resume.html", {"form": form, "shown": shown})


@routes.post("/resume/forget", Scope.SESSION, body=ResumeBody)
def forget(call: Call) -> Answer:
    """Put aside what was sent when the session had ended."""
    drop_form(call.services.access, call.person.account_id, call.form.get("of", ""))
    return Redirect("/")


@routes.get("/", Scope.ANY_SITE, "read_home")
def home(call: Call) -> Answer:
    """Go to the first thing this person may do at the site they last worked at; who looks after several sites sees them all first."""
    site = current_site(call)
    if len(sites_allowed(call.person, "read_cockpit")) > 1 and call.may("read_cockpit", site):
        return Redirect("/cockpit")
    entries = menu(call, site)
    return Redirect(entries[0].url if entries else "/account")


@routes.get("/sites/{site}", Scope.SITE, "read_home")
def choose_site(call: Call, site: str) -> Redirect:
    """Work at that site from now on."""
    entries = menu(call, site)
    return Redirect(entries[0].url if entries else "/account", cookies=(cookies.setting(_name(call, "site"), site),))
