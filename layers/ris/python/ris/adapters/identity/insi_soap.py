"""INSi over SOAP 1.2 and mutual TLS: WS_INS2, the search by traits, with a structure certificate.

An answer is read by qualified names, since prefixes vary; the HTTP status and the root are looked at before anything else, since the
page of a 503 may be well-formed XML. A question may be asked twice, so nothing here is ever an unknown outcome.

Source: INSi ICIR-v1 (DESIR_ICIR_EXP_1.5.0 WSDL and XSD); national facts on INSi, request headers and result codes.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import Any, TypeVar

import urllib3

from ris.adapters.keys.revocation import code_of
from ris.application.identity.insi_port import InsiAnswer, InsiFound, InsiQuery, InsiRejected, InsiUnavailable
from ris.domain.errors import RemoteRejected, RemoteUnavailable
from ris.domain.identity.ins import Ins

ACTION = "urn:ServiceIdentiteCertifiee:1.0.0:rechercherInsAvecTraitsIdentite"
SOAP = "http://www.w3.org/2003/05/soap-envelope"
WSA = "http://www.w3.org/2005/08/addressing"
RESULT = "http://www.cnamts.fr/INSiResultat"
SIRAM = "urn:siram"
Fault = TypeVar("Fault", InsiUnavailable, InsiRejected)


@dataclass(frozen=True)
class InsiSettings:
    """One environment of INSi.

    Args:
        idam: CNDA authorisation number of the software.
        oid_mapping: OID as answered to OID as we keep it: the test service answers the production OID of the NIR.
    """

    url: str
    idam: str
    software: str
    version: str
    instance: str
    emetteur: str
    oid_mapping: Mapping[str, str]
    connect_timeout_s: float = 5.0
    read_timeout_s: float = 15.0


@dataclass(frozen=True)
class InsiSoap:
    """INSi as one legal entity.

    Args:
        tls_manual: Context whose certificate's CN is INSI-MANU; `tls_automatic` INSI-AUTO.
        new_id: Returns a fresh UUID text at each call.
    """

    settings: InsiSettings
    tls_manual: ssl.SSLContext
    tls_automatic: ssl.SSLContext
    new_id: Callable[[], str]

    def search(self, query: InsiQuery, *, by_person: bool, now: datetime) -> InsiAnswer:
        """See `IdentityService.search`."""
        message = self.new_id()
        request = search_request(query, self.settings, message_id=message, context_ids=(self.new_id(), self.new_id()), now=now)
        status, content = self._post(request, self.tls_manual if by_person else self.tls_automatic)
        try:
            if status in {502, 503, 504}:
                raise RemoteUnavailable(f"insi_{status}")
            return read_answer(content, oid_mapping=self.settings.oid_mapping, message_id=message)
        except RemoteUnavailable as error:
            raise _keeping(InsiUnavailable(error.code, detail=error.detail), content) from None
        except RemoteRejected as error:
            raise _keeping(InsiRejected(error.code, detail=error.detail), content) from None

    def _post(self, content: bytes, tls: ssl.SSLContext) -> tuple[int, bytes]:
        """Post once, without any retry or redirect."""
        timeout = urllib3.Timeout(connect=self.settings.connect_timeout_s, read=self.settings.read_timeout_s)
        headers = {"Content-Type": f'application/soap+xml; charset=utf-8; action="{ACTION}"'}
        with urllib3.PoolManager(ssl_context=tls, retries=False, timeout=timeout) as pool:
            try:
                answer = pool.request("POST", self.settings.url, body=content, headers=headers, redirect=False)
            except urllib3.exceptions.SSLError as error:
                raise RemoteUnavailable(code_of(error, "insi_tls_refused")) from None
            except urllib3.exceptions.HTTPError as failed:
                raise RemoteUnavailable("insi_unreachable", detail=type(failed).__name__) from None
            return answer.status, answer.data


def _keeping(error: Fault, content: bytes) -> Fault:
    """Return the error with the bytes that came: they are kept for the operator, whatever they are."""
    error.raw = content
    return error


def search_request(
    query: InsiQuery, settings: InsiSettings, *, message_id: str, context_ids: tuple[str, str], now: datetime
) -> bytes:
    """Return the envelope of one search: both contexts with the same Emetteur, no wsse:Security."""
    instant = now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{now.microsecond // 1000:03d}Z"
    emetteur = escape(settings.emetteur)
    place = f"<r:LieuNaissance>{escape(query.birth_place_insee)}</r:LieuNaissance>" if query.birth_place_insee else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<s:Envelope xmlns:s="{SOAP}" xmlns:a="{WSA}"><s:Header>'
        f'<b:ContexteBAM xmlns:b="urn:siram:bam:ctxbam" Version="01_02"><b:Id>{context_ids[0]}</b:Id><b:Temps>{instant}</b:Temps>'
        f"<b:Emetteur>{emetteur}</b:Emetteur><b:COUVERTURE/></b:ContexteBAM>"
        f'<l:ContexteLPS xmlns:l="urn:siram:lps:ctxlps" Nature="CTXLPS" Version="01_00"><l:Id>{context_ids[1]}</l:Id>'
        f'<l:Temps>{instant}</l:Temps><l:Emetteur>{emetteur}</l:Emetteur><l:LPS><l:IDAM R="4">{escape(settings.idam)}</l:IDAM>'
        f"<l:Version>{escape(settings.version)}</l:Version><l:Instance>{escape(settings.instance)}</l:Instance>"
        f"<l:Nom>urn:lps:{escape(settings.software)}:{escape(settings.version)}</l:Nom></l:LPS></l:ContexteLPS>"
        f"<a:Action>{ACTION}</a:Action><a:MessageID>uuid:{message_id}</a:MessageID></s:Header><s:Body>"
        '<r:RECSANSVITALE xmlns:r="http://www.cnamts.fr/INSiRecSans">'
        f"<r:NomNaissance>{escape(query.birth_family)}</r:NomNaissance><r:Prenom>{escape(query.birth_given)}</r:Prenom>"
        f"<r:Sexe>{query.sex}</r:Sexe><r:DateNaissance>{query.birth_date}</r:DateNaissance>{place}"
        "</r:RECSANSVITALE></s:Body></s:Envelope>"
    ).encode()


def read_answer(content: bytes, *, oid_mapping: Mapping[str, str], message_id: str) -> InsiAnswer:
    """Return what an answer says.

    Raises:
        RemoteUnavailable: `insi_answer_unreadable`, or a technical fault by its own code.
        RemoteRejected: A fault of rights or configuration by its own code.
    """
    root = _parsed(content)
    _raise_fault(root)
    related = root.findtext(f".//{{{WSA}}}RelatesTo")
    if related is not None and message_id not in str(related):
        raise RemoteUnavailable("insi_answer_unreadable", detail="the answer is for another request")
    code = str(root.findtext(f".//{{{RESULT}}}RESULTAT/{{{RESULT}}}CR/{{{RESULT}}}CodeCR") or "").strip()
    if code not in {"00", "01", "02"}:
        raise RemoteUnavailable("insi_answer_unreadable", detail="no known result code")
    if code != "00":
        return InsiAnswer(code, raw=content)
    person = root.find(f".//{{{RESULT}}}INDIVIDU")
    active = person.find(f"{{{RESULT}}}INSACTIF") if person is not None else None
    if active is None:
        raise RemoteUnavailable("insi_answer_unreadable", detail="00 without an active INS")
    return InsiAnswer("00", _found(person, active, oid_mapping), raw=content)


def _found(person: Any, active: Any, oid_mapping: Mapping[str, str]) -> InsiFound:
    """Read one person; what is missing stays empty, and the domain refuses what it cannot take."""
    traits = person.find(f"{{{RESULT}}}TIQ")

    def said(name: str) -> str:
        return str(traits.findtext(f"{{{RESULT}}}{name}") or "").strip() if traits is not None else ""

    return InsiFound(
        ins=_ins(active, oid_mapping),
        birth_family=said("NomNaissance"),
        birth_given=said("Prenom"),
        birth_given_all=said("ListePrenom"),
        sex=said("Sexe"),
        birth_date=said("DateNaissance"),
        birth_place_insee=said("LieuNaissance"),
        history=tuple(_ins(former, oid_mapping) for former in person.findall(f"{{{RESULT}}}INSHISTO")),
    )


def _ins(node: Any, oid_mapping: Mapping[str, str]) -> Ins:
    """Read one matricule as received, its key included when it came; the OID is the environment's."""
    identifier = f"{{{RESULT}}}IdIndividu/{{{RESULT}}}"
    number = str(node.findtext(identifier + "NumIdentifiant") or "").strip()
    key = str(node.findtext(identifier + "Cle") or "").strip()
    oid = str(node.findtext(f"{{{RESULT}}}OID") or "").strip()
    return Ins(number + key, oid_mapping.get(oid, oid))


def _parsed(content: bytes) -> Any:
    """Return the root of a SOAP answer, or say that it cannot be believed."""
    from lxml import etree

    try:
        root = etree.fromstring(content, etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False))
    except etree.XMLSyntaxError:
        raise RemoteUnavailable("insi_answer_unreadable", detail="not XML") from None
    if root.getroottree().docinfo.doctype or root.tag != f"{{{SOAP}}}Envelope":
        raise RemoteUnavailable("insi_answer_unreadable", detail="not a SOAP envelope")
    return root


def _raise_fault(root: Any) -> None:
    """Raise what a fault means: `desir_5xx` and a Sender are configuration, everything else may be asked again."""
    found = root.find(f".//{{{SOAP}}}Fault")
    if found is None:
        return
    detail = found.find(f".//{{{SIRAM}}}Erreur")
    values = [str(value.text or "").rpartition(":")[2] for value in found.iter(f"{{{SOAP}}}Value")]
    code = str(detail.get("code")) if detail is not None else (values[-1] if values else "insi_fault")
    if code.startswith("desir_5") or "siram_100" in values or "Sender" in values:
        raise RemoteRejected(code)
    raise RemoteUnavailable(code)
