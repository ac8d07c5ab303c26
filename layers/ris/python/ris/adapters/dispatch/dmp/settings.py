"""What is uncertain or differs between environments: settings, never constants (design, decision 13)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DmpSettings:
    """One environment of the DMP.

    Args:
        url: Base address, e.g. `https://host/si-dmp-server/v2/services`; `/patients /repository /registry` follow.
        vihf_version: `3.0` in every public sample; one mapping table says `4.0`.
        mode_attribute: Both cases of the name are accepted by the DMP.
        lps_oid: OID of this installation: sourceId of submissions, device of TD0.2.
        class_code: JDV_J57, `31` imaging.
        content_type_code: JDV_J59 with its scheme, e.g. `SA08`.
        processing_code: `D` test, `P` production.
        first_submission_without_rplc: A version 2 that is the first in the DMP goes without an RPLC association.
    """

    url: str
    lps_name: str
    lps_version: str
    lps_homologation: str
    lps_oid: str
    vihf_version: str = "3.0"
    mode_attribute: str = "Authentification_Mode"
    authn_context: str = "urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified"
    class_code: str = "31"
    class_label: str = "Imagerie médicale"
    content_type_scheme: str = "1.2.250.1.71.4.2.4"
    processing_code: str = "D"
    connect_timeout_s: float = 5.0
    read_timeout_s: float = 30.0
    first_submission_without_rplc: bool = True
