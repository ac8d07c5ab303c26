"""French words and sentences of the pages: one place, one sentence per code.

A code that a use case raises and that has no sentence here fails a test.
"""

from __future__ import annotations

import datetime as dt
from typing import Final

from ris.portal.french_dmp import DMP_SENTENCES

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

SENTENCES: Final[dict[str, str]] = {
    **DMP_SENTENCES,
    # the portal itself
    "unexpected": "Une erreur est survenue de notre côté. Elle est enregistrée ; réessayez dans un instant.",
    "unknown_object": "Cette page n’existe pas, ou elle concerne un site où vous n’avez pas de rôle.",
    "method_not_allowed": "Cette adresse ne se demande pas de cette façon.",
    "request_refused": "La demande n’a pas pu être traitée telle qu’elle a été envoyée.",
    "csrf": "Ce formulaire n’est plus valable. Revenez à la page précédente, rechargez-la, puis envoyez-le de nouveau.",
    "repeated_parameter": "Une même information a été envoyée deux fois.",
    "unreadable_body": "Le formulaire reçu est illisible.",
    "unsupported_media_type": "Ce format d’envoi n’est pas accepté.",
    "body_too_large": "Le texte envoyé est trop long. Raccourcissez-le, puis envoyez-le de nouveau.",
    "field_missing": "Ce champ est à remplir.",
    "field_too_long": "Ce texte est trop long.",
    "field_malformed": "La forme de ce champ n’est pas celle attendue.",
    "bad_day": "Ce jour n’existe pas. Choisissez une date du calendrier.",
    "bad_time": "Indiquez une heure, par exemple 09:30.",
    "search_too_short": "Indiquez au moins deux lettres du nom, ou l’IPP entier.",
    # session and login
    "no_session": "Connectez-vous pour continuer.",
    "session_expired": "Votre session est arrivée à son terme. Reconnectez-vous pour continuer.",
    "session_idle": "Votre session a été fermée faute d’activité. Reconnectez-vous pour continuer.",
    "account_closed": "Votre compte n’a plus de rôle sur aucun site. Adressez-vous au service informatique.",
    # identity: what a person types or decides
    "trait_missing": "Ce trait strict est à remplir.",
    "trait_too_long": "Ce trait dépasse 100 caractères. Vérifiez la saisie.",
    "character_not_allowed": "Ce trait contient un caractère qu’INSi n’accepte pas : majuscules sans accent, espace, apostrophe et "
    "trait d’union seulement. L’accueil corrige la saisie.",
    "character_misplaced": "Un espace, une apostrophe ou un trait d’union est mal placé dans ce trait. L’accueil corrige la saisie.",
    "strict_trait_missing": "La date de naissance et le sexe (M ou F) sont nécessaires pour interroger INSi. L’accueil les complète.",
    "birth_date_impossible": "Cette date de naissance n’existe pas. Vérifiez-la sur la pièce d’identité.",
    "birth_place_malformed": "Le lieu de naissance est un code INSEE de cinq caractères (99999 s’il est inconnu).",
    "birth_name_missing": "Le nom de naissance ne peut pas être vide.",
    "matricule_shape": "Le matricule INS a quinze caractères : treize et une clé. Vérifiez la saisie.",
    "matricule_key": "La clé de ce matricule ne correspond pas au numéro. Vérifiez la saisie.",
    "proof_unknown": "Ce type de pièce d’identité n’existe pas dans la liste. Choisissez-en un autre.",
    "information_unknown": "Indiquez si le patient est informé, opposé, ou si l’information n’a pas été recueillie.",
    "attribute_unknown": "Cet attribut d’identité n’existe pas.",
    "attributes_incompatible": "Une identité fictive ne porte aucun autre attribut. Retirez d’abord celui qui est posé.",
    "identity_blocked": "L’identité est douteuse ou fictive : INSi ne peut pas être interrogé. La cellule d’identitovigilance lève le "
    "doute d’abord.",
    "strict_traits_locked": "Les traits stricts d’une identité récupérée ou qualifiée sont verrouillés. Une personne habilitée à les "
    "corriger doit le faire.",
    "identity_not_qualified": "L’identité n’est pas qualifiée : aucun matricule INS ne peut sortir. L’accueil la qualifie.",
    # identity: answers of INSi
    "insi_nothing_to_decide": "Aucune réponse d’INSi n’attend de décision pour ce patient. Rechargez la page.",
    "insi_answer_changed": "INSi a répondu de nouveau depuis l’affichage. Relisez la nouvelle réponse avant de décider.",
    "insi_answer_refused": "Cette identité ne peut pas être retenue telle qu’elle a été lue.",
    "insi_01": "INSi ne trouve personne avec ces traits. L’accueil les vérifie ; INSi sera interrogé de nouveau plus tard.",
    "insi_02": "INSi trouve plusieurs personnes. L’accueil complète les prénoms et le lieu de naissance, puis interroge de nouveau.",
    "traits_differ": "La réponse d’INSi diffère des traits saisis. L’accueil compare les deux, puis accepte ou refuse.",
    "first_given_name_not_first": "Le premier prénom saisi n’est pas le début de la liste d’INSi. L’accueil vérifie avant d’accepter.",
    "person_decides": "La réponse d’INSi attend la décision de l’accueil.",
    "insi_matricule_shape": "INSi a répondu un matricule qui n’a pas quinze caractères : réponse refusée, gardée pour l’informatique.",
    "insi_oid_unknown": "INSi a répondu un OID inconnu : réponse refusée. L’informatique vérifie le réglage de l’environnement.",
    "insi_birth_family_missing": "La réponse d’INSi n’a pas de nom de naissance : elle est refusée, l’identité reste en l’état.",
    "insi_given_names_missing": "La réponse d’INSi n’a pas de prénoms de naissance : elle est refusée, l’identité reste en l’état.",
    "insi_sex_missing": "La réponse d’INSi n’a pas de sexe : elle est refusée, l’identité reste en l’état.",
    "insi_birth_date_incomplete": "La réponse d’INSi a une date de naissance incomplète : elle est refusée, l’identité reste en l’état.",
    "insi_birth_date_impossible": "La réponse d’INSi a une date qui n’existe pas : la cellule d’identitovigilance la traite.",
    "verification_failed": "INSi ne confirme plus cet INS : il est retiré. La cellule d’identitovigilance traite l’identité.",
    "strict_trait_edited": "Un trait strict a été corrigé : l’INS est retiré et INSi sera interrogé de nouveau.",
    "proof_withdrawn": "La pièce d’identité ne vaut plus. L’accueil en enregistre une autre.",
    # identity: INSi that cannot be asked
    "insi_unavailable": "INSi ne répond pas. L’examen continue ; INSi sera interrogé de nouveau sans action de votre part.",
    "insi_unreachable": "INSi est injoignable. L’examen continue ; INSi sera interrogé de nouveau sans action de votre part.",
    "insi_breaker_open": "INSi est en panne : les appels sont suspendus et reprendront seuls. L’examen continue.",
    "insi_502": "INSi est momentanément indisponible (502). Il sera interrogé de nouveau sans action de votre part.",
    "insi_503": "INSi est momentanément indisponible (503). Il sera interrogé de nouveau sans action de votre part.",
    "insi_504": "INSi n’a pas répondu à temps (504). Il sera interrogé de nouveau sans action de votre part.",
    "insi_101": "Le service d’identité derrière INSi est indisponible (insi_101). Il sera interrogé de nouveau automatiquement.",
    "insi_102": "Le service d’identité derrière INSi est indisponible (insi_102). Il sera interrogé de nouveau automatiquement.",
    "siram_40": "INSi signale une panne technique (siram_40). Il sera interrogé de nouveau automatiquement.",
    "insi_fault": "INSi a répondu par une erreur sans code. Il sera interrogé de nouveau automatiquement.",
    "insi_answer_unreadable": "La réponse d’INSi est illisible : elle est gardée pour l’informatique, et INSi sera interrogé de nouveau.",
    "insi_not_asked": "INSi n’a pas pu être interrogé. Il le sera de nouveau automatiquement.",
    "insi_tls_refused": "INSi et nous n’avons pas pu établir la connexion sécurisée. L’informatique vérifie le certificat INSI.",
    "insi_refused": "INSi refuse la demande. L’informatique vérifie le certificat et le numéro d’autorisation.",
    "insi_not_configured": "INSi n’est pas réglé pour ce site. L’informatique complète l’adresse et le numéro d’autorisation.",
    "insi_certificate_missing": "Le certificat INSI de l’entité juridique manque. L’informatique le dépose.",
    "insi_certificate_unusable": "Le certificat INSI de l’entité juridique est inutilisable. L’informatique le remplace.",
    "desir_550": "INSi ne connaît pas le numéro d’autorisation du logiciel (desir_550). L’informatique le corrige.",
    "desir_560": "INSi refuse ce certificat : droits insuffisants (desir_560). L’informatique vérifie son usage.",
    "siram_100": "INSi signale une erreur de configuration (siram_100). L’informatique la corrige.",
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
    "delivery.delivered": "Remis",
    "delivery.rejected": "Refusé",
    "delivery.held": "Retenu",
    "delivery.delegated": "Délégué",
    "delivery.withdrawn": "Retiré",
    "channel.hl7_pacs_order": "Demande d’examen au PACS",
    "channel.dmp": "Dépôt du compte rendu au DMP",
    "channel.hl7_pacs_identity": "Identité au PACS",
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
}


def sentence(code: str) -> str:
    """Return the French sentence of a code."""
    return SENTENCES.get(code, f"La demande a été refusée (règle « {code} »).")


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
