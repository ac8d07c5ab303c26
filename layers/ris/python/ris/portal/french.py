"""French words of the pages, and how days and values are said; the sentences of codes are in `ris.portal.sentences`."""

from __future__ import annotations

import datetime as dt
from typing import Final

from ris.portal.french_audit import WORDS as AUDIT_WORDS
from ris.portal.french_cockpit import WORDS as COCKPIT_WORDS
from ris.portal.sentences import SENTENCES

_WEEKDAYS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
_MONTHS = (
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
)

TITLES: Final = {
    400: "Demande incomplète",
    401: "Connexion nécessaire",
    403: "Demande refusée",
    404: "Page introuvable",
    405: "Action impossible ici",
    409: "Impossible pour l’instant",
    413: "Envoi trop volumineux",
    415: "Format non accepté",
    500: "Erreur de notre côté",
    502: "Le système distant a refusé",
    503: "Service momentanément indisponible",
}

_WORDS: Final[dict[str, str]] = {
    # states of an exam
    "exam.held": "En cours de confirmation",
    "exam.booked": "Programmé",
    "exam.in_progress": "En cours",
    "exam.completed": "Terminé",
    "exam.discontinued": "Interrompu",
    "exam.cancelled": "Annulé",
    "exam.expired": "Réservation expirée",
    # identity
    "identity.PROV": "Identité provisoire",
    "identity.RECUP": "Identité récupérée",
    "identity.VALI": "Identité validée",
    "identity.QUAL": "Identité qualifiée",
    "identity_short.RECUP": "récupérée",
    "identity_short.QUAL": "qualifiée",
    "identity_says.PROV": "Ni réponse d’INSi retenue, ni pièce d’identité de confiance.",
    "identity_says.RECUP": "INSi a reconnu le patient ; il manque une pièce d’identité.",
    "identity_says.VALI": "La pièce d’identité est enregistrée ; il manque la réponse d’INSi.",
    "identity_says.QUAL": "INSi et pièce d’identité concordent : l’INS peut sortir.",
    "attribute.homonyme": "Homonyme",
    "attribute.douteuse": "Identité douteuse",
    "attribute.fictive": "Identité fictive",
    "insi_state.pending": "Réponse à comparer",
    "insi_state.accepted": "Réponse retenue",
    "insi_state.declined": "Réponse écartée",
    "insi_state.refused": "Réponse irrecevable",
    "insi_state.not_found": "Pas d’identité unique",
    "insi_state.failed": "INSi sans réponse",
    "insi_state.not_confirmed": "INS non confirmé",
    "trait.birth_family": "Nom de naissance",
    "trait.birth_given": "Premier prénom de naissance",
    "trait.birth_given_all": "Prénoms de naissance",
    "trait.birth_date": "Date de naissance",
    "trait.sex": "Sexe",
    "trait.birth_place_insee": "Lieu de naissance (code INSEE)",
    "information.INO": "Informé, non opposé",
    "information.IO": "Informé, opposé",
    "information.NA": "Non recueilli",
    "proof.AN": "Extrait d’acte de naissance",
    "proof.CC": "Carnet de circulation",
    "proof.CE": "Carte d’identité européenne",
    "proof.CM": "Carte militaire",
    "proof.CN": "Carte nationale d’identité",
    "proof.CS": "Titre de séjour",
    "proof.LE": "Livret de famille",
    "proof.PA": "Passeport",
    "proof.PC": "Permis de conduire",
    "proof.TC": "Tiers de confiance",
    "proof.AV": "Appli carte Vitale",
    "proof.DC": "Document de circulation d’un mineur étranger",
    "proof.AC": "Acte de naissance et carte Vitale avec photo",
    "proof.IE": "Identification électronique eIDAS",
    "identity_event.InsiAnswered": "Réponse d’INSi",
    "identity_event.InsiAccepted": "Réponse d’INSi acceptée",
    "identity_event.DocumentRecorded": "Pièce d’identité enregistrée",
    "identity_event.ProofWithdrawn": "Pièce d’identité retirée",
    "identity_event.AttributeSet": "Attribut posé",
    "identity_event.AttributeCleared": "Attribut levé",
    "identity_event.StrictTraitEdited": "Trait strict corrigé",
    "identity_event.VerificationFailed": "Vérification négative",
    "identity_event.VitaleApplicationRead": "Appli carte Vitale lue",
    "sex.M": "Masculin",
    "sex.F": "Féminin",
    "sex.U": "Sexe non indiqué",
    # deliveries
    "delivery.pending": "En attente",
    "delivery.unknown": "Sans réponse",
    "delivery.overdue": "En retard",
    "delivery.delivered": "Remis",
    "delivery.rejected": "Refusé",
    "delivery.held": "Retenu",
    "delivery.delegated": "Délégué",
    "delivery.withdrawn": "Retiré",
    "delivery_reason.sending": "l’envoi a commencé",
    "delivery_reason.handed_over": "confié à la passerelle du site",
    "delivery_reason.unacknowledged": "aucune réponse n’est revenue du site",
    "delivery_reason.no_answer": "le destinataire n’a pas répondu",
    "delivery_reason.peer_unreachable": "le destinataire est injoignable",
    "delivery_reason.postponed_by_peer": "le destinataire a demandé d’attendre",
    "delivery_reason.refused_by_peer": "le destinataire a refusé",
    "order_operation.replace": "Changement de rendez-vous au PACS",
    "order_operation.delete": "Annulation de l’examen au PACS",
    "channel.hl7_pacs_order": "Demande d’examen au PACS",
    "channel.dmp": "Dépôt du compte rendu au DMP",
    "channel.hl7_pacs_identity": "Identité au PACS",
    "channel.mss_professional": "Messagerie du professionnel",
    "channel.mss_patient": "Messagerie du patient",
    "channel.hl7_report": "Compte rendu en HL7",
    "channel.to_print": "Courrier papier",
    "recipient.PATIENT": "au patient",
    "recipient.REQUESTER": "au demandeur",
    "recipient.HIS": "à l’hôpital",
    "recipient.PACS": "au PACS",
    # reports
    "report.none": "À rédiger",
    "report.refused": "Signature refusée",
    "report.draft": "Brouillon",
    "report.provisional": "Provisoire",
    "report.validating": "Signature en cours",
    "report.validated": "Validé",
    "report.deleted": "Supprimé",
    "report_mark.announcement_pending": "Annonce à faire au patient",
    "report_mark_says.announcement_pending": "Invisible du patient dans le DMP et aucun message pour lui, jusqu’à « Annonce faite ».",
    "report_mark.withheld": "Retenir",
    "report_mark_says.withheld": "Rien ne part, à personne.",
    "report_mark.masked_to_professionals": "Masquer aux professionnels",
    "report_mark_says.masked_to_professionals": "Masqué dans le DMP et aucun message aux professionnels.",
    "report_mark.hidden_from_representatives": "Cacher aux représentants légaux",
    "report_mark_says.hidden_from_representatives": "Invisible, dans le DMP, de ceux qui représentent un mineur.",
    "field.q": "Recherche",
    "field.reason": "Motif",
    "field.note": "Mot",
    "field.day": "Jour",
    "field.start": "Heure",
    "field.room": "Salle",
    "field.exam": "Examen",
    "field.proof": "Pièce d’identité",
    "field.expires": "Expire le",
    "field.used_family": "Nom utilisé",
    "field.used_given": "Prénom utilisé",
    "field.phone": "Téléphone",
    "field.birth_date_text": "Date de naissance",
    "field.ipp": "IPP",
    "field.professional": "Nom d’un professionnel",
    "field.structure": "Coordonnées de la structure",
    "field.report_notice": "Mention au bas du compte rendu",
    "turn.writing": "Chez le radiologue",
    "turn.typing": "À frapper",
    "turn.correction": "À corriger",
    "turn.rereading": "Rendu par le secrétariat",
    "overall.signing": "Signature en cours",
    "overall.delivered": "Remis à tous",
    "overall.waiting": "Envoi en cours",
    "overall.held": "Retenu pour quelqu’un",
    "overall.refused": "Refusé par quelqu’un",
    "overall.withdrawn": "Rien à envoyer",
    "overall.deleted": "Supprimé",
    "modality.CT": "Scanner",
    "modality.MR": "IRM",
    "modality.US": "Échographie",
    "modality.DX": "Radiographie",
    "modality.CR": "Radiographie (CR)",
    "modality.MG": "Mammographie",
    "modality.XA": "Angiographie",
    "modality.RF": "Radioscopie",
    "modality.NM": "Médecine nucléaire",
    "modality.PT": "TEP",
    "modality.BMD": "Ostéodensitométrie",
    "modality.PX": "Panoramique dentaire",
    "modality.IO": "Radiographie dentaire",
    "version_reason.validation": "première version",
    "version_reason.correction": "correction",
    "version_reason.announcement": "annonce faite",
    "version_reason.identity": "identité qualifiée",
    "version_reason.deletion": "suppression",
    "version.frozen": "Documents en cours",
    "version.rendered": "Documents en cours",
    "version.built": "Documents en cours",
    "version.signed": "Signée",
    "version.withdrawn": "Refusée avant signature",
    # at the desk
    "certificate.dmp": "DMP",
    "certificate.signature": "Signature des comptes rendus",
    "certificate.mss": "MSSanté du site",
    "certificate.insi": "INSi",
    "answer.yes": "Oui",
    "answer.no": "Non",
    "answer.unknown": "Pas encore su",
    "answer.missing": "À demander à l’arrivée",
    "desk_missing.clear": "Identité marquée : à lever",
    "desk_missing.decide": "Réponse d’INSi à comparer",
    "desk_missing.ask": "INSi à interroger",
    "desk_missing.document": "Pièce d’identité à enregistrer",
    # requests
    "request.to_book": "À programmer",
    "request.booked": "Programmée",
    "request.cancelled": "Annulée",
    "priority.routine": "Normale",
    "priority.urgent": "Urgente",
    "priority.stat": "Immédiate",
    # MPPS
    "mpps.IN PROGRESS": "En cours",
    "mpps.COMPLETED": "Terminé",
    "mpps.DISCONTINUED": "Interrompu",
    # cancellations
    "cancel.patient": "À la demande du patient",
    "cancel.no_show": "Le patient n’est pas venu",
    "cancel.moved": "Déplacé sur un autre site",
    "cancel.site": "Du fait du site (machine, équipe)",
    "cancel.mistake": "Erreur de saisie",
    "cancel.order_cancelled": "Le demandeur a annulé sa demande",
    # inbound messages
    "message.parked": "En attente",
    "message.incident": "Numéro déjà employé",
    "message.applied": "Appliqué",
    "message.dismissed": "Écarté",
    "message.received": "Reçu",
    "message_kind.message": "Message",
    "message_kind.acknowledgement": "Accusé de réception",
    # acts without an exam
    "mpps_reason.unscheduled": "Acte sans rendez-vous",
    "mpps_reason.unknown_step": "Acte qui cite une étape inconnue",
    "mpps_reason.wrong_worklist_entry": "Mauvaise entrée choisie sur la modalité",
    "mpps_reason.exam_not_booked": "Acte sur un examen qui n’était pas programmé",
    "mpps_reason.created_later": "Fin d’acte reçue avant son début",
    # people
    "right.query_insi": "interroger INSi",
    "right.qualify_ins": "qualifier l’INS",
    "right.correct_strict_traits": "corriger les traits stricts",
    "role.receptionist": "accueil",
    "role.radiographer": "manipulateur",
    "role.secretary": "secrétariat",
    "role.radiologist": "radiologue",
    "role.identity_cell": "cellule d’identitovigilance",
    "role.it": "informatique",
    "role.finance": "finances",
    "role.auditor": "contrôle des accès",
    "provider.group": "compte du groupe",
    "provider.psc": "Pro Santé Connect",
    **AUDIT_WORDS,
    **COCKPIT_WORDS,
}


def sentence(code: str) -> str:
    """Return the French sentence of a code."""
    return SENTENCES.get(code, f"La demande a été refusée (règle « {code} »).")


def label_of(name: str) -> str:
    """Return the French name of a form's field, or an empty text for what a person did not type."""
    return next((_WORDS[key] for key in (f"field.{name}", f"trait.{name}") if key in _WORDS), "")


def plain(value: object) -> str:
    """Return the text of an enumeration's member, or of a text itself."""
    return str(getattr(value, "value", value))


def word(kind: str, value: object) -> str:
    """Return the French word of a value, or the value itself when it is somebody else's."""
    text = plain(value)
    return _WORDS.get(f"{kind}.{text}", text)


def title_of(status: int) -> str:
    """Return the heading of a page that says no."""
    return TITLES.get(status, "Demande refusée")


def day(value: dt.date) -> str:
    """Return `jeudi 26 novembre 2026`."""
    return f"{_WEEKDAYS[value.weekday()]} {short_day(value)} {value.year}"


def short_day(value: dt.date) -> str:
    """Return `26 novembre`, `1er mars`."""
    return f"{'1er' if value.day == 1 else value.day} {_MONTHS[value.month - 1]}"


def date(value: dt.date | None) -> str:
    """Return `26/11/2026`."""
    return value.strftime("%d/%m/%Y") if value else ""
