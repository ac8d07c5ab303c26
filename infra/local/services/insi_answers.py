"""INSi's answers: the same content under prefixes that change from one answer to the next, as in the official samples."""

from __future__ import annotations

from html import escape

from infra.local.services.insi_people import Person
from infra.local.services.insi_rules import ACTION
from infra.local.services.soap import SOAP, WSA

RESULT = "http://www.cnamts.fr/INSiResultat"
LABELS = {"00": "OK", "01": "Aucune identité trouvée", "02": "Plusieurs identités trouvées"}
PREFIXES = (("S", "r"), ("soapenv", "ns2"), ("env", ""), ("s", "insi"))


def answer(
    code: str,
    person: Person | None,
    *,
    related: str,
    turn: int,
    changed: dict[str, str | None] | None = None,
) -> bytes:
    """Return the envelope of a result.

    Args:
        turn: Number of the answer; it chooses the prefixes.
        changed: Elements of TIQ answered otherwise; None leaves one out.
    """
    soap, result = PREFIXES[turn % len(PREFIXES)]
    body = _result(code, person, f"{result}:" if result else "", changed or {})
    declared = f' xmlns:{result}="{RESULT}"' if result else f' xmlns="{RESULT}"'
    opening = f"{result}:RESULTAT" if result else "RESULTAT"
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<{soap}:Envelope xmlns:{soap}="{SOAP}" xmlns:wsa="{WSA}"><{soap}:Header><wsa:Action>{ACTION}Response</wsa:Action>'
        f"<wsa:RelatesTo>{escape(related)}</wsa:RelatesTo></{soap}:Header>"
        f"<{soap}:Body><{opening}{declared}>{body}</{opening}></{soap}:Body></{soap}:Envelope>"
    ).encode()


def _result(code: str, person: Person | None, prefix: str, changed: dict[str, str | None]) -> str:
    def element(name: str, content: str) -> str:
        return f"<{prefix}{name}>{content}</{prefix}{name}>"

    def ins(name: str, number: str, key: str, oid: str) -> str:
        identifier = element("NumIdentifiant", escape(number)) + (element("Cle", escape(key)) if key else "")
        return element(name, element("IdIndividu", identifier) + element("OID", escape(oid)))

    report = element("CR", element("CodeCR", code) + element("LibelleCR", escape(LABELS.get(code, code))))
    if person is None:
        return report
    tiq: dict[str, str | None] = {**person.tiq, **dict.fromkeys(person.leaves_out), **changed}
    traits = "".join(element(name, escape(value)) for name, value in tiq.items() if value)
    former = "".join(ins("INSHISTO", number, key, person.oid) for number, key in person.history)
    return report + element("INDIVIDU", ins("INSACTIF", person.number, person.key, person.oid) + former + element("TIQ", traits))
