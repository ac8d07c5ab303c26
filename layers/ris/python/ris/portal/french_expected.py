"""French sentences of the channels before validation: what each will do, why, and what a person may do about it."""

from __future__ import annotations

from typing import Final

from ris.application.report.expected_channels import ExpectedChannel
from ris.domain.dispatch.delivery import DeliveryState

REASONS: Final[dict[str, str]] = {
    "identity": "attend une identité qualifiée",
    "opposition": "le patient s’oppose à l’alimentation de son DMP",
    "refusal": "le patient a refusé cet envoi",
    "announcement": "attend l’annonce au patient",
    "withheld": "le compte rendu est retenu",
    "masked": "le compte rendu est masqué aux professionnels",
    "to_print": "aucune adresse MSSanté connue : à imprimer",
    "no_requester": "aucun prescripteur n’est connu",
    "not_informed": "partira ; l’information du patient sur son DMP n’est pas recueillie",
}
MENDING: Final[dict[str, str]] = {
    "qualify_identity": "Qualifier l’identité : chercher l’INS, puis vérifier une pièce.",
    "ask_opposition": "Rien ne part. Si le patient a changé d’avis, recueillir son accord.",
    "lift_refusal": "Rien ne part. Si le patient a changé d’avis, lever son refus.",
    "announce": "Indiquer « annonce faite » une fois le patient informé.",
    "release": "Lever la retenue.",
    "unmask": "Retirer le masquage si un professionnel doit le recevoir.",
    "print": "Imprimer le compte rendu, l’envoyer, puis indiquer « imprimé ».",
    "name_requester": "Le prescripteur se nomme sur la demande de l’hôpital. Sinon, le radiologue ajoute son RPPS dans « Copie à ».",
    "inform_patient": "Informer le patient et recueillir son accord ou son opposition.",
}
_STATES = {
    DeliveryState.PENDING: "partira à la validation",
    DeliveryState.DELEGATED: "la plateforme de l’hôpital l’enverra",
    DeliveryState.HELD: "en attente",
    DeliveryState.WITHDRAWN: "ne partira pas",
}
_SOURCES = {
    "order": "adresse de la demande, confirmée par l’annuaire",
    "directory": "adresse de l’annuaire",
    "structure": "boîte de sa structure",
}


def state_sentence(one: ExpectedChannel) -> str:
    """Return what the channel will do, and why."""
    if one.reason == "not_informed" and one.state is DeliveryState.PENDING:
        return REASONS[one.reason]
    said = _STATES[one.state]
    return f"{said} : {REASONS[one.reason]}" if one.reason else said


def mend_sentence(one: ExpectedChannel) -> str:
    """Return what a person may do about it, or an empty text."""
    return MENDING[one.mend] if one.mend else ""


def address_sentence(one: ExpectedChannel) -> str:
    """Return the mailbox that was chosen and where it comes from; one on the red list is not shown. Empty where there is none."""
    if not one.source:
        return ""
    shown = "adresse sur liste rouge" if one.red_listed else one.address
    return f"{shown} ({_SOURCES[one.source]})"
