"""One patient as the group knows them.

Traits are kept as their source wrote them; a change is three-valued (HL7 2.5 §2.5.3): absent leaves the stored value,
`""` erases it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import Enum

from ris.domain.identity.ins import Ins, StrictTraits
from ris.domain.identity.insi import InsiRecord, Proof
from ris.domain.identity.status import IdentityStatus as IdentityStatus


class Erased(Enum):
    """The sender asked for the value to be erased (HL7 null `""`)."""

    ERASED = '""'


ERASED = Erased.ERASED


@dataclass(frozen=True)
class Identifier:
    """An identifier is a value *and* the authority that gave it.

    Args:
        value: As its authority writes it, never cut.
        authority: OID of the assigning authority, or its local name when it has no OID.
        kind: HL7 table 0203 type: `PI` (IPP), `AN` (NDA), `VN` (visit), `INS`.
    """

    value: str
    authority: str
    kind: str


@dataclass(frozen=True)
class Traits:
    """What says who a person is, as received. Birth names and INSEE codes are the strict traits of the RNIV.

    Args:
        birth_family: Nom de naissance.
        birth_given: First birth given name.
        birth_given_all: All birth given names, space separated; empty when not given.
        used_family: Nom utilise; empty when not given.
        used_given: Prenom utilise; empty when not given.
        birth_date: Civil date, or None when unknown or impossible (then `birth_date_text` keeps what was sent).
        birth_date_text: The characters received for the date.
        sex: `M`, `F`, or `U` when neither was given.
        birth_place_insee: Five-character INSEE code, empty when not given.
        phone: As received.
    """

    birth_family: str
    birth_given: str
    birth_given_all: str = ""
    used_family: str = ""
    used_given: str = ""
    birth_date: date | None = None
    birth_date_text: str = ""
    sex: str = "U"
    birth_place_insee: str = ""
    phone: str = ""


Change = str | Erased | None
"""A new value, ERASED, or None: leave it as it is."""


@dataclass(frozen=True)
class TraitsChange:
    """What one message says of a person's traits; None everywhere means "says nothing"."""

    birth_family: Change = None
    birth_given: Change = None
    birth_given_all: Change = None
    used_family: Change = None
    used_given: Change = None
    birth_date: Change = None
    sex: Change = None
    birth_place_insee: Change = None
    phone: Change = None


@dataclass(frozen=True)
class Patient:
    """One patient row.

    Args:
        patient_id: Ours: `[A-Za-z0-9_.-]+`, opaque, safe in a URL.
        identifiers: IPP of each domain, unique by (value, authority).
        sites: Sites where the patient was announced; rights are read from them.
        version: Grows by one at each write; a write names the version it read.
        consents: PAM-FR segment ZFA, `ZFA-1` to `ZFA-12` as received (`ZFA-9` feeding the DMP, `ZFA-11` consulting it).
        capture: PAM-FR segment ZFD, `ZFD-1` to `ZFD-8` as received: how the identity was captured and on which proof.
        reliability: PID-32 as the sender last announced it (`VIDE`, `PROV`, `VALI`, and `HOMA`, `FICT`, `DOUT`); `status` is ours.
        ins: Kept once an answer of INSi was accepted; it leaves only through `ins.qualified`.
        strict: The strict traits that came with it.
        insi: The last question to INSi and what became of it.
        proof: The last identity document recorded.
        attributes: `homonyme`, `douteuse`, `fictive`.
        due_at: When INSi is asked again without anybody; `due_site` is the site that asks.
        refusals: Who gets no mail, as the patient wants it: `PATIENT` themselves, or the RPPS of a professional.
        announced: Number of the last announcement to the partners; `deleted` of the last that deleted an INS there.
    """

    patient_id: str
    traits: Traits
    identifiers: tuple[Identifier, ...] = ()
    status: IdentityStatus = IdentityStatus.PROVISOIRE
    sites: frozenset[str] = frozenset()
    version: int = 0
    updated_at: datetime | None = None
    consents: dict[str, str] = field(default_factory=dict)
    capture: dict[str, str] = field(default_factory=dict)
    reliability: tuple[str, ...] = ()
    ins: Ins | None = None
    strict: StrictTraits | None = None
    insi: InsiRecord | None = None
    proof: Proof | None = None
    attributes: frozenset[str] = frozenset()
    due_at: datetime | None = None
    due_site: str = ""
    announced: int = 0
    deleted: int = 0
    refusals: frozenset[str] = frozenset()

    def ipp(self, authority: str) -> str:
        """Return the IPP in that domain, or an empty string."""
        return next((i.value for i in self.identifiers if i.kind == "PI" and i.authority == authority), "")

    def at(self, version: int, *, updated_at: datetime) -> Patient:
        """Return the same patient as the next version to be written."""
        return replace(self, version=version, updated_at=updated_at)
