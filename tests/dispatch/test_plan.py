"""The plan of a version: each fact and mark has its consequence on each channel, and a platform gets only what it may be asked."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ris.domain.dispatch.delivery import Delivery, DeliveryState
from ris.domain.dispatch.flags import Flags, legal_part
from ris.domain.errors import InvalidInput
from ris.domain.report.marks import Marks, Reason
from ris.domain.report.plan import PlanFacts, flags_of, planned_rows

NOW = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
FACTS = PlanFacts(
    "26000000001", "nord", 1, "2.25.1", NOW, qualified=True, professionals=("89990005678", "89990009999"), destinations=("HIS", "PACS")
)  # fmt: skip
# The legal rows of the guide, written down once more: MASQUE_PS, INVISIBLE_PATIENT, INVISIBLE_REP, SECRET, DMP, PS, PAT.
LEGAL_ROWS = ("NNN*" + "*YY", "NYN*" + "*YN", "*N*N" + "NNY")


def planned(**changes: Any) -> dict[str, str]:
    """Return what each channel and recipient begins as: the state, and its reason behind a colon."""
    return {
        f"{row.channel}/{row.recipient}": row.state.value + (f":{row.reason}" if row.reason else "")
        for row in planned_rows(replace(FACTS, **changes))
    }


def test_without_any_mark_everything_leaves_and_each_recipient_has_a_row() -> None:
    assert planned() == {
        "dmp/DMP": "pending",
        "mss_professional/89990005678": "pending",
        "mss_professional/89990009999": "pending",
        "mss_patient/PATIENT": "pending",
        "hl7_report/HIS": "pending",
        "hl7_report/PACS": "pending",
    }


@pytest.mark.parametrize(
    ("changes", "dmp", "professional", "patient", "hl7"),
    [
        ({"marks": Marks(withheld=True)}, "held:withheld", "held:withheld", "held:withheld", "held:withheld"),
        ({"marks": Marks(announcement_pending=True)}, "pending", "pending", "held:announcement", "pending"),
        ({"marks": Marks(masked_to_professionals=True)}, "pending", "withdrawn:masked", "pending", "pending"),
        ({"qualified": False}, "held:identity", "pending", "held:identity", "pending"),
        ({"information": ("INO", "IO")}, "withdrawn:opposition", "pending", "pending", "pending"),
        ({"refusals": frozenset({"PATIENT"})}, "pending", "pending", "withdrawn:refusal", "pending"),
        ({"refusals": frozenset({"89990005678"})}, "pending", "withdrawn:refusal", "pending", "pending"),
    ],
)
def test_each_fact_has_its_consequence_on_each_channel(
    changes: dict[str, Any], dmp: str, professional: str, patient: str, hl7: str
) -> None:
    found = planned(**changes)

    assert (found["dmp/DMP"], found["mss_professional/89990005678"], found["mss_patient/PATIENT"], found["hl7_report/HIS"]) == (
        dmp, professional, patient, hl7,
    )  # fmt: skip


def test_a_requester_nobody_can_write_to_is_a_row_to_print_and_no_hole() -> None:
    assert planned(unreachable=frozenset({"89990005678"}))["to_print/89990005678"] == "held:to_print"
    assert planned(professionals=(), unnamed=True)["to_print/REQUESTER"] == "held:to_print"
    assert planned(professionals=("89990005678", "89990005678")).keys() == planned(professionals=("89990005678",)).keys()


PLATFORM = {"who_sends": "platform", "platform": "HIS"}


@pytest.mark.parametrize(
    ("changes", "delegated"),
    [
        ({}, {"dmp/DMP", "mss_professional/89990005678", "mss_professional/89990009999", "mss_patient/PATIENT"}),
        ({"marks": Marks(announcement_pending=True)}, {"dmp/DMP", "mss_professional/89990005678", "mss_professional/89990009999"}),
        ({"refusals": frozenset({"PATIENT"})}, {"dmp/DMP"}),
        ({"qualified": False}, set()),
        ({"marks": Marks(masked_to_professionals=True)}, {"dmp/DMP"}),
        ({"marks": Marks(masked_to_professionals=True), "information": ("IO",)}, {"mss_patient/PATIENT"}),
        ({"marks": Marks(hidden_from_representatives=True)}, {"dmp/DMP"}),
        ({"marks": Marks(withheld=True)}, set()),
        ({"destinations": ("PACS",)}, set()),
    ],
)
def test_a_platform_is_asked_what_it_accepts_and_the_rest_stays_ours(changes: dict[str, Any], delegated: set[str]) -> None:
    found = planned(**PLATFORM, **changes)

    assert {name for name, state in found.items() if state == "delegated"} == delegated
    without = planned(**changes)
    assert all(found[name] == without[name] for name in found.keys() - delegated), (
        "what is not given away is as if it were all ours"
    )


MARKS = st.builds(Marks, *[st.booleans()] * 4)


@given(
    MARKS, st.booleans(), st.frozensets(st.sampled_from(["PATIENT", "89990005678", "89990009999"])), st.sampled_from(["INO", "IO", "NA"]),
    st.sampled_from(["ours", "platform"]), st.sampled_from(list(Reason)),
)  # fmt: skip
def test_every_plan_is_legal_and_says_each_channel_once(
    marks: Marks, qualified: bool, refusals: frozenset[str], information: str, who_sends: str, reason: Reason
) -> None:
    rows = planned_rows(
        replace(
            FACTS,
            marks=marks,
            qualified=qualified,
            refusals=refusals,
            information=(information,),
            who_sends=who_sends,
            reason=reason,
        )
    )

    assert len({(row.channel, row.recipient) for row in rows}) == len(rows)
    for row in rows:
        assert (row.due_at is None) == (row.state is not DeliveryState.PENDING)
        assert bool(row.reason) == (row.state in (DeliveryState.HELD, DeliveryState.WITHDRAWN))
        assert (row.state is DeliveryState.DELEGATED) == (row.who_sends == "platform")
    flags = flags_of(rows, marks, reason)
    flags.check()
    assert flags.modif_conf_code == (reason is Reason.ANNOUNCEMENT)
    sends_now = {row.channel for row in rows if row.state in (DeliveryState.PENDING, DeliveryState.DELEGATED)}
    if marks.withheld:
        assert sends_now == set()
    if marks.announcement_pending or not qualified or "PATIENT" in refusals:
        assert "mss_patient" not in sends_now
    if marks.masked_to_professionals:
        assert "mss_professional" not in sends_now
    if not qualified or information == "IO":
        assert "dmp" not in sends_now
    _never_both(rows)


def _never_both(rows: tuple[Delivery, ...]) -> None:
    for channel in {row.channel for row in rows} - {"hl7_report"}:
        sends = {
            row.who_sends
            for row in rows
            if row.channel == channel and row.state in (DeliveryState.PENDING, DeliveryState.DELEGATED)
        }
        assert len(sends) <= 1, channel


def test_the_legal_combinations_are_the_guides_and_no_other() -> None:
    legal = set()
    for values in itertools.product((False, True), repeat=7):
        word = "".join("Y" if value else "N" for value in values)
        flags = Flags(*values[:4], dest_dmp=values[4], dest_mss_ps=values[5], dest_mss_pat=values[6])
        listed = any(all(shape in ("*", letter) for shape, letter in zip(row, word, strict=True)) for row in LEGAL_ROWS)
        asks_for_mail = values[5] or values[6]
        assert flags.legal == (listed or not asks_for_mail), word
        assert legal_part(flags).legal
        assert legal_part(flags) == flags or not (legal_part(flags).dest_mss_ps or legal_part(flags).dest_mss_pat)
        if flags.legal and asks_for_mail:
            legal.add(word)
        elif asks_for_mail:
            with pytest.raises(InvalidInput, match="illegal_combination"):
                flags.check()
    assert len(legal) == 4 + 4 + 4


def test_a_refused_professional_gets_no_paper_instead_of_the_mail() -> None:
    found = planned(unreachable=frozenset({"89990005678"}), refusals=frozenset({"89990005678"}))

    assert found["mss_professional/89990005678"] == "withdrawn:refusal"
    assert "to_print/89990005678" not in found
