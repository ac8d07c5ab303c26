"""What a report says of its visibility and of who sends it, when it goes to a hospital's platform as HL7.

| asked to mail | MASQUE_PS | INVISIBLE_PATIENT | INVISIBLE_REP_LEGAUX | CONNEXION_SECRETE | DESTDMP |
|---|---|---|---|---|---|
| professional and patient | N | N | N | either | either |
| professional only | N | Y | N | either | either |
| patient only | either | N | either | N | N |

The table is exhaustive for a message that asks for mail; one that asks for the DMP alone, or for nothing, is outside it.

Source: CI-SIS, volet Transmission d'un document CDA en HL7 v2, legal combinations of 21/04/2026.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ris.domain.errors import InvalidInput


@dataclass(frozen=True)
class Flags:
    """The Y/N flags of table MetaDMPMSS, in the guide's order.

    Args:
        dest_dmp: The receiving platform is asked to feed the DMP; `dest_mss_ps`, `dest_mss_pat` to mail the professionals, the patient.
    """

    masque_ps: bool = False
    invisible_patient: bool = False
    invisible_rep_legaux: bool = False
    connexion_secrete: bool = False
    modif_conf_code: bool = False
    dest_dmp: bool = False
    dest_mss_ps: bool = False
    dest_mss_pat: bool = False

    @property
    def delegates(self) -> bool:
        """Tell whether the receiver is asked to send anything: only then are acknowledgements awaited."""
        return self.dest_dmp or self.dest_mss_ps or self.dest_mss_pat

    @property
    def legal(self) -> bool:
        """Tell whether a platform accepts the combination."""
        if not (self.dest_mss_ps or self.dest_mss_pat):
            return True
        if not self.dest_mss_ps:
            return not (self.invisible_patient or self.connexion_secrete or self.dest_dmp)
        return not (self.masque_ps or self.invisible_rep_legaux) and self.invisible_patient != self.dest_mss_pat

    def check(self) -> None:
        """Refuse a combination that no platform accepts.

        Raises:
            InvalidInput: `illegal_combination`.
        """
        if not self.legal:
            raise InvalidInput("illegal_combination", field="MetaDMPMSS")


def legal_part(wanted: Flags) -> Flags:
    """Return what a platform may be asked of what one wants to ask: all of it, or no mail at all, which stays ours."""
    return wanted if wanted.legal else replace(wanted, dest_mss_ps=False, dest_mss_pat=False)
