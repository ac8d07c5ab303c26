"""French sentences of the DMP: each code that can stand on a delivery row, with who does what about it."""

from __future__ import annotations

from typing import Final

DMP_SENTENCES: Final[dict[str, str]] = {
    # where a row stands
    "no_dmp": "Le patient n’a pas de DMP. Rien à faire : le RIS repose la question chaque jour et dépose dès qu’il y en a un.",
    "identity": "L’identité n’est pas qualifiée : sans INS qualifiée, rien n’entre au DMP et rien n’est écrit au patient. L’accueil "
    "qualifie l’identité.",
    "opposition": "Le patient, informé, s’est opposé au dépôt. Rien ne part ; s’il change d’avis, l’accueil le recueille et le dépôt part "
    "de lui-même.",
    "patient_opposed": "Le patient, informé, s’est opposé au dépôt. Rien ne part, et rien n’est à faire.",
    "dmp_closed": "Le DMP du patient est fermé, à la date et pour le motif indiqués. Le dépôt n’est plus tenté ; le secrétariat remet le "
    "compte rendu par une autre voie.",
    "report_refused": "Cette version a été refusée avant son départ : rien n’en sort. Le radiologue corrige et valide de nouveau.",
    "sending": "L’envoi est en cours, ou sa fin n’est pas connue. Le RIS s’en assure avant tout nouvel envoi.",
    "absent": "Le DMP n’a pas le document. Le RIS renvoie de lui-même les mêmes octets.",
    "reopened": "Une personne a demandé un nouvel envoi après correction. Le RIS l’envoie de lui-même.",
    # the DMP does not answer, or not believably: nobody acts
    "dmp_unreachable": "Le DMP est injoignable : rien n’est parti. Le RIS recommence de lui-même ; si cela dure, l’informatique vérifie "
    "l’accès à Internet.",
    "dmp_503": "Le DMP se dit indisponible : rien n’a été pris. Le RIS recommence de lui-même.",
    "dmp_breaker_open": "Le DMP est en panne : les appels sont suspendus pour tous et reprendront seuls.",
    "dmp_answer_lost": "Le document est parti et la réponse du DMP s’est perdue. Le RIS demande au DMP s’il l’a, avant tout nouvel envoi.",
    "dmp_answer_unreadable": "La réponse du DMP est illisible. Le RIS repose la question ; si cela dure, l’informatique prévient le GIE.",
    "dmp_outcome_unknown": "La fin du dépôt n’est pas connue. Le RIS demande au DMP s’il a le document avant tout nouvel envoi.",
    "dmp_settling": "Le RIS laisse au DMP le temps d’enregistrer, puis lui demande s’il a le document.",
    "outcome_not_written": "La fin de l’envoi n’a pas pu être enregistrée chez nous. Le RIS s’en assure avant tout nouvel envoi.",
    "predecessor_pending": "La version précédente n’a pas fini son dépôt. Celle-ci part d’elle-même ensuite.",
    "version_not_signed": "Les documents de cette version ne sont pas encore signés. L’envoi part de lui-même ensuite.",
    "function_failed": "Une étape de l’envoi s’est interrompue. Le RIS la reprend de lui-même ; si cela dure, l’informatique lit les journaux.",
    "cloud_unavailable": "Un service de notre hébergement ne répond pas. Le RIS recommence de lui-même.",
    "workflows_unavailable": "La reprise n’a pas pu démarrer. Le RIS recommence de lui-même.",
    "not_storable": "Notre base refuse cette écriture. L’informatique prévient l’éditeur.",
    "too_busy": "Trop d’écritures simultanées sur cette ligne. Le RIS recommence de lui-même.",
    # rules of ours, before anything leaves
    "dmp_tls_refused": "Le DMP et nous n’avons pas pu établir la connexion sécurisée : rien n’est parti. L’informatique vérifie le "
    "certificat AUTH_CLI de l’entité juridique (usage, expiration, révocation).",
    "dmp_not_configured": "L’entité juridique n’a pas de certificat ou de réglage pour le DMP. L’informatique les dépose, puis relance.",
    "structure_not_certificates": "La structure du compte rendu n’est pas celle du certificat. L’informatique corrige la structure du "
    "site ou le certificat, puis relance.",
    "another_structures_document": "Cette version remplace un document d’une autre entité juridique, qui seule peut le remplacer. Le "
    "radiologue s’adresse à elle.",
    "replaced_document_absent": "Le document à remplacer n’est plus au DMP. Le radiologue vérifie s’il a été supprimé, et pourquoi.",
    "stored_document_changed": "Le document conservé n’est plus celui qui a été signé : il ne part pas. L’informatique ouvre un incident.",
    "unknown_delivery": "Cette version n’a pas de ligne d’envoi pour ce destinataire. L’informatique lit les journaux.",
    "unknown_version": "Cette version n’existe pas ou a été retirée : rien ne part. L’informatique lit les journaux.",
    "unknown_exam": "L’examen de cette ligne n’existe plus. L’informatique lit les journaux.",
    "unknown_patient": "Le patient de cet examen n’existe plus. La cellule d’identitovigilance vérifie les fusions.",
    "invalid_input": "Une étape de l’envoi a été appelée de travers : rien n’est parti. L’informatique prévient l’éditeur.",
    # what the DMP itself says
    "DMPOk": "Le DMP a fait ce qui était demandé. Rien n’est à faire.",
    "DMPFound": "Le DMP du patient existe. Rien n’est à faire.",
    "DMPClosed": "Le DMP du patient est fermé. Le dépôt n’est plus tenté ; le secrétariat remet le compte rendu par une autre voie.",
    "DMPPatientAccessAlreadyExists": "L’accès du patient à son DMP existe déjà. Rien n’est à faire.",
    "DMPPatientAccessOTPAlreadyExists": "L’accès du patient par code à usage unique existe déjà. Rien n’est à faire.",
    "DMPInvalidCertificate": "Le DMP refuse notre certificat de signature. L’informatique le vérifie (usage, expiration), puis relance ; "
    "d’ici là les dépôts de l’entité juridique sont suspendus.",
    "DMPAccessDeniedByRightsService": "Le DMP refuse cet accès à notre structure. L’informatique vérifie ses droits auprès du GIE.",
    "DMPIdentityCertificationFailure": "Le DMP n’a pas pu certifier l’identité. La cellule d’identitovigilance vérifie l’INS.",
    "XDSUnknownPatientId": "Le DMP ne connaît pas ce patient. La cellule d’identitovigilance vérifie l’INS, puis l’informatique relance.",
    "XDSPatientIdDoesNotMatch": "Les identifiants du patient ne concordent pas dans le dépôt. La cellule d’identitovigilance vérifie l’INS.",
    "XDSDuplicateUniqueIdInRegistry": "Le DMP a déjà un document de ce numéro. Le RIS lui demande si c’est le nôtre ; rien n’est à faire.",
    "XDSNonIdenticalHash": "Le DMP a sous notre numéro un document différent : le nôtre a été refait. L’informatique prévient l’éditeur.",
    "XDSRegistryBusy": "Le registre du DMP est occupé : rien n’a été pris. Le RIS recommence de lui-même.",
    "XDSRepositoryBusy": "L’entrepôt du DMP est occupé : rien n’a été pris. Le RIS recommence de lui-même.",
    "XDSRegistryOutOfResources": "Le registre du DMP est saturé : rien n’a été pris. Le RIS recommence de lui-même.",
    "XDSRepositoryOutOfResources": "L’entrepôt du DMP est saturé : rien n’a été pris. Le RIS recommence de lui-même.",
    "XDSRegistryNotAvailable": "Le registre du DMP est indisponible : rien n’a été pris. Le RIS recommence de lui-même.",
    "XDSRegistryError": "Le registre du DMP a rencontré une erreur et n’a rien pris. L’informatique relance ; si cela dure, elle prévient le "
    "GIE.",
    "XDSRepositoryError": "L’entrepôt du DMP a rencontré une erreur et n’a rien pris. L’informatique relance ; si cela dure, elle prévient "
    "le GIE.",
    "XDSRegistryMetadataError": "Le DMP refuse les métadonnées du compte rendu. L’informatique transmet le texte du DMP à l’éditeur.",
    "XDSRepositoryMetadataError": "Le DMP refuse les métadonnées du compte rendu. L’informatique transmet le texte du DMP à l’éditeur.",
    "XDSRegistryDuplicateUniqueIdInMessage": "Un même numéro figure deux fois dans le dépôt. L’informatique prévient l’éditeur.",
    "XDSRepositoryDuplicateUniqueIdInMessage": "Un même numéro figure deux fois dans le dépôt. L’informatique prévient l’éditeur.",
    "XDSDuplicateDocumentUniqueIdInMessage": "Un même document figure deux fois dans le dépôt. L’informatique prévient l’éditeur.",
    "XDSMissingDocument": "Le DMP n’a pas trouvé le document dans le dépôt. L’informatique prévient l’éditeur.",
    "XDSMissingDocumentMetadata": "Un document du dépôt n’a pas de métadonnées. L’informatique prévient l’éditeur.",
    "XDSExtraMetadataNotSaved": "Le DMP n’a pas gardé des métadonnées supplémentaires. L’informatique prévient l’éditeur.",
    "XDSReplaceFailed": "Le DMP refuse le remplacement du document précédent. Le radiologue vérifie si celui-ci a été supprimé.",
    "XDSDocumentUniqueIdError": "Le DMP ne connaît pas le numéro demandé. L’informatique prévient l’éditeur.",
    "XDSUnknownRepositoryId": "L’entrepôt demandé n’est pas celui du DMP. L’informatique corrige le réglage.",
    "XDSUnknownStoredQuery": "Le DMP ne connaît pas cette question. L’informatique vérifie l’adresse du service.",
    "XDSStoredQueryMissingParam": "Il manque un paramètre à la question posée au DMP. L’informatique prévient l’éditeur.",
    "XDSStoredQueryParamNumber": "Un paramètre de la question posée au DMP est en trop ou en moins. L’informatique prévient l’éditeur.",
    "XDSTooManyResults": "Le DMP a trop de réponses à rendre. L’informatique prévient l’éditeur.",
    "dmp_structure_unknown": "Le DMP ne connaît pas notre structure, ou elle est inactive. L’informatique vérifie son enregistrement.",
    "dmp_person_not_of_structure": "Pour le DMP, le professionnel n’est pas lié à la structure. L’informatique vérifie l’Annuaire Santé.",
    "dmp_speciality_missing": "Le DMP attend la spécialité du professionnel. L’informatique complète le référentiel des praticiens.",
    "dmp_author_institution": "Aucune structure d’auteur n’est celle qui dépose. L’informatique vérifie la structure du site.",
    "dmp_fault": "Le DMP refuse l’appel sans code connu. L’informatique lit le texte du DMP et vérifie certificats et réglages.",
    "dmp_unknown_code": "Le DMP refuse avec un code inconnu de nous. L’informatique lit le texte du DMP ; rien n’est renvoyé sans elle.",
}
