"""French words of the access log: what was done, with what result, and what a broken chain means."""

from __future__ import annotations

from typing import Final

ACTIONS: Final[dict[str, str]] = {
    "login": "Se connecter",
    "logout": "Se déconnecter",
    "read_home": "Ouvrir l’accueil",
    "read_agenda": "Consulter l’agenda",
    "read_requests": "Consulter les demandes",
    "book_appointment": "Programmer un examen",
    "cancel_exam": "Annuler un examen",
    "read_worklist": "Consulter la liste de travail",
    "read_exam": "Consulter un examen",
    "read_patient": "Consulter un patient",
    "search_patients": "Chercher des patients",
    "read_parked": "Consulter les messages en attente",
    "replay_parked": "Rejouer un message",
    "dismiss_parked": "Écarter un message",
    "read_mpps_unscheduled": "Consulter les actes non rattachés",
    "query_insi": "Interroger INSi",
    "qualify_identity": "Qualifier une identité",
    "reveal_ins": "Afficher l’INS",
    "record_information": "Noter l’information du patient",
    "mark_identity": "Marquer une identité",
    "clear_identity_mark": "Lever une marque d’identité",
    "edit_traits": "Corriger des traits",
    "count_usage": "Compter l’usage",
    "read_report": "Consulter un compte rendu",
    "edit_report": "Rédiger un compte rendu",
    "validate_report": "Valider un compte rendu",
    "release_announcement": "Dire l’annonce faite",
    "withhold_report": "Retenir un compte rendu",
    "delete_report": "Supprimer un compte rendu",
    "retry_delivery": "Renvoyer",
    "print_report": "Noter un envoi postal",
    "record_refusal": "Noter un refus de message",
    "read_desk": "Consulter l’accueil du jour",
    "check_in": "Noter une arrivée",
    "move_exam": "Déplacer un examen",
    "override_contraindication": "Maintenir malgré une contre-indication",
    "call_patients": "Consulter qui rappeler",
    "call_in": "Appeler un patient attendu",
    "create_patient": "Créer un patient",
    "read_machines": "Consulter les machines",
    "declare_outage": "Déclarer une machine en panne",
    "settle_mpps": "Rattacher ou écarter un acte",
    "read_letters": "Consulter ce qui est à imprimer",
    "read_own_reports": "Consulter ses comptes rendus",
    "read_secretariat": "Consulter le secrétariat",
    "take_report": "Prendre un compte rendu",
    "read_usage": "Consulter les indicateurs",
    "read_cockpit": "Consulter ce qui est bloqué",
    "settle_delivery": "Classer un envoi bloqué",
    "read_strange_answers": "Consulter une réponse irrecevable",
    "read_audit": "Consulter les accès",
    "export_audit": "Exporter les accès",
    "verify_audit": "Vérifier la chaîne des accès",
    "load_reference": "Charger le référentiel",
    "put_certificate": "Ranger un certificat",
    "recount_usage": "Refaire le compte des indicateurs",
}
"""Action of the policy, of the login or of an operator's command to its words; what is not here is shown by its name."""

RESULTS: Final[dict[str, str]] = {"allowed": "Permis", "refused": "Refusé", "not_found": "Inexistant"}

CHAIN: Final[dict[str, str]] = {
    "verified": "Vérifiée",
    "broken": "Rompue",
    "waiting": "Pas encore scellée",
    "empty": "Aucun accès",
}

CHAIN_FAULTS: Final[dict[str, str]] = {
    "record_changed": "Enregistrement changé depuis qu’il est scellé",
    "record_missing": "Enregistrement scellé, puis retiré",
    "record_unsealed": "Enregistrement que rien n’a scellé : ajouté après coup, ou seal_audit ne tourne pas",
    "seal_changed": "Maillon changé",
    "seal_missing": "Maillon retiré",
    "seal_not_signed": "Maillon dont la signature n’est pas celle de la clé d’audit",
    "seals_cut_off": "Fin de chaîne coupée : le coffre a vu d’autres maillons",
}

WORDS: Final[dict[str, str]] = {
    **{f"action.{name}": text for name, text in ACTIONS.items()},
    **{f"audit_result.{name}": text for name, text in RESULTS.items()},
    **{f"chain.{name}": text for name, text in CHAIN.items()},
    **{f"chain_fault.{name}": text for name, text in CHAIN_FAULTS.items()},
}
