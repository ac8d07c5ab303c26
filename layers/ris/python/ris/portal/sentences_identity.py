"""Sentences of the codes that an identity, its proof or INSi can raise: what happened, and who does what."""

from __future__ import annotations

from typing import Final

IDENTITY: Final[dict[str, str]] = {
    # identity: what a person types or decides
    "trait_missing": "Ce trait strict est à remplir.",
    "trait_too_long": "Ce trait dépasse 100 caractères. Vérifiez la saisie.",
    "character_not_allowed": "Ce trait contient un caractère qu’INSi n’accepte pas : majuscules sans accent, espace, apostrophe et "
    "trait d’union seulement. L’accueil corrige la saisie.",
    "character_misplaced": "Un espace, une apostrophe ou un trait d’union est mal placé dans ce trait. L’accueil corrige la saisie.",
    "strict_trait_missing": "La date de naissance et le sexe (M ou F) sont nécessaires pour interroger INSi. L’accueil les complète.",
    "birth_date_impossible": "Cette date de naissance n’existe pas. Vérifiez-la sur la pièce d’identité.",
    "birth_place_malformed": "Le lieu de naissance est un code INSEE de cinq caractères (99999 s’il est inconnu).",
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
    "unknown_event": "Cette action sur l’identité n’est pas connue. Rechargez la page du patient, puis recommencez.",
    "unknown_answer": "La réponse d’INSi gardée ne se retrouve pas. L’informatique lit les journaux.",
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
