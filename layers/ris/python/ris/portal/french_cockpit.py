"""French words of the pages of the group's IT."""

from __future__ import annotations

from typing import Final

WORDS: Final[dict[str, str]] = {
    "remote.insi": "INSi",
    "remote.dmp": "Le DMP",
    "remote.mss": "La messagerie MSSanté",
    "gateway.silent": "Silencieuse",
    "gateway.spool_late": "Ne transmet plus",
    "gateway.spool_refuses": "Disque plein ou en panne",
    "gateway.feed_late": "Sans nouvelles du nuage",
}
_KINDS: Final[dict[str, str]] = {
    "insi-manu": "INSi, demandes d’une personne",
    "insi-auto": "INSi, demandes d’une machine",
    "dmp": "DMP, connexion (AUTH_CLI)",
    "sign-certificate": "Signature (SIGN)",
}
_SHARED: Final[dict[str, str]] = {
    "group-provider": "Autorité du fournisseur d’identité du groupe",
    "pro-sante-connect": "Autorité de Pro Santé Connect",
}


def certificate(name: str) -> str:
    """Return what a watched certificate is for; `#2` and so on are the authorities beside it in the same secret."""
    secret, _, number = name.partition("#")
    owner, _, kind = secret.rpartition("/")
    if owner == "mailbox":
        text = f"Messagerie du site {kind}"
    elif kind in _KINDS:
        text = f"{_KINDS[kind]}, entité {owner}"
    else:
        text = _SHARED.get(secret, secret)
    return f"{text}, autorité" if number and secret not in _SHARED else text


def is_authority(name: str) -> bool:
    """Tell whether a watched certificate is an authority's, which nobody here renews."""
    return "#" in name or name in _SHARED


def lasting(seconds: float) -> str:
    """Return a length of time for reading: `40 s`, `12 min`, `3 h 05`, `4 jours`."""
    whole = int(seconds)
    if whole < 120:
        return f"{whole} s"
    if whole < 7200:
        return f"{whole // 60} min"
    if whole < 172_800:
        return f"{whole // 3600} h {whole % 3600 // 60:02}"
    return f"{whole // 86_400} jours"
