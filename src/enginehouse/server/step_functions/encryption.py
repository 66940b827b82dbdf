"""Encryption is kept and shown; nothing is encrypted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from enginehouse.server.step_functions.errors import ApiError

_USUAL = {"type": "AWS_OWNED_KEY"}


def read(request: Mapping[str, Any]) -> dict[str, Any] | None:
    """The request's ``encryptionConfiguration``. Raises ``InvalidEncryptionConfiguration`` for a key of the customer's that is
    not named; the model's documentation has it."""
    given: dict[str, Any] | None = request.get("encryptionConfiguration")
    if given is not None and given["type"] == "CUSTOMER_MANAGED_KMS_KEY" and "kmsKeyId" not in given:
        why = "kmsKeyId must be specified for CUSTOMER_MANAGED_KMS_KEY"
        raise ApiError("InvalidEncryptionConfiguration", f"Invalid Encryption Configuration: '{why}'")
    return given


def shown(kept: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """What a description tells; a key of AWS's is what a resource has that says nothing."""
    return kept or _USUAL


def same(one: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> bool:
    """Whether both say the same."""
    return shown(one) == shown(other)
