"""Settings of dispatch, as an operator writes them: JSON in the function's environment; a name nobody knows is refused."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class DmpSettingsText(BaseModel):
    """`DMP_SETTINGS`: what the DMP asks of a software, and how long is waited; seconds where a name ends in `_s`.

    `lps_name`, `lps_version`, `lps_homologation` (the CNDA's number) and `lps_oid` (of this installation) have no default.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

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
    settle_s: float = 5.0
    sending_for_s: float = 90.0
    workflow_s: float = 300.0
    no_dmp_again_s: float = 86_400.0
    no_dmp_until_s: float = 7_776_000.0
    breaker_failures: int = 3
    breaker_pause_s: int = 60
    breaker_longest_pause_s: int = 900

    @property
    def of_the_remote(self) -> dict[str, Any]:
        """Return what the client of the DMP takes."""
        ours = {name for name in type(self).model_fields if name.startswith(("settle", "sending", "workflow", "no_dmp", "breaker"))}
        return self.model_dump(exclude=ours)


class MailSettingsText(BaseModel):
    """`MSS_SETTINGS`: what an operator and a receiver are asked, and how long is waited; seconds where a name ends in `_s`, octets in `_bytes`.

    `lps_*` are those of `DMP_SETTINGS`: METADATA.XML of an archive names the same software. `product` is Convergence's reference (X-MSS-NIL).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    product: str
    lps_name: str
    lps_version: str
    lps_oid: str
    class_code: str = "31"
    class_label: str = "Imagerie médicale"
    content_type_scheme: str = "1.2.250.1.71.4.2.4"
    timeout_s: float = 30.0
    workflow_s: float = 300.0
    unknown_for_s: float = 21_600.0
    receipt_within_s: float = 259_200.0
    receipt_until_s: float = 2_592_000.0
    largest_professional_bytes: int = 10 * 1024 * 1024
    largest_patient_bytes: int = 25 * 1024 * 1024
    patient_domain: str = "patient.mssante.fr"
    patient_may_answer: bool = True
    breaker_failures: int = 3
    breaker_pause_s: int = 60
    breaker_longest_pause_s: int = 900
