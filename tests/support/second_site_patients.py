"""The patients of the second site, as its hospital sends them and INSi knows them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from infra.local.demo import group

SKULL, BREAST = "ACQK001", "QEQM001"
"""An exam of the scanner that asks nothing, and one of the other room."""
UNREACHABLE = "99900090038^PAPIER^SIMONE"
"""A requester whom the directory has no address for, as `RPPS^family^given`."""
INSI_COLUMNS = (
    "birth_family;birth_given;birth_given_all;sex;birth_date;birth_place;number;key;oid;answers_to;outcome;history;leaves_out"
)
_NIR, _PLACE = "1.2.250.1.213.1.4.8", "63113"
_DOMAIN = "CIM-SUD&1.2.250.1.99999.2&ISO"


@dataclass(frozen=True)
class Patient:
    """A woman whom the hospital sends and INSi knows.

    Args:
        number: Makes her numbers.
        born: `YYYY-MM-DD`.
        exam: What was ordered for her.
        requester: `RPPS^family^given` of who ordered.
    """

    number: int
    family: str
    given: str
    born: str
    exam: str = SKULL
    requester: str = "99999999990^EXEMPLE^LUC"

    @property
    def ipp(self) -> str:
        """Return her number at the site."""
        return f"IPP-SUD-{self.number:04d}"

    @property
    def placer_order(self) -> str:
        """Return the number of her order."""
        return f"OPN-SUD-{self.number:04d}"

    @property
    def matricule(self) -> str:
        """Return her INS: number and key."""
        number = f"2{self.born[2:4]}{self.born[5:7]}{_PLACE}{self.number:03d}"
        return f"{number}{97 - int(number) % 97:02d}"

    @property
    def insi_row(self) -> str:
        """Return her line in a file of INSi."""
        number, key = self.matricule[:13], self.matricule[13:]
        return f"{self.family};{self.given};{self.given};F;{self.born};{_PLACE};{number};{key};{_NIR};;00;;"

    @property
    def datamatrix(self) -> tuple[str, ...]:
        """Return the INS code of a document of hers, in pieces: GS stands between them."""
        born = date.fromisoformat(self.born)
        return (
            f"IS01{'0' * 22}S1{self.matricule}S2{_NIR}",
            f"S3{self.given}",
            f"S4{self.family}",
            f"S5FS6{born:%d-%m-%Y}S7{_PLACE}",
        )

    def messages(self) -> tuple[str, str]:
        """Return ADT^A04 and ORM^O01."""
        n, code, born = self.number, group.exam(self.exam), self.born.replace("-", "")
        who = f"8{self.requester}^^^^^^ASIP-SANTE-PS&1.2.250.1.71.4.2.1&ISO^D^^^IDNPS"
        adt = (
            f"MSH|^~\\&|DPI-SUD|CH-SUD|RIS|CIM|20260112081500||ADT^A04^ADT_A01|ADTSUD{n:04d}|P|2.5^FRA^2.11|||||FRA|UNICODE UTF-8|FR||2.11^IHE_FRANCE-2.11-PAM",
            "EVN||20260112081500||||20260112081500",
            f"PID|1||{self.ipp}^^^{_DOMAIN}^PI||{self.family}^{self.given}^{self.given}^^^^L||{born}|F|||1 RUE DU TEST^^ESSAI^^63500^FRA^H~^^^^^^BDL^^{_PLACE}||^PRN^PH^^^^^^^^^01990000{n:02d}|||||NDA-SUD-{n:04d}^^^{_DOMAIN}^AN|||||||||||||N|VIDE",
            f"PV1|1|O|IMAGERIE^^^CIM-SUD|||||{who}|||||||||||V-SUD-{n:04d}^^^{_DOMAIN}^VN|||||||||||||||||||||||||20260112081500",
            f"ZBE|MV-SUD-{n}^CIM-SUD^1.2.250.1.99999.2^ISO|20260112081500||INSERT|N||IMAGERIE^^^^^CIM-SUD^UF^^^6200|IMAGERIE^^^^^CIM-SUD^UF^^^6200|HMS",
        )
        order = f"{self.placer_order}^^1.2.250.1.99999.8^ISO"
        orm = (
            f"MSH|^~\\&|DPI-SUD|CH-SUD|RIS|CIM|20260112090000||ORM^O01^ORM_O01|ORMSUD{n:04d}|P|2.5.1|||||FRA|UNICODE UTF-8",
            f"PID|||{self.ipp}^^^{_DOMAIN}^PI||{self.family}^{self.given}^^^^^L||{born}|F||||||||||||||||||||||||VIDE",
            "PV1||O",
            f"ORC|NW|{order}|||||||20260112090000|||{who}",
            f"OBR|1|{order}||{self.exam}^{code['label']}^CCAM|||||||||Céphalées (fictif)|||8{self.requester}",
        )
        return "\r".join(adt) + "\r", "\r".join(orm) + "\r"


PATIENTS = {
    name: Patient(number, f"ESSAI-{name.upper()}", given, born, **more)
    for number, (name, given, born, more) in enumerate(
        (
            ("place", "ANNE", "1961-02-03", {}),
            ("absente", "BERTHE", "1962-03-04", {}),
            ("arrivee", "CELINE", "1963-04-05", {"exam": "ZBQK001"}),
            ("passante", "DENISE", "1964-05-06", {"exam": BREAST}),
            ("disputee", "EDITH", "1965-06-07", {"requester": UNREACHABLE}),
            ("rivale", "KARINE", "1971-12-13", {}),
            ("appelee", "FANNY", "1966-07-08", {}),
            ("faite", "LAURE", "1972-01-14", {}),
            ("inconnue", "GILDA", "1967-08-09", {}),
            ("panne", "HELENE", "1968-09-10", {}),
            ("dictee", "IRENE", "1969-10-11", {}),
            ("lettre", "JULIE", "1970-11-12", {"requester": UNREACHABLE}),
        ),
        1,
    )
}
"""One for each thing that is done, by its name."""
