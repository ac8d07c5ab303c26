"""What a failure means to the person at the terminal: one sentence, no stack, nobody's data."""

from __future__ import annotations

from ris.application.conflicts import Conflict
from ris.domain.errors import RisError

SENTENCES = {
    "cloud_unavailable": "AWS ne répond pas, ou refuse ces identifiants",
    "unknown_message": "ce message n'existe pas sur ce site",
    "not_on_the_list": "ce message n'attend plus de décision",
    "nothing_to_replay": "un acquittement ne se rejoue pas",
    "changed_meanwhile": "le message a changé entre-temps : regarder de nouveau la liste",
    "too_busy": "trop d'écritures au même moment : recommencer",
    "unknown_legal_entity": "cette entité juridique n'est pas au référentiel",
    "not_pem": "ce n'est pas du PEM lisible, ou la clé est chiffrée",
    "certificate_of_another_key": "le certificat n'est pas celui de cette clé",
    "unknown_site": "ce site n'existe pas",
    "unknown_delivery": "aucun envoi de ce canal pour cet examen",
}


def told(error: BaseException) -> str | None:
    """Return the sentence for a failure we know, or None."""
    from botocore.exceptions import BotoCoreError

    if isinstance(error, RisError):
        sentence = SENTENCES.get(error.code, "refusé")
        detail = f" [{error.detail}]" if error.detail else ""
        return f"Échec : {sentence} ({error.code}){detail}."
    if isinstance(error, Conflict):
        return "Échec : quelqu'un d'autre a écrit au même moment ; recommencer."
    if isinstance(error, BotoCoreError):
        return f"Échec : AWS n'est pas joignable depuis ce poste ({type(error).__name__})."
    if isinstance(error, OSError) and error.filename:
        return f"Échec : {error.filename} ne peut pas être lu ou écrit ({type(error).__name__})."
    return None
