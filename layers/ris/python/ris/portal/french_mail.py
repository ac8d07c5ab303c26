"""French sentences of mail and of reports as HL7: each code that can stand on a delivery row, with who does what about it."""

from __future__ import annotations

from typing import Final

MAIL_SENTENCES: Final[dict[str, str]] = {
    # where a row stands
    "accepted_by_operator": "L’opérateur MSSanté a accepté le courriel ; son accusé de réception est attendu. Rien n’est à faire.",
    "no_receipt": "L’opérateur a accepté le courriel, et aucun accusé n’est revenu dans le délai. Le secrétariat peut appeler le "
    "destinataire, ou imprimer et indiquer « imprimé » ; le RIS ne renvoie rien de lui-même.",
    "announcement": "Une annonce est à faire au patient : rien ne lui est envoyé. Le radiologue indique « annonce faite », et l’envoi part "
    "de lui-même.",
    "withheld": "Le compte rendu est retenu : rien ne part, vers personne. Le radiologue lève la retenue.",
    "masked": "Le compte rendu est masqué aux professionnels : aucun courriel ne leur est envoyé. Rien n’est à faire.",
    "refusal": "Le patient a refusé cet envoi. Rien ne part ; si besoin, le secrétariat remet le compte rendu par une autre voie.",
    "superseded": "Une version plus récente du compte rendu part à la place de celle-ci. Rien n’est à faire.",
    "to_print": "Le destinataire n’a pas d’adresse MSSanté connue. Le secrétariat imprime le compte rendu, l’envoie, puis indique « imprimé ».",
    "not_to_print": "Cette ligne n’attend pas d’impression : son envoi est déjà réglé.",
    # rules of ours, before anything leaves
    "too_big": "Le courriel dépasse la taille que le destinataire peut recevoir : il n’est pas parti. Le secrétariat remet le compte rendu par "
    "une autre voie.",
    "address_malformed": "L’adresse du destinataire ou de la boîte d’envoi n’est pas valable : rien n’est parti. L’informatique la corrige, "
    "puis relance.",
    "mailbox_not_configured": "Le site n’a pas de boîte MSSanté complète (adresse, mot de passe, certificat). L’informatique la dépose, puis "
    "relance.",
    "mss_not_configured": "Les serveurs de l’opérateur MSSanté ne sont pas réglés. L’informatique corrige l’adresse, puis relance.",
    "illegal_combination": "La plateforme de l’hôpital n’accepte pas cette combinaison de visibilités. L’informatique prévient l’éditeur.",
    # the operator does not answer, or not believably: nobody acts
    "mss_unreachable": "L’opérateur MSSanté est injoignable : rien n’est parti. Le RIS recommence de lui-même ; si cela dure, l’informatique "
    "vérifie l’accès à Internet.",
    "mss_busy": "L’opérateur MSSanté demande de revenir plus tard : rien n’a été pris. Le RIS recommence de lui-même.",
    "mss_breaker_open": "L’opérateur MSSanté est en panne : les envois sont suspendus pour tous et reprendront seuls.",
    "mss_answer_lost": "Le courriel est parti et la réponse de l’opérateur s’est perdue. Le RIS attend un accusé ; sans accusé après "
    "quelques heures, il renvoie le même message.",
    # the certificate of who is called
    "server_certificate_revoked": "Le certificat du serveur appelé est révoqué : rien ne lui a été envoyé. L’informatique prévient son "
    "exploitant ; le RIS recommence de lui-même quand il l’a remplacé.",
    "server_revocation_unknown": "La liste des certificats révoqués est introuvable, et le réglage interdit d’envoyer sans elle. Le RIS "
    "recommence de lui-même ; si cela dure, l’informatique vérifie l’accès à la liste du certificat appelé.",
    # the operator refuses us
    "mss_tls_refused": "La connexion sécurisée avec l’opérateur MSSanté a échoué : rien n’est parti. L’informatique vérifie les autorités "
    "de certification.",
    "mss_certificate_refused": "L’opérateur MSSanté refuse notre certificat, ou il est en panne. Le RIS recommence ; si cela dure, "
    "l’informatique vérifie le certificat de la boîte (usage, expiration).",
    "mss_login_refused": "L’opérateur MSSanté refuse l’identifiant ou le mot de passe de la boîte. L’informatique les corrige, puis relance.",
    "mss_sender_refused": "L’opérateur MSSanté refuse notre boîte comme expéditrice. L’informatique l’appelle.",
    "mss_refused": "L’opérateur MSSanté refuse le courriel sans code connu. L’informatique lit ses mots sur la ligne, puis relance.",
    # what became of the mail
    "recipient_unknown": "L’adresse n’existe pas chez l’opérateur du destinataire. Le secrétariat vérifie l’annuaire, puis relance ou imprime.",
    "mailbox_closed": "La boîte du destinataire est fermée. Le secrétariat remet le compte rendu par une autre voie.",
    "mailbox_full": "La boîte du destinataire est pleine. Le secrétariat le prévient, puis relance.",
    "refused_too_big": "L’opérateur a refusé le courriel : il est trop volumineux. Le secrétariat remet le compte rendu par une autre voie.",
    "recipient_unreachable": "L’opérateur du destinataire est resté injoignable. Le secrétariat relance plus tard ou imprime.",
    "domain_not_authorised": "Le domaine du destinataire n’est pas dans l’espace de confiance MSSanté. Le secrétariat demande une autre adresse "
    "ou imprime.",
    "bounced": "Le courriel est revenu. Le secrétariat lit le motif sur la ligne, puis relance ou imprime.",
    # what the recipient's software says (900 to 906)
    "integration_900": "Le logiciel du destinataire refuse la version du document. L’informatique prévient l’éditeur ; le secrétariat imprime.",
    "integration_901": "Le logiciel du destinataire n’autorise pas notre structure comme auteur. Le secrétariat appelle le destinataire.",
    "integration_902": "Le logiciel du destinataire ne connaît pas ce patient. Le secrétariat appelle le destinataire.",
    "integration_903": "Le logiciel du destinataire attend une INS, absente du document. L’accueil qualifie l’identité ; la version suivante part "
    "d’elle-même.",
    "integration_904": "L’INS du document n’est pas celle que connaît le destinataire. La cellule d’identitovigilance vérifie l’identité.",
    "integration_905": "L’INS du document est incomplète pour le destinataire. La cellule d’identitovigilance vérifie les traits.",
    "integration_906": "Le logiciel du destinataire n’a pas pu intégrer le document. Le secrétariat l’appelle ou imprime.",
    # HL7
    "handed_over": "Le message est remis à la passerelle du site ; la réponse du destinataire est attendue. Rien n’est à faire.",
    "unacknowledged": "Aucune réponse n’est revenue de la passerelle du site. Le RIS renvoie le même message de lui-même ; si cela dure, "
    "l’informatique vérifie la passerelle.",
    "refused_by_peer": "Le destinataire a refusé le message. L’informatique lit son motif sur la ligne, corrige, puis relance.",
    "postponed_by_peer": "Le destinataire demande de renvoyer plus tard. Le RIS recommence de lui-même.",
    "no_answer": "Le destinataire n’a pas répondu et a peut-être reçu le message. Le RIS renvoie le même message de lui-même.",
    "peer_unreachable": "Le destinataire était injoignable. Le RIS recommence de lui-même ; si cela dure, l’informatique vérifie la liaison.",
    # what came back and nobody can place
    "mail_not_understood": "Ce courriel n’est pas un accusé. Le secrétariat le lit dans la boîte et y répond si besoin.",
    "receipt_of_nothing_sent": "Cet accusé ne correspond à aucun envoi. L’informatique le classe.",
    "receipt_of_another_recipient": "Cet accusé nomme un autre destinataire que l’envoi. L’informatique vérifie avec l’opérateur.",
    "acknowledgement_of_nothing_sent": "Cette réponse ne correspond à aucun message envoyé par ce site. L’informatique la classe.",
    "acknowledgement_of_another_recipient": "Cette réponse nomme un destinataire que la plateforme ne devait pas servir. L’informatique "
    "vérifie avec l’hôpital.",
    # the directory
    "directory_not_configured": "L’adresse de l’extraction de l’Annuaire Santé n’est pas valable. L’informatique la corrige.",
    "directory_unavailable": "L’Annuaire Santé ne répond pas. L’extraction précédente reste en service ; le RIS recommence de lui-même.",
    "extract_unreadable": "L’extraction de l’Annuaire Santé est illisible ou incomplète. La précédente reste en service ; l’informatique vérifie.",
    "extract_shrunk": "L’extraction de l’Annuaire Santé a perdu plus de la moitié de ses boîtes : elle n’est pas reprise. L’informatique "
    "vérifie.",
}
