"""Pro Sante Connect, as its sandbox behaves: health professionals by RPPS. `python -m infra.local.services.psc`.

Tokens of 120 s, refresh of 30 min, session of 4 h; `acr_values=eidas1` or nothing; the userinfo of `scope_all` with none, one
or several activities (situations d'exercice); `amr` may hold values a client has never seen.
"""

from __future__ import annotations

from typing import Any

from infra.local.services.oidc_process import run
from infra.local.services.oidc_provider import Profile


def national_id(person: dict[str, Any]) -> str:
    """Return SubjectNameID: `8` and the RPPS."""
    return f"8{person['subject']}"


def _identity(person: dict[str, Any]) -> dict[str, Any]:
    return {
        "SubjectNameID": national_id(person),
        "preferred_username": national_id(person),
        "given_name": person["given_name"],
        "family_name": person["family_name"],
    }


def _access(person: dict[str, Any]) -> dict[str, Any]:
    return {
        "SubjectNameID": national_id(person),
        "PSISubjectNameID": national_id(person),
        "preferred_username": national_id(person),
        "otherIds": _other_ids(person),
        "authMode": "CARD",
        "auth_level": "3",
    }


def _other_ids(person: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"identifiant": person["subject"], "origine": "RPPS", "qualite": 1}]


def userinfo(person: dict[str, Any]) -> dict[str, Any]:
    """Return the userinfo of `scope_all`; `activities` of the data file becomes `SubjectRefPro.exercices[0].activities`."""
    return {
        **_identity(person),
        "codeCivilite": person.get("civility", ""),
        "otherIds": _other_ids(person),
        "SubjectRole": [f"{person['profession']}^1.2.250.1.213.1.1.5.5"],
        "Secteur_Activite": "SA07^1.2.250.1.71.4.2.4",
        "Palier_Authentification": "APPPRIP3^1.2.250.1.213.1.5.1.1.1",
        "PSI_Locale": "1.2.250.1.213.1.3.1.1",
        "UITVersion": "1.0",
        "Mode_Acces_Raison": "",
        "Acces_Regulation_Medicale": "FAUX",
        "SubjectRefPro": {
            "codeCivilite": person.get("civility", ""),
            "exercices": [
                {
                    "codeProfession": person["profession"],
                    "codeCategorieProfessionnelle": "C",
                    "codeCiviliteDexercice": "DR",
                    "nomDexercice": person["family_name"],
                    "prenomDexercice": person["given_name"],
                    "codeTypeSavoirFaire": "S",
                    "codeSavoirFaire": person["specialty"],
                    "activities": person["activities"],
                }
            ],
        },
    }


PSC = Profile(
    title="Pro Santé Connect (simulateur)",
    realm="/auth/realms/esante-wallet",
    discovery=".well-known/wallet-openid-configuration",
    scopes=frozenset({"openid", "scope_all", "identity", "rpps", "referentiel", "interop", "scope_1", "scope_2", "offline_access"}),
    acr="eidas1",
    nonce_and_state_mandatory=True,
    pkce_mandatory=False,
    evidence_prefix="",
    access_s=120,
    refresh_s=1800,
    session_s=4 * 3600,
    amr=("CARD", "cps"),
    describe=lambda person: (f"{person['given_name']} {person['family_name']}", f"RPPS {person['subject']}, {person['title']}"),
    id_claims=_identity,
    access_claims=_access,
    userinfo=userinfo,
)

if __name__ == "__main__":
    run(PSC, "psc_people.json")
