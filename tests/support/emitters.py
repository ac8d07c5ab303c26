"""Everything that leaves with a patient's identity, as text: a new emitter is one line in `EMITTERS`.

Each takes the patient as they are now and returns what would leave, or an empty text when it refuses to leave at all.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache

import pypdfium2
from lxml import etree

from ris.adapters.agenda.hl7_outbound import Hl7OrderWriter
from ris.adapters.agenda.worklist_json import dataset_of
from ris.adapters.dispatch.dmp.settings import DmpSettings
from ris.adapters.dispatch.dmp.submission import Submission, submit_objects_request
from ris.adapters.dispatch.dmp.vihf import signed_vihf
from ris.adapters.report.cda import build_cda
from ris.adapters.report.datamatrix import datamatrix_text
from ris.adapters.report.pdf import render_report
from ris.application.agenda.publish_worklist import entry_of
from ris.application.dispatch.ports import OrderFacts
from ris.domain.agenda.exam import Exam
from ris.domain.errors import Refused
from ris.domain.identity.ins import Ins, QualifiedIdentity, StrictTraits, qualified
from ris.domain.identity.patient import Patient, Traits
from ris.domain.identity.status import IdentityStatus
from ris.domain.report.frozen import FrozenReport
from tests.support.agenda import GROUP, World
from tests.support.certificates import a_signer
from tests.support.frozen_reports import a_frozen_report

NOW = datetime(2026, 11, 26, 9, 20, tzinfo=UTC)
SETTINGS = DmpSettings("https://dmp.invalid/services", "RIS", "1", "HOMOL-1", "2.25.9")


@lru_cache
def _booked() -> tuple[World, Exam]:
    world = World()
    return world, world.booked()


def order(patient: Patient) -> str:
    """ORM^O01 to the PACS."""
    return Hl7OrderWriter().order(OrderFacts("M1", "PACS", NOW, GROUP.sites[0], _booked()[1], patient, None)).decode()


def worklist(patient: Patient) -> str:
    """The worklist item of an exam."""
    world, exam = _booked()
    entry = replace(entry_of(world.s, exam, exam.steps[0]), patient=patient)
    return json.dumps(dataset_of(entry))


def _identity(patient: Patient) -> QualifiedIdentity | None:
    try:
        return qualified(patient.ins, patient.strict, patient.status)
    except Refused:
        return None


@lru_cache(maxsize=256)
def _frozen(traits: Traits, ins: Ins | None, strict: StrictTraits | None) -> FrozenReport:
    identity = qualified(ins, strict, IdentityStatus.QUALIFIEE) if ins else None
    return a_frozen_report(traits=traits, identity=identity)


def frozen(patient: Patient) -> FrozenReport:
    """A report of the patient, frozen now."""
    identity = _identity(patient)
    return _frozen(replace(patient.traits, phone=""), identity and identity.ins, identity and identity.traits)


@lru_cache(maxsize=256)
def _pdf(traits: Traits, identity: QualifiedIdentity | None) -> str:
    document = pypdfium2.PdfDocument(render_report(a_frozen_report(traits=traits, identity=identity)))
    printed = "".join(page.get_textpage().get_text_range() for page in document)
    return printed.replace(" ", "") + (datamatrix_text(identity) if identity else "")


def pdf(patient: Patient) -> str:
    """What stands in the report, and what its datamatrix says."""
    report = frozen(patient)
    return _pdf(report.traits, report.identity)


def cda(patient: Patient) -> str:
    """CDA R2."""
    return build_cda(frozen(patient), b"pdf").decode()


def vihf(patient: Patient) -> str:
    """The signed assertion of a call to the DMP."""
    report = frozen(patient)
    if report.identity is None:
        return ""
    return _vihf(report.identity.ins)


@lru_cache(maxsize=256)
def _vihf(ins: Ins) -> str:
    report, signer = a_frozen_report(), a_signer()
    signed = signed_vihf(
        settings=SETTINGS, user=report.author, structure=report.structure, ins=ins, logged_in_at=NOW, now=NOW,
        assertion_id="_1", key=signer.key, certificate=signer.certificate,
    )  # fmt: skip
    return etree.tostring(signed).decode()


def xds(patient: Patient) -> str:
    """ITI-41 metadata."""
    try:
        return submit_objects_request(Submission(frozen(patient), b"cda", b"signature"), SETTINGS)
    except Refused:
        return ""


EMITTERS: dict[str, Callable[[Patient], str]] = {
    "ORM^O01": order,
    "worklist": worklist,
    "PDF": pdf,
    "CDA": cda,
    "VIHF": vihf,
    "XDS": xds,
}
CARRY_THE_INS_WHEN_QUALIFIED = frozenset({"PDF", "CDA", "VIHF", "XDS"})
