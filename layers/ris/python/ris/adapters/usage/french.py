"""The words of the figures, as pages, files and plots say them."""

from __future__ import annotations

from typing import Final

LABELS: Final = {
    "validated": "Comptes rendus validés",
    "dmp": "Comptes rendus envoyés au DMP",
    "professional": "Comptes rendus envoyés par MSSanté à un professionnel",
    "patient": "Comptes rendus envoyés par MSSanté au patient",
    "files_dmp": "Dossiers avec un compte rendu au DMP",
    "files_professional": "Dossiers avec un envoi MSSanté à un professionnel",
    "files_patient": "Dossiers avec un envoi MSSanté au patient",
    "files_all": "Dossiers avec les trois envois",
    "dmp_1h": "Au DMP dans l’heure qui suit la validation",
    "dmp_24h": "Au DMP dans les 24 heures qui suivent la validation",
    "failed_dmp": "Alimentations du DMP en échec",
    "failed_professional": "Envois MSSanté à un professionnel en échec",
    "failed_patient": "Envois MSSanté au patient en échec",
    "due_dmp": "Comptes rendus destinés au DMP",
    "due_professional": "Comptes rendus destinés à un professionnel par MSSanté",
    "due_patient": "Comptes rendus destinés au patient par MSSanté",
    "masked": "Masqués aux professionnels",
    "announcement": "Annonce au patient à faire",
    "withheld": "Retenus",
    "opposed": "Opposition du patient au DMP",
    "refused_professional": "Refus du patient d’un envoi à un professionnel",
    "refused_patient": "Refus du patient de recevoir un message",
    "no_identity": "Validés sans identité qualifiée : DMP en attente",
    "paper": "Comptes rendus remis sur papier",
}
"""Code of a shown figure to its name."""

SHORT: Final = {"dmp": "DMP", "professional": "MSSanté professionnel", "patient": "MSSanté patient", "files_all": "Les trois"}
"""Series of the plot."""

COLUMNS: Final = (
    ("Niveau", "level"),
    ("Code", "code"),
    ("Indicateur", "label"),
    ("Du", "first"),
    ("Au", "last"),
    ("Mois", "month"),
    ("FINESS géographique", "finess"),
    ("RPPS du signataire", "rpps"),
    ("Total", "total"),
    ("INS qualifiée", "qualified"),
    ("INS non qualifiée", "unqualified"),
    ("Rapporté à", "out_of"),
    ("Nombre rapporté", "out_of_total"),
    ("Taux (%)", "share"),
)
"""Columns of every file: heading, field of a row."""

SUMMARY: Final = "Synthèse"
PLOT_TITLE: Final = "Comptes rendus envoyés, par mois"
