"""What INSi refuses: the rules of a call by software certificate, in the order in which the real service could notice.

A fault's `code` and Subcode are those seen in public: `desir_550` with `siram_100` for an unknown authorisation number, `desir_560`
for a certificate without the right, of which Code and Subcode are not public. A request that breaks the contract has no public code:
it is answered `siram_100` (configuration) with a text that names the rule.

Source: INSi ICIR-v1, contexts BAM 01_02 and LPS 01_00; WSDL DESIR_ICIR_EXP_1.5.0.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape
from typing import Any

from lxml import etree

from infra.local.services.insi_people import Traits
from infra.local.services.soap import SOAP, WSA, WSSE, Fault, content_type_parameters, only, parse, parts, text
from infra.local.services.soap_door import Call

OPERATION = "rechercherInsAvecTraitsIdentite"
ACTION = f"urn:ServiceIdentiteCertifiee:1.0.0:{OPERATION}"
BAM = "urn:siram:bam:ctxbam"
LPS = "urn:siram:lps:ctxlps"
REQUEST = "http://www.cnamts.fr/INSiRecSans"
COMMON_NAMES = frozenset({"INSI-AUTO", "INSI-MANU"})
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?")
_NAME = re.compile(r"(?![ -])[A-Z' -]+")
_TRAITS = ("NomNaissance", "Prenom", "Sexe", "DateNaissance", "LieuNaissance")
_FORMS = {
    "Sexe": re.compile(r"[MF]"),
    "DateNaissance": re.compile(r"\d{4}-\d\d-\d\d"),
    "LieuNaissance": re.compile(r"[A-Za-z0-9]{5}"),
}


@dataclass(frozen=True)
class Question:
    """A search that may be answered."""

    traits: Traits
    message_id: str


def fault(code: str, text_: str, *, sender: bool, subcode: str, severity: str, message: str = "") -> Fault:
    """Return a fault in the shape of the real ones: `siram:Erreur` in the Detail, French under `xml:lang="en"`."""
    identified = f' messageID="{escape(message)}"' if message else ""
    detail = f'<siram:Erreur xmlns:siram="urn:siram" severite="{severity}" code="{code}"{identified}>{escape(text_)}</siram:Erreur>'
    return Fault("Sender" if sender else "Receiver", text_, f"soap:{subcode}" if subcode else "", detail)


def known_fault(code: str) -> Fault:
    """Return one of the faults seen in public, by its code."""
    texts = {
        "desir_550": "Le numéro d'autorisation du logiciel n'est pas connu.",
        "desir_560": "Droits insuffisants pour appeler ce service.",
        "insi_101": "Le service de recherche par traits est indisponible.",
        "insi_102": "Le service de recherche des identités est indisponible. Veuillez renouveler votre demande ultérieurement.",
    }
    if code == "desir_550":
        return fault(code, texts[code], sender=True, subcode="siram_100", severity="erreur")
    if code == "desir_560":
        return fault(code, texts[code], sender=False, subcode="", severity="erreur")
    return fault(code, texts.get(code, "Erreur technique."), sender=False, subcode="siram_40", severity="fatal")


def accept(call: Call, *, idams: frozenset[str]) -> Question:
    """Return what is asked.

    Args:
        idams: Authorisation numbers that are known.

    Raises:
        Fault: With the code of the first rule broken.
    """
    if call.common_name not in COMMON_NAMES:
        raise known_fault("desir_560")
    kind, parameters = content_type_parameters(call.headers.get("content-type", ""))
    _must(call.method == "POST", "Seul POST est accepté")
    _must(kind == "application/soap+xml" and parameters.get("charset", "").lower() == "utf-8", "Content-Type inattendu")
    _must(parameters.get("action") == ACTION, "Le paramètre action du Content-Type n'est pas celui de l'opération")
    try:
        root = parse(call.body)
        header, body = parts(root)
    except Fault as malformed:
        raise _refusal(malformed.reason) from None
    _must(root.tag == f"{{{SOAP}}}Envelope", "SOAP 1.2 est attendu")
    _check_header(header, call.structure, idams)
    _must(body.tag == f"{{{REQUEST}}}RECSANSVITALE", "Le corps n'est pas RECSANSVITALE")
    return Question(_traits(body), text(header, f"{{{WSA}}}MessageID"))


def _check_header(header: Any, structure: str, idams: frozenset[str]) -> None:
    """Check addressing, both contexts and the absence of an assertion."""
    action, message = only(header, f"{{{WSA}}}Action"), only(header, f"{{{WSA}}}MessageID")
    _must(action is not None and str(action.text).strip() == ACTION, "Exactement un wsa:Action, celui de l'opération, est attendu")
    _must(
        message is not None and re.fullmatch(r"(uuid:)?[0-9A-Fa-f-]{36}", str(message.text or "").strip()) is not None,
        "Exactement un wsa:MessageID est attendu : un UUID",
    )
    _must(header.find(f"{{{WSSE}}}Security") is None, "wsse:Security est interdit avec un certificat logiciel")
    bam, lps = only(header, f"{{{BAM}}}ContexteBAM"), only(header, f"{{{LPS}}}ContexteLPS")
    _must(bam is not None and bam.get("Version") == "01_02", "Un ContexteBAM en version 01_02 est attendu")
    _must(lps is not None and lps.get("Version") == "01_00", "Un ContexteLPS en version 01_00 est attendu")
    _must(lps.get("Nature") in {None, "CTXLPS"}, "La nature du ContexteLPS est CTXLPS")
    _must(only(bam, f"{{{BAM}}}COUVERTURE") is not None, "COUVERTURE est toujours présent")
    for context, namespace in ((bam, BAM), (lps, LPS)):
        _must(bool(text(context, f"{{{namespace}}}Id")), "Chaque contexte a un Id")
        _must(_INSTANT.fullmatch(text(context, f"{{{namespace}}}Temps")) is not None, "Temps est un xsd:dateTime")
        _must(text(context, f"{{{namespace}}}Emetteur") == structure, "Emetteur est le OU du certificat, dans les deux contextes")
    software = only(lps, f"{{{LPS}}}LPS")
    idam = only(software, f"{{{LPS}}}IDAM") if software is not None else None
    _must(idam is not None and idam.get("R") == "4", 'IDAM avec R="4" est attendu')
    _must(
        bool(text(software, f"{{{LPS}}}Version") and text(software, f"{{{LPS}}}Instance")),
        "Version et Instance du LPS sont attendues",
    )
    if str(idam.text or "").strip() not in idams:
        raise known_fault("desir_550")


def _traits(body: Any) -> Traits:
    """Return the traits, which are refused rather than put right."""
    names = [etree.QName(node).localname for node in body if isinstance(node.tag, str)]
    _must(
        all(etree.QName(node).namespace == REQUEST for node in body if isinstance(node.tag, str))
        and names == [name for name in _TRAITS if name in names],
        "Les éléments de RECSANSVITALE sont inattendus, répétés ou dans un autre ordre",
    )
    said = {name: str(body.findtext(f"{{{REQUEST}}}{name}") or "") for name in _TRAITS}
    _must(all(said[name] for name in _TRAITS[:4]), "Nom, prénom, sexe et date de naissance sont obligatoires")
    for name in ("NomNaissance", "Prenom"):
        _must(
            _NAME.fullmatch(said[name]) is not None and not re.search(r" ['-]|['-] |  |''|---", said[name]),
            f"{name} : majuscules sans accent, espace, apostrophe et tiret seulement",
        )
    _must("--" not in said["Prenom"] and said["Prenom"][-1] not in " -'", "Prenom : ni double tiret ni signe à la fin")
    for name, form in _FORMS.items():
        _must(not said[name] or form.fullmatch(said[name]) is not None, f"{name} n'a pas la forme attendue")
    return Traits(said["NomNaissance"], said["Prenom"], said["Sexe"], said["DateNaissance"], said["LieuNaissance"])


def _must(holds: bool, rule: str) -> None:
    """Refuse by the name of a rule."""
    if not holds:
        raise _refusal(rule)


def _refusal(rule: str) -> Fault:
    return fault("siram_100", rule, sender=True, subcode="siram_100", severity="erreur")
