"""One French sentence per code that a rule, a form, a message or a remote can raise; a code without one fails a test."""

from __future__ import annotations

from typing import Final

from ris.portal.french_dmp import DMP_SENTENCES
from ris.portal.french_mail import MAIL_SENTENCES
from ris.portal.sentences_access import ACCESS
from ris.portal.sentences_again import AGAIN
from ris.portal.sentences_identity import IDENTITY
from ris.portal.sentences_report import REPORT
from ris.portal.sentences_usage import USAGE

PORTAL: Final[dict[str, str]] = {
    "unexpected": "Une erreur est survenue de notre côté. Elle est enregistrée ; réessayez dans un instant.",
    "unknown_object": "Cette page n’existe pas, ou elle concerne un site où vous n’avez pas de rôle.",
    "method_not_allowed": "Cette adresse ne se demande pas de cette façon.",
    "request_refused": "La demande n’a pas pu être traitée telle qu’elle a été envoyée.",
    "csrf": "Ce formulaire n’est plus valable. Copiez ce que vous y avez tapé, rechargez sa page, puis envoyez-le de nouveau.",
    "repeated_parameter": "Une même information a été envoyée deux fois.",
    "unreadable_body": "Le formulaire reçu est illisible.",
    "unsupported_media_type": "Ce format d’envoi n’est pas accepté.",
    "body_too_large": "Le texte envoyé est trop long : il n’est pas enregistré. Il est toujours dans la page où vous l’avez mis (revenez-y si elle "
    "n’est plus affichée) : raccourcissez-le, puis envoyez-le de nouveau.",
    "field_missing": "Ce champ est à remplir.",
    "field_too_long": "Ce texte est trop long.",
    "field_too_short": "Ce texte est trop court.",
    "field_malformed": "La forme de ce champ n’est pas celle attendue.",
    "search_too_short": "Indiquez au moins deux lettres du nom, la date de naissance, ou l’IPP entier.",
    "unknown_modality": "Cette modalité n’existe pas sur ce site.",
    "not_pem": "Ce fichier n’est pas du PEM lisible, ou sa clé est chiffrée. L’informatique en fournit un autre.",
    "invalid_input": "Une information attendue manque ou n’a pas la forme prévue.",
}

BOOKING: Final[dict[str, str]] = {
    "slot_taken": "Ce créneau est déjà pris. Choisissez-en un autre.",
    "outside_opening_hours": "Le rendez-vous sort des heures d’ouverture du site.",
    "wrong_modality": "Aucune machine de cette salle ne fait cet examen. Choisissez une autre salle.",
    "duplicate_exam": "Ce patient a déjà ce même examen ce jour-là.",
    "in_the_past": "Cette heure est déjà passée.",
    "request_not_bookable": "Cette demande est déjà programmée, ou son émetteur l’a annulée.",
    "no_ipp_at_site": "Ce patient n’a pas d’IPP sur ce site : les images ne pourraient pas lui être rattachées.",
    "no_such_time": "Cette heure n’existe pas ce jour-là. Indiquez une heure, par exemple 09:30.",
    "no_such_day": "Ce jour n’existe pas. Choisissez une date du calendrier.",
    "doubled_time": "Cette nuit-là, l’horloge recule : cette heure a lieu deux fois. Précisez laquelle.",
    "unknown_room": "Cette salle n’existe pas sur ce site.",
    "unknown_exam": "Cet examen n’est pas connu.",
    "unknown_patient": "Ce patient n’est pas connu sur ce site.",
    "unknown_request": "Cette demande n’est pas connue sur ce site.",
    "unknown_site": "Ce site n’est pas connu.",
    "hold_expired": "La réservation n’a pas été confirmée à temps ; le créneau est de nouveau libre.",
    "wrong_token": "Ce créneau est retenu par une autre réservation.",
    "cancelled": "Cet examen a été annulé.",
    "exam_started": "La modalité a déjà commencé cet examen : il ne peut plus être annulé.",
    "exam_not_booked": "Cet examen n’est pas programmé.",
    "too_far": "Ce rendez-vous serait trop loin dans l’avenir. Vérifiez l’année.",
    "machine_out_of_service": "La machine de cette salle est hors service à cette heure. Choisissez un autre créneau.",
    "contraindication": "Une réponse du patient contre-indique cet examen. Un médecin peut en décider autrement : son nom et son motif sont demandés.",
    "questions_unanswered": "Le patient est là : posez-lui chaque question avant l’examen.",
    "answer_malformed": "Cette réponse n’est pas de celles proposées.",
    "not_the_day": "Ce rendez-vous n’est pas pour aujourd’hui.",
    "not_arrived": "Ce patient n’est pas noté arrivé.",
    "patient_arrived": "Ce patient est noté arrivé : il n’est pas absent.",
    "too_early_for_no_show": "L’heure du rendez-vous n’est pas passée : le patient n’est pas encore absent.",
    "nothing_free_today": "Plus rien n’est libre aujourd’hui pour cet examen.",
    "part_unknown": "Choisissez le matin, l’après-midi ou toute la journée.",
    "exam_cancelled": "L’examen a été annulé avant que la demande ne parte : rien n’est à envoyer.",
    "unknown_machine": "Cette machine n’existe pas sur ce site.",
    "outage_ends_before": "La fin doit suivre le début.",
    "outage_over": "Cette période est déjà passée.",
    "outage_too_long": "Une machine se met hors service pour deux mois au plus ; renouvelez ensuite.",
    "unknown_mpps": "Cet acte n’est pas connu.",
    "mpps_settled": "Quelqu’un a déjà décidé autrement pour cet acte. Rechargez la page.",
    "report_begun": "Le compte rendu de cet examen est commencé : l’acte ne peut plus en être détaché.",
    "no_such_root": "Le numéro d’étude ne peut pas être fait : la racine d’OID réglée n’est pas valable.",
}

MESSAGES: Final[dict[str, str]] = {
    "not_on_the_list": "Ce message n’attend plus : quelqu’un l’a déjà traité.",
    "changed_meanwhile": "Ce message vient d’être traité par quelqu’un d’autre. Rechargez la page.",
    "nothing_to_replay": "Un accusé de réception ne se rejoue pas ; il peut être écarté.",
    "unknown_message": "Ce message n’est pas connu sur ce site.",
    "unexpected_error": "Le message a fait échouer notre programme ; le service informatique est à prévenir.",
    "control_id_repeated": "Ce numéro de message a déjà servi, avec un autre contenu. Les deux sont conservés.",
    "message_type_not_supported": "Ce type de message n’est pas traité ici.",
    "order_control_not_supported": "Cette action sur une demande n’est pas traitée ici.",
    "no_msh": "Le message ne commence pas par un en-tête MSH.",
    "several_messages": "Plusieurs messages ont été envoyés en un seul.",
    "several_patients": "Le message parle de plusieurs patients.",
    "segment_missing": "Un segment obligatoire manque.",
    "delimiters_missing": "Les séparateurs du message manquent.",
    "delimiters_ambiguous": "Deux séparateurs du message sont le même caractère.",
    "unknown_charset": "Le jeu de caractères annoncé n’est pas connu.",
    "characters_not_of_charset": "Des caractères ne sont pas ceux du jeu annoncé.",
    "too_long": "Une valeur est plus longue que permis.",
    "ipp_missing": "Le message ne donne pas d’IPP de ce site.",
    "several_ipp": "Le message donne plusieurs IPP différents de ce site.",
    "birth_name_missing": "Le nom ou le prénom de naissance manque.",
    "placer_number_missing": "Le numéro de la demande manque.",
    "placer_number_repeated": "Le message donne deux fois le même numéro de demande.",
    "placer_number_of_somebody_else": "Ce numéro de demande appartient déjà à un autre patient.",
    "unknown_placer_number": "Ce numéro de demande n’est pas connu.",
    "exam_missing": "La demande ne dit pas quel examen est voulu.",
    "request_already_booked": "La demande est déjà programmée : elle ne peut plus être changée par un message.",
    "request_cancelled": "La demande a été annulée auparavant.",
    "unknown_channel": "Ce canal d’envoi n’est pas connu.",
}

REMOTES: Final[dict[str, str]] = {
    "too_busy": "Trop de personnes écrivent au même endroit en ce moment. Rien n’a été fait ; recommencez.",
    "cloud_unavailable": "Un service de stockage ne répond pas. Rien n’a été fait ; réessayez dans un instant.",
    "not_storable": "Cette valeur ne peut pas être enregistrée.",
    "workflows_unavailable": "La confirmation ne peut pas être lancée pour l’instant ; elle le sera d’elle-même.",
    "feed_unavailable": "La liste de travail ne peut pas être publiée pour l’instant ; elle le sera d’elle-même.",
}

LOGIN: Final[dict[str, str]] = {
    "no_session": "Connectez-vous pour continuer.",
    "session_expired": "Votre session est arrivée à son terme. Reconnectez-vous pour continuer.",
    "session_idle": "Votre session a été fermée faute d’activité. Reconnectez-vous pour continuer.",
    "account_closed": "Votre compte n’a plus de rôle sur aucun site. Adressez-vous au service informatique.",
    "unknown_provider": "Cette porte d’entrée n’existe pas.",
    "missing_parameter": "La réponse du fournisseur d’identité est incomplète. Recommencez la connexion.",
    "unknown_state": "Cette connexion a déjà servi ou n’a pas commencé ici. Recommencez.",
    "login_expired": "La connexion a pris trop de temps. Recommencez.",
    "other_browser": "La connexion a commencé dans un autre navigateur. Recommencez dans celui-ci.",
    "other_provider": "La réponse vient d’un autre fournisseur d’identité que celui demandé. Recommencez.",
    "provider_refused": "Le fournisseur d’identité a refusé la connexion, ou vous l’avez interrompue.",
    "unknown_account": "Vous êtes identifié, mais aucun compte du groupe ne vous correspond. Adressez-vous au service informatique.",
    "no_role": "Votre compte n’a de rôle sur aucun site. Adressez-vous au service informatique.",
    "code_refused": "Le fournisseur d’identité n’a pas reconnu cette connexion. Recommencez.",
    "psc_no_rpps": "Pro Santé Connect n’a pas transmis de numéro RPPS : cette porte est réservée aux professionnels qui en ont un.",
    "token_acr": "Le niveau d’authentification demandé n’a pas été atteint. Recommencez avec la carte CPS ou l’e-CPS.",
}

_UNPROVEN: Final = "L’identité reçue n’a pas pu être vérifiée. Recommencez ; si cela se répète, prévenez le service informatique."
_UNREACHABLE: Final = "Le fournisseur d’identité ne répond pas. Réessayez dans un instant."
_MISCONFIGURED: Final = "Le fournisseur d’identité est mal réglé. Prévenez le service informatique."

_UNPROVEN_BY: Final = "algorithm at_hash audience auth_time azp claims expired form header instant issued_at issuer kid kind nonce not_yet signature subject"

SENTENCES: Final[dict[str, str]] = {
    **MAIL_SENTENCES,
    **DMP_SENTENCES,
    **PORTAL,
    **BOOKING,
    **MESSAGES,
    **REMOTES,
    **LOGIN,
    **IDENTITY,
    **AGAIN,
    **ACCESS,
    **REPORT,
    **USAGE,
    **dict.fromkeys((f"token_{fault}" for fault in _UNPROVEN_BY.split()), _UNPROVEN),
    **dict.fromkeys(("unknown_key", "other_issuer", "userinfo_missing", "userinfo_subject", "userinfo_refused"), _UNPROVEN),
    **dict.fromkeys(("userinfo_unreadable", "token_answer"), _UNPROVEN),
    **dict.fromkeys(("keys_unreadable", "discovery_unreadable", "provider_failed", "provider_unreachable"), _UNREACHABLE),
    **dict.fromkeys(("discovery_issuer", "provider_not_https", "provider_secret"), _MISCONFIGURED),
}
"""Every code with its sentence, said to whoever clicked."""

ROW_SENTENCES: Final[dict[str, str]] = {**SENTENCES, **DMP_SENTENCES}
"""The same on a delivery row, where nobody clicked: what comes next happens by itself, or somebody is named."""
