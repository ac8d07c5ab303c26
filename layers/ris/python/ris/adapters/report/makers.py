"""The ports that make documents, over the modules that know how; those are imported at the first document only."""

from __future__ import annotations

from ris.domain.report.frozen import FrozenReport


class PdfMaker:
    """Implements `PdfRenderer`."""

    def render(self, report: FrozenReport) -> bytes:
        """See the port."""
        from ris.adapters.report.pdf import render_report

        return render_report(report)


class CdaMaker:
    """Implements `CdaBuilder`."""

    def build(self, report: FrozenReport, pdf: bytes) -> bytes:
        """See the port."""
        from ris.adapters.report.cda import build_cda

        return build_cda(report, pdf)
