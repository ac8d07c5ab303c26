"""Frozen reports for tests: one plain, and ways to vary it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

from ris.domain.identity.ins import OID_NIR_TEST, Ins, QualifiedIdentity, StrictTraits, qualified
from ris.domain.identity.patient import Identifier, IdentityStatus, Traits
from ris.domain.report.frozen import Act, FrozenReport, Professional, Section, Structure


def a_qualified_identity(**changes: Any) -> QualifiedIdentity:
    """Return ADRUN ZOE, qualified."""
    strict = StrictTraits("ADRUN", "ZOE", "ZOE", date(1975, 12, 31), "F", "63220")
    ins = changes.pop("ins", Ins("275126322074974", OID_NIR_TEST))
    return qualified(ins, replace(strict, **changes), IdentityStatus.QUALIFIEE)


def a_frozen_report(**changes: Any) -> FrozenReport:
    """Return a validated chest CT of ADRUN ZOE, with any field changed."""
    report = FrozenReport(
        report_id="R26000000001",
        version=1,
        set_id="2.25.100000000000000000000000000000000001",
        document_id="2.25.200000000000000000000000000000000001",
        replaces="",
        validated_at=datetime(2026, 11, 26, 9, 15, 30, tzinfo=UTC),
        logged_in_at=datetime(2026, 11, 26, 8, 2, 0, tzinfo=UTC),
        time_zone="Europe/Paris",
        title="Scanner thoracique",
        sections=(
            Section("Indication", "Toux persistante depuis trois semaines."),
            Section("Technique", "Acquisition hélicoïdale sans injection. PDL : 210 mGy·cm."),
            Section("Résultats", "Pas de foyer parenchymateux.\n\nPas d'épanchement pleural."),
            Section("Conclusion", "Examen normal."),
        ),
        ipp=Identifier("IPP-90017", "1.2.250.1.99999.1", "PI"),
        traits=Traits(
            "ADRUN", "ZOE", "ZOE", birth_date=date(1975, 12, 31), birth_date_text="19751231", sex="F", birth_place_insee="63220"
        ),
        identity=a_qualified_identity(),
        author=Professional("89990001234", "RAYON", "CLAIRE", speciality_code="SM44", speciality_label="Radio-diagnostic"),
        structure=Structure(
            "1990000017",
            "Imagerie du Nord",
            "990000017",
            "SA08",
            "Cabinet de groupe",
            "AMBULATOIRE",
            ("1 rue du Test", "99000 Essai"),
        ),
        requester=Professional("89990005678", "EXEMPLE", "LUC", speciality_code="SM54", speciality_label="Médecine générale"),
        recipients=(),
        placer_order_number="OPN-777",
        placer_authority="1.2.250.1.99999.7",
        accession_number="26000000001",
        accession_authority="1.2.250.1.99999.2",
        study_instance_uid="2.25.300000000000000000000000000000000001",
        acts=(Act("Scanner du thorax", "24627-2", "ZBQK001", "CT", "67734004", "thorax"),),
        performed_start=datetime(2026, 11, 26, 8, 30, tzinfo=UTC),
        performed_end=datetime(2026, 11, 26, 8, 50, tzinfo=UTC),
        footer="Vos données servent à votre prise en charge ; vos droits s'exercent auprès du délégué à la protection des données.",
    )
    return replace(report, **changes)
