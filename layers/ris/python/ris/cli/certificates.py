"""`ris certificates`: what the legal entities hold, the request for a SIGN certificate, and putting certificates in."""

from __future__ import annotations

import contextlib
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from ris.cli.audited import audited
from ris.cli.output import AsJson, say, show_json, show_table
from ris.cli.settings import need
from ris.domain.access.certificates import KINDS
from ris.domain.errors import InvalidInput, RemoteUnavailable

HELP = """
Les certificats de chaque entité juridique (IGC-Santé) : TLS client vers INSi ([cyan]insi-manu[/cyan], [cyan]insi-auto[/cyan]) et vers le DMP ([cyan]dmp[/cyan]),
signature ([cyan]sign-certificate[/cyan]).

La clé de signature naît dans KMS et n'en sort pas : [cyan]csr[/cyan] fait la demande à déposer sur la plateforme de l'ANS, [cyan]put[/cyan] range le certificat
obtenu. Les clés TLS arrivent avec leur certificat et se rangent de même, dans Secrets Manager.

[bold]Exemples[/bold]

[cyan]ris certificates list[/cyan] dit les jours restants, des messageries et des fournisseurs aussi.

[cyan]ris certificates csr 670999002 > sign.csr[/cyan] puis, avec la réponse de l'autorité :

[cyan]ris certificates put 670999002 sign-certificate --certificate sign.pem --chain chaine.pem[/cyan]
"""
app = typer.Typer(help=HELP, no_args_is_help=True, rich_markup_mode="rich")
Finess = Annotated[str, typer.Argument(metavar="FINESS_EJ", help="FINESS de l'entité juridique, comme dans le référentiel.")]
Pem = typer.Option(exists=True, dir_okay=False, readable=True)


@app.command()
def csr(
    finess_ej: Finess,
    department: Annotated[str, typer.Option("--department", metavar="ST", help="Département tel que l'ANS l'écrit, par exemple « Puy-de-Dôme (63) ».")] = "",
    service: Annotated[str, typer.Option("--cn", metavar="CN", help="Nom du service porté par le certificat.")] = "DMP SIGN",
    as_json: AsJson = False,
) -> None:  # fmt: skip
    """Écrire la demande du certificat SIGN (PKCS#10, PEM), signée par la clé qui est dans KMS."""
    from ris.adapters.dynamodb import by_who_must_act
    from ris.adapters.keys.csr import signing_request
    from ris.adapters.keys.kms_rsa import KmsRsaPrivateKey
    from ris.bootstrap.dispatch import client
    from ris.bootstrap.operator import reference_book

    need("TABLE_REFERENCE", "SIGN_KEY_ALIAS_PREFIX")
    entity = reference_book().legal_entity(finess_ej)
    if entity is None:
        raise InvalidInput("unknown_legal_entity", field="finess_ej")
    key = KmsRsaPrivateKey(client("kms"), os.environ["SIGN_KEY_ALIAS_PREFIX"] + finess_ej)
    with by_who_must_act():
        text = signing_request(
            key,
            department=department or f"Département ({finess_ej[:2]})",
            name=entity.name,
            structure=entity.national_identifier,
            service=service,
        )
    if as_json:
        show_json({"legal_entity": finess_ej, "csr_pem": text})
    else:
        typer.echo(text, nl=False)


@app.command("list")
def list_certificates(as_json: AsJson = False) -> None:
    """Montrer les jours restants de chaque certificat, le plus court d'abord ; code de sortie 1 si l'un est fini ou absent."""
    from ris.application.access.watch_certificates import known_certificates
    from ris.bootstrap.audit import certificate_services
    from ris.domain.access.certificates import watched

    need("TABLE_REFERENCE", "SECRET_PREFIX")
    now = datetime.now(UTC)
    known = known_certificates(certificate_services(), now)
    certificates = [watched(each, now) for each in known.certificates]
    if as_json:
        show_json({"certificates": [vars(each) for each in certificates], "missing": list(known.missing)})
    else:
        rows = [(each.name, str(each.days_left), _advice(each.days_left, each.alert)) for each in certificates]
        rows += [(name, "", "absent : ris certificates put") for name in known.missing]
        show_table("Certificats", ("certificat", "jours", ""), rows, none="Aucune entité juridique : ris reference load.")
    if known.missing or any(each.days_left < 0 for each in certificates):
        raise typer.Exit(1)


@app.command()
def put(
    finess_ej: Finess,
    kind: Annotated[str, typer.Argument(metavar="SORTE", help=", ".join(KINDS))],
    certificate: Annotated[Path, Pem],
    chain: Annotated[Path, Pem],
    key: Annotated[Path | None, Pem] = None,
    as_json: AsJson = False,
) -> None:
    """Ranger un certificat et sa chaîne (PEM), avec sa clé sauf pour sign-certificate ; l'ancien reste en version précédente."""
    from ris.adapters.access.certificates import credential_json
    from ris.adapters.dynamodb import by_who_must_act
    from ris.bootstrap.dispatch import client

    need("SECRET_PREFIX", "SIGN_KEY_ALIAS_PREFIX", "TABLE_AUDIT")
    if kind not in KINDS:
        raise typer.BadParameter(f"{kind} : attendu {', '.join(KINDS)}")
    if (key is None) != (kind == "sign-certificate"):
        raise typer.BadParameter("--key est la clé TLS ; celle de sign-certificate est dans KMS" if key else "il manque --key")
    secret = f"{os.environ['SECRET_PREFIX']}/legal-entity/{finess_ej}/{kind}"

    def act() -> None:
        public = _public_key_of_kms(finess_ej) if key is None else None
        pems = (certificate.read_text("ascii"), chain.read_text("ascii"), key.read_text("ascii") if key else "")
        text = credential_json(*pems, public)
        with by_who_must_act():
            client("secretsmanager").put_secret_value(SecretId=secret, SecretString=text)

    audited("put_certificate", "", f"{finess_ej}.{kind}", act, datetime.now(UTC))
    _count_again()
    if as_json:
        show_json({"secret": secret, "kind": kind, "legal_entity": finess_ej})
    else:
        say(f"{secret} : rangé. Les fonctions s'en servent dans les cinq minutes.")


def _count_again() -> None:
    """Let the portal's page know at once, where this operator may; the watch counts again by itself within hours."""
    from ris.application.access.watch_certificates import watch_certificates
    from ris.bootstrap.audit import certificate_services

    if os.environ.get("TABLE_REFERENCE") and os.environ.get("TABLE_MESSAGES"):
        with contextlib.suppress(RemoteUnavailable):
            watch_certificates(certificate_services(), datetime.now(UTC))


def _public_key_of_kms(finess_ej: str) -> Any:
    from ris.adapters.dynamodb import by_who_must_act
    from ris.adapters.keys.kms_rsa import KmsRsaPrivateKey
    from ris.bootstrap.dispatch import client

    with by_who_must_act():
        return KmsRsaPrivateKey(client("kms"), os.environ["SIGN_KEY_ALIAS_PREFIX"] + finess_ej).public_key()


def _advice(days: int, alert: int) -> str:
    if days < 0:
        return "fini : à renouveler tout de suite"
    return f"à renouveler (alerte {alert} jours)" if alert else ""
