"""A portal with exams that were done, a radiologist and a secretary: what reports are written and read with in the tests."""

from dataclasses import replace

from ris.application.report.freeze_report import FreezeReport, freeze_report
from ris.application.report.render_report import render_report
from ris.domain.agenda.exam import ExamState, Performed
from ris.domain.report import draft as drafts
from ris.domain.report.version import VersionState
from tests.support.portal import PortalHouse

TEXTS = {"text-0": "Toux.", "text-1": "Hélicoïdal.", "text-2": "Cœur de taille normale, ≤ 3 mm.", "text-3": "Examen normal."}
HEADINGS = {"heading-0": "Indication", "heading-1": "Technique", "heading-2": "Résultats", "heading-3": "Conclusion"}
RADIOLOGIST = "99900012347"


class Ward:
    """A portal with one exam that was done.

    Args:
        values: What is particular about the house.
    """

    def __init__(self, **values):
        self.house = PortalHouse(**values)
        self.accession = self.done(1, "10:00").accession_number
        self.place = f"/exams/{self.accession}/report"

    def done(self, number, start, *, of=0, priority="routine", **booking):
        """One more exam that was done: of a patient of its own, or of patient number `of`."""
        house = self.house
        patient = house.patients.get(f"p{of}") if of else house.patient(number)
        house.request(patient, number, reason="Toux persistante.", priority=priority)
        exam, store = house.booked(patient, start, request_id=f"r{number}", **booking), house.services.agenda.exams
        said = (Performed(f"2.25.{number}", "COMPLETED", "CT_NORD", "20261126100000", "20261126101000"),)
        return store.save(replace(exam, state=ExamState.COMPLETED, performed=said, publish_due_at=None, changed_at=house.now))

    def radiologist(self, provider="psc"):
        return self.house.browser(RADIOLOGIST if provider == "psc" else "radiologue.nord", provider)

    def form(self, rev=0, **changes):
        return {"rev": str(rev), "title": "Scanner du thorax", **HEADINGS, **TEXTS, **changes}

    def draft(self):
        return self.house.reports.draft(self.accession)

    def signed(self, browser, accession=""):
        """Validate, and do what the signing machine does, without its key."""
        accession = accession or self.accession
        draft = self.house.reports.draft(accession)
        assert 303 == browser.post(f"/exams/{accession}/report/validate", self.form(draft.rev if draft else 0)).status
        return self.machine(accession)

    def machine(self, accession):
        """Do what the signing machine does after a click, without its key."""
        s, now, click = self.house.reporting, self.house.now, self.house.reports.draft(accession)
        freeze_report(s, FreezeReport(accession, click.validation.version, click.rev), now)
        version = render_report(s, accession, click.validation.version, now)
        done = drafts.validated(self.house.reports.draft(accession), version.version)
        self.house.reports.commit(done, replace(version, state=VersionState.SIGNED, due_at=None))
        return version
