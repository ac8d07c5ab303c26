"""The style sheet and scripts, for anybody."""

from __future__ import annotations

from ris.portal.answers import NotFound, Raw
from ris.portal.assets import assets
from ris.portal.call import Call
from ris.portal.routing import Routes, Scope

routes = Routes("assets")
_FOR_EVER = "public, max-age=31536000, immutable"


@routes.get("/static/{name}", Scope.PUBLIC)
def static_file(call: Call, name: str) -> Raw:
    """Give one static file; with the hash of its content in the query it may be kept for ever."""
    asset = assets().get(name)
    if asset is None:
        raise NotFound
    kept = _FOR_EVER if call.one("v") == asset.version else "no-cache"
    headers = {"Cache-Control": kept, "ETag": f'"{asset.version}"', "Vary": "Accept-Encoding"}
    return Raw(asset.text, asset.content_type, headers=headers)


@routes.get("/favicon.ico", Scope.PUBLIC)
def favicon(_call: Call) -> Raw:
    """Give the icon browsers ask for by themselves."""
    asset = assets()["icon.svg"]
    return Raw(asset.text, asset.content_type, headers={"Cache-Control": "public, max-age=86400", "Vary": "Accept-Encoding"})
