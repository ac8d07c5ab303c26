"""Random histories of an identity against everything that leaves: no INS goes out unless the identity is qualified at that instant."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ris.adapters.agenda.hl7_inbound import Hl7MessageReader
from ris.application.dispatch.send_hl7 import send_again
from ris.application.identity.insi_port import InsiAnswer, InsiUnavailable
from ris.application.identity.sweep_identity import sweep_identity
from ris.application.identity.update_patient import update_patient
from ris.domain.errors import InvalidInput, OutcomeUnknown, Refused, RemoteUnavailable
from ris.domain.identity.events import (
    AttributeCleared,
    AttributeSet,
    ComplementaryTraitEdited,
    IdentityEvent,
    InsiAccepted,
    InsiDeclined,
    ProofWithdrawn,
    StrictTraitEdited,
    VerificationFailed,
    VitaleApplicationRead,
)
from ris.domain.identity.ins import OID_NIA, OID_NIR_TEST, Ins
from ris.domain.identity.patient import TraitsChange
from ris.domain.identity.rniv import is_blocked
from ris.domain.identity.status import IdentityStatus
from tests.support.agenda import GROUP
from tests.support.emitters import CARRY_THE_INS_WHEN_QUALIFIED, EMITTERS
from tests.support.hl7 import adt
from tests.support.identity import ZOE, Desk, segment_of, triggers, zoe

FOUND = [
    ZOE,
    replace(ZOE, ins=Ins("297022A02077878", OID_NIR_TEST)),
    replace(ZOE, ins=Ins("109076322088835", OID_NIA), birth_given_all="ZOE MARIE"),
    replace(ZOE, history=(Ins("109076322088835", OID_NIA),)),
    replace(ZOE, birth_family="ADRUNE"),
    replace(ZOE, birth_date="1975-12-00"),
]
MATRICULES = {found.ins.matricule for found in FOUND}
FAMILIES = st.sampled_from(["ADRUN", "ADRUNE", "D'ADRUN"])
MARKS = st.sampled_from(["homonyme", "douteuse", "fictive"])


class Histories(RuleBasedStateMachine):
    """One patient, every event in any order, a queue that sometimes fails, messages that wait and go later."""

    @initialize()
    def a_desk(self) -> None:
        self.desk = Desk()
        self.desk.patients.save(zoe())
        self.left_qualified: set[str] = set()
        self.checked = 0

    def say(self, event: IdentityEvent) -> None:
        with contextlib.suppress(Refused, InvalidInput):
            self.desk.say(event, may_correct=True)

    def who(self) -> dict[str, object]:
        return {"at": self.desk.later(minutes=1), "by": "acc", "site": "nord"}

    @rule(found=st.sampled_from(FOUND), code=st.sampled_from(["00", "00", "00", "01", "02"]), by_person=st.booleans())
    def insi_answers(self, found, code, by_person):
        self.desk.later(minutes=1)
        self.desk.insi.script = [InsiAnswer(code, found if code == "00" else None)] * 4
        with contextlib.suppress(Refused, InvalidInput):
            self.desk.ask(by_person=by_person)

    @rule()
    def insi_is_down(self):
        self.desk.later(hours=1)
        self.desk.insi.script = [InsiUnavailable("insi_503")]
        with contextlib.suppress(Refused, InvalidInput):
            self.desk.ask()

    @rule(accepts=st.booleans())
    def a_person_decides(self, accepts):
        record = self.desk.patient().insi
        if record is not None:
            kind = InsiAccepted if accepts else InsiDeclined
            self.say(kind(**self.who(), asked_at=record.asked_at))

    @rule(code=st.sampled_from(["CN", "PA", "PC"]))
    def a_document(self, code):
        self.desk.later(minutes=1)
        with contextlib.suppress(Refused):
            self.desk.document(code)

    @rule()
    def the_proof_falls(self):
        self.say(ProofWithdrawn(**self.who()))

    @rule(family=FAMILIES)
    def a_strict_trait_is_edited(self, family):
        self.say(StrictTraitEdited(**self.who(), change=TraitsChange(birth_family=family)))

    @rule(used=st.sampled_from(["DURAND", "Çelik"]))
    def a_used_name_is_edited(self, used):
        self.say(ComplementaryTraitEdited(**self.who(), change=TraitsChange(used_family=used)))

    @rule(mark=MARKS)
    def a_mark_is_set(self, mark):
        self.say(AttributeSet(**self.who(), attribute=mark))

    @rule(mark=MARKS)
    def a_mark_is_cleared(self, mark):
        self.say(AttributeCleared(**self.who(), attribute=mark))

    @rule()
    def a_verification_fails(self):
        self.say(VerificationFailed(**self.who(), reason="third_party"))

    @rule(found=st.sampled_from(FOUND))
    def the_vitale_application_is_read(self, found):
        self.say(VitaleApplicationRead(**self.who(), found=found))

    @rule(family=FAMILIES)
    def another_system_announces(self, family):
        frame = adt(ipp="IPP-1", pid_5=f"{family}^ZOE^^^^^L")
        said = Hl7MessageReader().read(frame, "UNICODE UTF-8", GROUP.sites[0]).patient
        update_patient(self.desk.patients, said, site="nord", new_id=lambda: "never", now=self.desk.later(minutes=1))

    @rule(failure=st.sampled_from([RemoteUnavailable("cloud_unavailable"), OutcomeUnknown("perhaps")]), count=st.integers(1, 3))
    def the_queue_fails(self, failure, count):
        self.desk.gate._failures += [failure] * count

    @rule(hours=st.integers(1, 48))
    def the_sweep_comes(self, hours):
        self.desk.later(hours=hours)
        sweep_identity(self.desk.record, self.desk.applying, "nord", self.desk.now)
        self.desk.run()
        for row in self.desk.deliveries.due("nord", now=self.desk.now, limit=100):
            send_again(self.desk.sending, row, self.desk.now)

    @invariant()
    def no_ins_leaves_unless_qualified(self):
        patient = self.desk.patient()
        allowed = {patient.ins.matricule} if patient.status is IdentityStatus.QUALIFIEE and patient.ins else set()
        for name, emit in EMITTERS.items():
            text = emit(patient)
            carried = {matricule for matricule in MATRICULES if matricule in text}
            assert carried <= allowed, name
            assert carried == allowed or name not in CARRY_THE_INS_WHEN_QUALIFIED, name

    @invariant()
    def no_message_carries_an_ins_unless_qualified_when_it_left(self):
        patient = self.desk.patient()
        allowed = {patient.ins.matricule} if patient.status is IdentityStatus.QUALIFIEE and patient.ins else set()
        for message in self.desk.sent()[self.checked :]:
            deletes = triggers([message]) == ["A47"]
            named = {matricule for matricule in MATRICULES if matricule in "|".join(segment_of(message, "MRG"))}
            carried = {
                matricule for matricule in MATRICULES if matricule in message.replace("|".join(segment_of(message, "MRG")), "")
            }
            assert carried <= allowed
            # What a deletion names had left while it was qualified, or would have, had the queue not failed.
            assert deletes is bool(named)
            assert (segment_of(message, "PID")[32].split("~")[0] == "VALI") or not carried
        self.checked = len(self.desk.gate.sent)

    @invariant()
    def the_status_is_what_its_facts_say(self):
        patient = self.desk.patient()
        proven = patient.proof is not None and patient.proof.high_trust
        expected = {(False, False): "PROV", (True, False): "RECUP", (False, True): "VALI", (True, True): "QUAL"}
        assert expected[(patient.ins is not None, proven)] == patient.status.value
        assert (patient.ins is None) is (patient.strict is None)
        if is_blocked(patient):
            assert "PROV" == patient.status.value
            assert patient.due_at is None

    @invariant()
    def the_history_leads_from_provisional_to_the_present(self):
        lines = sorted(self.desk.patients.history("p-1", limit=999), key=lambda line: line.at)
        states = ["PROV", *(line.after.value for line in lines)]
        assert [line.before.value for line in lines] == states[:-1]
        assert states[-1] == self.desk.patient().status.value

    def teardown(self) -> None:
        """In the end, when everything works again, the PACS has the INS exactly when the identity is qualified."""
        if not hasattr(self, "desk"):
            return
        self.desk.gate._failures.clear()
        for _ in range(4):
            self.the_sweep_comes(2)
        held: str | None = None
        for message in self.desk.sent():
            ins = [each for each in segment_of(message, "PID")[3].split("~") if each.endswith("^INS")]
            held = None if triggers([message]) == ["A47"] else held
            held = next((each.split("^")[0] for each in ins if not each.startswith('""')), held)
        patient = self.desk.patient()
        expected = patient.ins.matricule if patient.status is IdentityStatus.QUALIFIEE and patient.ins else None
        assert expected == held
        if self.desk.sent():
            told = segment_of(self.desk.sent()[-1], "PID")[32].split("~")[0] == "VALI"
            assert told is (patient.status in (IdentityStatus.VALIDEE, IdentityStatus.QUALIFIEE))


TestHistories = pytest.mark.segur("INS.37", "INS.42", "INS.43", "INS.44", "INS.45")(Histories.TestCase)
TestHistories.settings = settings(max_examples=60, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.segur("INS.37")
@pytest.mark.parametrize("status", [IdentityStatus.PROVISOIRE, IdentityStatus.RECUPEREE, IdentityStatus.VALIDEE])
@pytest.mark.parametrize("name", EMITTERS)
def test_each_emitter_leaves_the_ins_out_and_carries_it_when_it_should(status: IdentityStatus, name: str) -> None:
    patient = Desk().qualify()
    assert (name in CARRY_THE_INS_WHEN_QUALIFIED) is (ZOE.ins.matricule in EMITTERS[name](patient))

    assert ZOE.ins.matricule not in EMITTERS[name](replace(patient, status=status))
