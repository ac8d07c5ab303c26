"""Sentences of rows that a later version settles, and of those that are not sent again by hand."""

from __future__ import annotations

from typing import Final

AGAIN: Final[dict[str, str]] = {
    # settled by a later version
    "same_content": "Ce destinataire a déjà lu ce texte dans une version précédente : il n’est pas prévenu deux fois. Rien n’est à faire.",
    "deleted": "Le compte rendu a été supprimé avant de partir : il ne part pas. Rien n’est à faire.",
    # sent again by hand
    "already_delivered": "Ce destinataire a déjà reçu le compte rendu : rien n’est renvoyé.",
    "row_delegated": "Cet envoi est confié à la plateforme de l’établissement : le service informatique voit avec elle.",
    "row_withdrawn": "Cet envoi est retiré : plus rien n’est à envoyer.",
    "held_announcement": "L’annonce au patient n’est pas faite : un radiologue le dit quand elle l’est, et l’envoi part.",
    "held_withheld": "Le compte rendu est retenu : un radiologue le laisse partir.",
    "held_to_print": "Cet envoi attend d’être imprimé : le secrétariat l’imprime, puis le dit ici.",
    "answer_awaited": "Le message est chez la passerelle du site, qui attend la réponse : le renvoyer pourrait le doubler. Le RIS reprend de "
    "lui-même.",
    "mail_outcome_unknown": "Ce courriel est peut-être arrivé : le renvoyer maintenant pourrait le doubler. Le RIS attend un accusé, puis "
    "reprend de lui-même.",
}
