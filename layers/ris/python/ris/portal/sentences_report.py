"""Sentences of the codes that writing, validating and signing a report can raise: what happened, and who does what."""

from __future__ import annotations

from typing import Final

REPORT: Final[dict[str, str]] = {
    # report: the text
    "title_missing": "Le compte rendu n’a pas de titre. Le radiologue en donne un.",
    "title_too_long": "Le titre dépasse 128 caractères, longueur admise par le DMP. Le radiologue le raccourcit.",
    "conclusion_missing": "Le compte rendu n’a pas de conclusion. Le radiologue écrit une section « Conclusion ».",
    "heading_missing": "Une section a un texte, mais pas d’intitulé. Le radiologue en donne un.",
    "heading_too_long": "Un intitulé dépasse 120 caractères. Raccourcissez-le.",
    "character_not_drawable": "Un caractère ne peut pas être imprimé : il disparaîtrait du compte rendu. Remplacez-le dans le champ "
    "indiqué ; s’il vient d’un nom ou d’une adresse, la cellule d’identitovigilance ou le service informatique le corrige.",
    "report_too_long": "Le compte rendu dépasse 200 000 caractères. Raccourcissez-le.",
    "too_many_sections": "Le compte rendu a plus de 40 sections. Réunissez-en.",
    "too_many_recipients": "Un compte rendu part à 20 correspondants au plus. Retirez-en.",
    "unknown_recipient": "Un destinataire en copie n’est pas dans l’annuaire du groupe. Retirez-le, ou le service informatique l’ajoute.",
    # report: who writes, who validates
    "unknown_report": "Aucun compte rendu n’a été commencé pour cet examen.",
    "edited_by_other": "Quelqu’un a modifié ce compte rendu depuis que vous l’avez ouvert. Votre texte est conservé dans cette page : "
    "comparez-le au sien avant d’enregistrer de nouveau.",
    "unknown_template": "Ce modèle n’est pas proposé pour cet examen. Rechargez la page ; le service informatique tient la liste des modèles.",
    "unknown_macro": "Cette phrase n’est pas proposée pour cet examen. Rechargez la page ; le service informatique en tient la liste.",
    "taken_by_other": "Un autre radiologue a déjà pris cet examen. Ouvrez-le pour voir où il en est, ou prenez le suivant.",
    "not_the_secretarys": "Ce compte rendu n’est pas au secrétariat : il n’y a rien à rendre. Rechargez la page.",
    "note_missing": "Rien ne dit ce qui est à corriger. Le radiologue l’écrit en un mot pour le secrétariat.",
    "note_too_long": "Le mot pour le secrétariat dépasse 500 caractères. Raccourcissez-le.",
    "report_validating": "Ce compte rendu est validé et ses documents sont en cours de signature : il ne se modifie plus.",
    "report_validated": "Ce compte rendu est validé : il ne se modifie plus. Une correction en fera une nouvelle version.",
    "report_deleted": "Ce compte rendu a été supprimé chez ses destinataires. Un radiologue peut l’ouvrir de nouveau pour le corriger.",
    "report_not_validated": "Ce compte rendu n’est pas encore validé : il n’y a rien à corriger, à annoncer ni à supprimer. Un radiologue le valide d’abord.",
    "announcement_not_done": "Le patient attend encore l’annonce : quand elle est faite, un radiologue le dit par « Annonce faite », et le compte rendu lui devient visible.",
    "exam_not_performed": "Cet examen n’a pas encore eu lieu, ou il a été annulé : son compte rendu ne peut pas être validé.",
    "validator_not_radiologist": "Seul un radiologue de ce site valide un compte rendu.",
    "validator_without_rpps": "Votre compte n’a pas de numéro RPPS : vous ne pouvez pas valider. Le service informatique le complète.",
    "psc_session_required": "Pour valider, connectez-vous avec Pro Santé Connect. Votre texte est enregistré.",
    "psc_other_person": "La session Pro Santé Connect est celle d’un autre professionnel. Déconnectez-vous, puis reconnectez-vous avec "
    "votre carte.",
    # report: facts that documents need
    "structure_incomplete": "Les données de la structure sont incomplètes (entité juridique, secteur d’activité) : le service "
    "informatique les complète, puis le radiologue valide de nouveau.",
    "author_incomplete": "Le radiologue n’est pas dans les données du groupe avec sa spécialité : le service informatique le complète, "
    "puis le radiologue valide de nouveau.",
    "act_incomplete": "Cet examen du catalogue n’a pas son code LOINC ou sa région anatomique : le service informatique le complète, "
    "puis le radiologue valide de nouveau.",
    "act_missing": "Le compte rendu ne cite aucun acte. Le service informatique vérifie le catalogue.",
    "no_accession_authority": "Cet examen a été programmé sans autorité de numérotation : le service informatique est à prévenir.",
    # report: signing
    "certificate_of_another_structure": "Le certificat de signature est celui d’une autre structure. Le service informatique installe le "
    "bon, puis le radiologue valide de nouveau.",
    "certificate_of_another_key": "Le certificat de signature ne va pas avec la clé. Le service informatique installe le bon, puis le "
    "radiologue valide de nouveau.",
    "certificate_not_in_force": "Le certificat de signature a expiré. Le service informatique le renouvelle ; le compte rendu est signé "
    "ensuite de lui-même.",
    "certificate_missing": "Aucun certificat de signature n’est installé pour cette entité juridique. Le service informatique l’installe ; "
    "le compte rendu est signé ensuite de lui-même.",
    "document_unavailable": "Les documents ne peuvent pas être lus ou enregistrés en ce moment. Rien n’est perdu : le RIS réessaie de "
    "lui-même.",
    "validation_gone": "Cette validation a été remplacée par une autre. Rechargez la page.",
    "unknown_version": "Cette version du compte rendu n’existe pas.",
    "version_withdrawn": "Cette version a été refusée avant d’être signée : rien n’en est parti. Rechargez la page.",
    "report_refused": "La signature a été refusée : rien n’est parti. Le radiologue corrige le compte rendu, puis le valide de nouveau.",
}
