"""The archive of a document sent by mail: IHE_XDM.zip, the same bytes for the same version.

Source: IHE ITI TF-2 §3.32 (XDM); CI-SIS, volet Echange de documents de sante.
"""

from __future__ import annotations

import io
import zipfile
from html import escape

from ris.adapters.dispatch.dmp.settings import DmpSettings
from ris.adapters.dispatch.mss.metadata import xdm_metadata
from ris.domain.report.frozen import FrozenReport

SUBSET = "SUBSET01"
DOCUMENT = "DOC0001.XML"
_EPOCH = (1980, 1, 1, 0, 0, 0)


def xdm_archive(report: FrozenReport, cda: bytes, settings: DmpSettings, *, action: str = "", action_on: str = "entry") -> bytes:
    """Return IHE_XDM.zip.

    Args:
        report: One frozen version.
        cda: Its CDA, as stored.
        settings: Codes and the identifier of this installation.
        action: Empty for a first sending, `C` when it replaces, `D` when it asks for a deletion.
        action_on: Where METADATA.XML says it: `entry` or `set`.
    """
    metadata = xdm_metadata(report, cda, settings, uri=DOCUMENT, action=action, action_on=action_on)
    members = {
        "README.TXT": _readme(report, settings),
        "INDEX.HTM": _index(report),
        f"IHE_XDM/{SUBSET}/METADATA.XML": metadata.encode(),
        f"IHE_XDM/{SUBSET}/{DOCUMENT}": cda,
    }
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name, content in members.items():
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return written.getvalue()


def _readme(report: FrozenReport, settings: DmpSettings) -> bytes:
    """Return who sends, with what, and what is inside."""
    structure = report.structure
    lines = [
        "Emetteur :",
        f"  Nom : {structure.name}",
        f"  Adresse : {', '.join(structure.address)}",
        f"  Telephone : {structure.phone}",
        "",
        "Application de l'emetteur :",
        f"  Nom : {settings.lps_name}",
        f"  Version : {settings.lps_version}",
        "",
        "Instructions :",
        "  Ouvrir ce dossier avec un logiciel qui integre les documents de sante (IHE XDM).",
        "",
        "Arborescence :",
        f"  IHE_XDM/{SUBSET}/METADATA.XML  metadonnees",
        f"  IHE_XDM/{SUBSET}/{DOCUMENT}  document de sante (CDA)",
        "",
    ]
    return "\r\n".join(lines).encode()


def _index(report: FrozenReport) -> bytes:
    """Return the page a person opens."""
    name = escape(report.structure.name)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML Basic 1.1//EN"'
        ' "http://www.w3.org/TR/xhtml-basic/xhtml-basic11.dtd">\n'
        f'<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="fr"><head><title>{name}</title></head>'
        f'<body><p>Document de santé envoyé par {name}.</p><p><a href="README.TXT">README.TXT</a></p>'
        f'<p><a href="IHE_XDM/{SUBSET}/{DOCUMENT}">IHE_XDM/{SUBSET}/{DOCUMENT}</a></p></body></html>\n'
    ).encode()
