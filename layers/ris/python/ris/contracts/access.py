"""What the secret of an identity provider holds."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class ProviderSecret(BaseModel):
    """The JSON text of the secrets `PSC_SECRET_ARN` and `OIDC_SECRET_ARN`.

    Args:
        ca_pem: PEM of the provider's CA; empty = the system's trust store.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    client_id: str = Field(min_length=1)
    client_secret: SecretStr
    ca_pem: str = ""
