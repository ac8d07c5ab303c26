"""What is said before validation is what validation plans, for each fact, with who mends it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ris.adapters.dispatch.directory import MemoryDirectory
from ris.adapters.reference.memory import MemoryReferenceBook
from ris.application.dispatch.mail_port import DirectoryMailbox
from ris.application.report import expected_channels as expected_channels_module
from ris.application.report.channel_plan import plan_facts
from ris.application.report.content import content_of
from ris.application.report.expected_channels import Asked, ExpectedChannel, expected_channels
from ris.application.report.withhold import withhold
from ris.domain.agenda.request import Prescriber
from ris.domain.dispatch.delivery import DeliveryState
from ris.domain.identity.patient import IdentityStatus
from ris.domain.report.marks import Marks, Reason
from ris.domain.report.plan import planned_rows
from ris.portal.french_expected import MENDING, REASONS, address_sentence, mend_sentence, state_sentence
from tests.support.reports import ACCESSION, GROUP, NOW, ReportWorld, a_request

REQUESTER, COPY = "89990005678", "89990009999"
OWN = DirectoryMailbox("luc.exemple@demo.mssante.fr", "PER", rpps=REQUESTER, structure="990009999")


def asked(world: ReportWorld, **changes: Any) -> Asked:
    """Return what the editor asks for the world's exam."""
    return replace(Asked("nord", world.patient, world.rows.requests["r-1"], world.exam, recipients=(COPY,)), **changes)


def of(lines: tuple[ExpectedChannel, ...], channel: str, recipient: str) -> ExpectedChannel:
    """Return one line."""
    return next(line for line in lines if (line.channel, line.recipient) == (channel, recipient))


def with_directory(*mailboxes: DirectoryMailbox) -> ReportWorld:
    """Return a world whose directory knows these mailboxes alone."""
    world = ReportWorld()
    world.s = replace(world.s, directory=MemoryDirectory(*mailboxes))
    return world


def test_everything_leaves_and_the_mailbox_that_was_chosen_is_shown() -> None:
    world = ReportWorld()

    lines = expected_channels(world.s, asked(world))

    assert {line.state for line in lines} == {DeliveryState.PENDING}
    assert {line.reason for line in lines} == {line.mend for line in lines} == {""}
    line = of(lines, "mss_professional", REQUESTER)
    assert (line.address, line.source, line.red_listed) == ("luc.exemple@demo.mssante.fr", "directory", False)
    assert [line.address for line in lines if line.channel not in ("mss_professional",)] == [""] * (len(lines) - 2)


@pytest.mark.parametrize(
    ("changes", "channel", "recipient", "state", "reason", "mend"),
    [
        ({"patient": None}, "dmp", "DMP", "held", "identity", "qualify_identity"),
        ({"patient": None}, "mss_patient", "PATIENT", "held", "identity", "qualify_identity"),
        ({"marks": Marks(announcement_pending=True)}, "mss_patient", "PATIENT", "held", "announcement", "announce"),
        ({"marks": Marks(withheld=True)}, "dmp", "DMP", "held", "withheld", "release"),
        ({"marks": Marks(masked_to_professionals=True)}, "mss_professional", REQUESTER, "withdrawn", "masked", "unmask"),
        ({"request": None}, "mss_professional", "REQUESTER", "withdrawn", "no_requester", "name_requester"),
        (
            {"request": a_request(prescriber=Prescriber("", "EXEMPLE", "LUC"))},
            "to_print",
            "REQUESTER",
            "held",
            "to_print",
            "name_requester",
        ),
    ],
)
def test_each_obstacle_has_its_reason_and_who_mends_it(
    changes: dict[str, Any], channel: str, recipient: str, state: str, reason: str, mend: str
) -> None:
    world = ReportWorld()

    line = of(expected_channels(world.s, asked(world, **changes)), channel, recipient)

    assert (line.state.value, line.reason, line.mend) == (state, reason, mend)


@pytest.mark.parametrize(
    ("changes", "exam", "channel", "recipient", "state", "reason", "mend"),
    [
        ({"status": IdentityStatus.VALIDEE}, {}, "dmp", "DMP", "held", "identity", "qualify_identity"),
        ({"consents": {"ZFA-9": "IO"}}, {}, "dmp", "DMP", "withdrawn", "opposition", "ask_opposition"),
        ({}, {"information": "IO"}, "dmp", "DMP", "withdrawn", "opposition", "ask_opposition"),
        ({"consents": {"ZFA-9": "NA"}}, {}, "dmp", "DMP", "pending", "not_informed", "inform_patient"),
        ({"consents": {}}, {}, "dmp", "DMP", "pending", "not_informed", "inform_patient"),
        ({"consents": {}}, {"information": "INO"}, "dmp", "DMP", "pending", "", ""),
        ({"refusals": frozenset({"PATIENT"})}, {}, "mss_patient", "PATIENT", "withdrawn", "refusal", "lift_refusal"),
        ({"refusals": frozenset({COPY})}, {}, "mss_professional", COPY, "withdrawn", "refusal", "lift_refusal"),
    ],
)
def test_what_the_patient_is_and_wants_shows_before_validation(
    changes: dict[str, Any], exam: dict[str, str], channel: str, recipient: str, state: str, reason: str, mend: str
) -> None:
    world = ReportWorld()
    question = asked(world, patient=replace(world.patient, **changes), exam=replace(world.exam, **exam))

    line = of(expected_channels(world.s, question), channel, recipient)

    assert (line.state.value, line.reason, line.mend) == (state, reason, mend)


def test_a_requester_without_a_mailbox_is_to_print_and_planned_so() -> None:
    world = with_directory(DirectoryMailbox("cabinet@demo.mssante.fr", "PER", rpps=COPY))

    line = of(expected_channels(world.s, asked(world)), "to_print", REQUESTER)
    version = world.signed()

    assert (line.state, line.reason, line.mend, line.source) == (DeliveryState.HELD, "to_print", "print", "")
    planned = {(one.channel, one.recipient): one.state for one in version.plan}
    assert planned["to_print", REQUESTER] is DeliveryState.HELD
    assert ("mss_professional", REQUESTER) not in planned
    assert planned["mss_professional", COPY] is DeliveryState.PENDING


def test_a_mailbox_on_the_red_list_is_written_to_and_never_shown() -> None:
    world = with_directory(replace(OWN, red_listed=True))

    line = of(expected_channels(world.s, asked(world)), "mss_professional", REQUESTER)

    assert (line.state, line.address, line.source, line.red_listed) == (DeliveryState.PENDING, "", "directory", True)


def test_the_orders_address_wins_where_it_is_the_requesters_own_and_a_strangers_never() -> None:
    other = replace(OWN, address="z.exemple@demo.mssante.fr")
    world = with_directory(OWN, other, DirectoryMailbox("who@demo.mssante.fr", "PER", rpps=COPY))
    order = Prescriber("889990005678", "EXEMPLE", "LUC")

    own = expected_channels(
        world.s, asked(world, request=a_request(prescriber=replace(order, mss_address="Z.Exemple@demo.mssante.fr")))
    )
    strangers = expected_channels(
        world.s, asked(world, request=a_request(prescriber=replace(order, mss_address="who@demo.mssante.fr")))
    )

    line, stranger = (of(lines, "mss_professional", REQUESTER) for lines in (own, strangers))
    assert (line.address, line.source) == ("z.exemple@demo.mssante.fr", "order")
    assert (stranger.address, stranger.source) == (OWN.address, "directory")


def test_among_ones_own_mailboxes_that_of_the_ordering_structure_comes_first_then_the_structures_own() -> None:
    world = with_directory(replace(OWN, address="a@elsewhere.mssante.fr", structure="990001111"), OWN)
    shared = with_directory(DirectoryMailbox("secretariat@demo.mssante.fr", "ORG", structure="990009999"))
    people = tuple(replace(one, finess_geo="990009999") for one in GROUP.correspondents)
    for one in (world, shared):
        one.s = replace(one.s, reference=MemoryReferenceBook(replace(GROUP, correspondents=people)))

    here = of(expected_channels(world.s, asked(world, recipients=())), "mss_professional", REQUESTER)
    theirs = of(expected_channels(shared.s, asked(shared, recipients=())), "mss_professional", REQUESTER)

    assert (here.address, here.source) == (OWN.address, "directory")
    assert (theirs.address, theirs.source) == ("secretariat@demo.mssante.fr", "structure")


@given(st.builds(Marks, *[st.booleans()] * 4), st.sampled_from(list(IdentityStatus)), st.sets(st.sampled_from([REQUESTER, COPY])))
def test_what_is_announced_is_what_is_planned(marks: Marks, status: IdentityStatus, reachable: set[str]) -> None:
    world = with_directory(*(DirectoryMailbox(f"{rpps}@demo.mssante.fr", "PER", rpps=rpps) for rpps in reachable))
    patient = replace(world.patient, status=status)
    draft = world.validated()
    assert draft.validation is not None
    report = content_of(world.s, world.exam, patient, draft, draft.validation)

    planned = planned_rows(plan_facts(world.s, world.exam, patient, report, Reason.VALIDATION, marks, NOW))
    announced = expected_channels(world.s, asked(world, patient=patient, marks=marks))

    assert [(line.channel, line.recipient, line.state, line.reason) for line in announced] == [
        (row.channel, row.recipient, row.state, row.reason) for row in planned
    ]


def test_a_report_that_was_withheld_goes_the_way_it_was_planned_whatever_the_directory_says_now() -> None:
    world = with_directory()
    world.signed()
    withhold(world.s, ACCESSION, on=True, now=NOW)
    world.s = replace(world.s, directory=MemoryDirectory(OWN))

    withhold(world.s, ACCESSION, on=False, now=NOW)

    paper = world.deliveries.get(ACCESSION, "to_print", REQUESTER, 1)
    assert paper is not None
    assert (paper.state, paper.reason, paper.due_at) == (DeliveryState.HELD, "to_print", None)


def test_a_mail_that_was_withheld_leaves_as_a_mail_though_the_mailbox_is_gone() -> None:
    world = ReportWorld()
    world.signed()
    withhold(world.s, ACCESSION, on=True, now=NOW)
    world.s = replace(world.s, directory=MemoryDirectory())

    withhold(world.s, ACCESSION, on=False, now=NOW)

    mail = world.deliveries.get(ACCESSION, "mss_professional", REQUESTER, 1)
    assert mail is not None
    assert (mail.state, mail.due_at) == (DeliveryState.PENDING, NOW)


def test_every_line_has_its_sentence_and_a_red_address_is_in_none() -> None:
    red = ExpectedChannel("mss_professional", REQUESTER, DeliveryState.PENDING, source="directory", red_listed=True)

    assert set(REASONS) == set(expected_channels_module._MENDING)
    assert set(MENDING) == set(expected_channels_module._MENDING.values())
    for reason, mend in expected_channels_module._MENDING.items():
        for state in (DeliveryState.PENDING, DeliveryState.HELD, DeliveryState.WITHDRAWN, DeliveryState.DELEGATED):
            line = ExpectedChannel("dmp", "DMP", state, reason, mend)
            assert REASONS[reason] in state_sentence(line)
            assert mend_sentence(line) == MENDING[mend]
    assert address_sentence(red) == "adresse sur liste rouge (adresse de l’annuaire)"
    assert "a@b.fr" in address_sentence(replace(red, red_listed=False, address="a@b.fr"))
    assert address_sentence(ExpectedChannel("dmp", "DMP", DeliveryState.PENDING)) == ""


def test_the_orders_address_is_the_requesters_and_not_that_of_who_gets_a_copy() -> None:
    shared = DirectoryMailbox("z.cabinet@demo.mssante.fr", "PER", rpps=COPY)
    world = with_directory(OWN, replace(shared, rpps=REQUESTER), shared, replace(shared, address="a.copie@demo.mssante.fr"))
    order = Prescriber("889990005678", "EXEMPLE", "LUC", shared.address)

    lines = expected_channels(world.s, asked(world, request=a_request(prescriber=order)))

    requester, copy = (of(lines, "mss_professional", rpps) for rpps in (REQUESTER, COPY))
    assert (requester.address, requester.source) == (shared.address, "order")
    assert (copy.address, copy.source) == ("a.copie@demo.mssante.fr", "directory")
