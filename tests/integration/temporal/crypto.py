"""A payload codec as a team would write one: AES-GCM, one key."""

from __future__ import annotations

import os
from collections.abc import Sequence

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from temporalio.api.common.v1 import Payload
from temporalio.converter import PayloadCodec

ENCODING = b"binary/encrypted"


class Codec(PayloadCodec):
    """Encrypts payloads whole, their metadata too."""

    def __init__(self, key: bytes = b"k" * 32) -> None:
        self._cipher = AESGCM(key)

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [self._encrypted(payload.SerializeToString()) for payload in payloads]

    def _encrypted(self, data: bytes) -> Payload:
        nonce = os.urandom(12)
        return Payload(metadata={"encoding": ENCODING}, data=nonce + self._cipher.encrypt(nonce, data, None))

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [
            Payload.FromString(self._cipher.decrypt(payload.data[:12], payload.data[12:], None))
            if payload.metadata.get("encoding") == ENCODING
            else payload
            for payload in payloads
        ]
