"""A passkey without a device: it makes a key and signs as a browser's answer would have it (WebAuthn level 3)."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2.cose import ES256
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import AttestationObject, AttestedCredentialData, AuthenticatorData, CollectedClientData

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


class Device:
    """A security key that holds one passkey."""

    def __init__(self, origin: str, *, verifies: bool = True) -> None:
        self.origin = origin
        self.verifies = verifies
        """Whether it asks for a PIN or finger."""
        self.credential_id = os.urandom(32)
        self.user_handle = b""
        self._key = ec.generate_private_key(ec.SECP256R1())

    def make(self, options: Mapping[str, Any], *, alone: bool = True) -> dict[str, Any]:
        """Return what the browser answers to creation options."""
        public = options["publicKey"]
        self.user_handle = websafe_decode(public["user"]["id"])
        data = AttestedCredentialData.create(
            b"\0" * 16, self.credential_id, ES256.from_cryptography_key(self._key.public_key())
        )
        attestation = AttestationObject.create("none", self._data(public["rp"]["id"], ATTESTED, data), {})
        client = self._client("webauthn.create", public["challenge"])
        return self._answer(
            {"clientDataJSON": websafe_encode(client), "attestationObject": websafe_encode(bytes(attestation))},
            {"credProps": {"rk": alone}},
        )

    def use(self, options: Mapping[str, Any], *, origin: str = "") -> dict[str, Any]:
        """Return what the browser answers to request options."""
        public = options["publicKey"]
        client = self._client("webauthn.get", public["challenge"], origin)
        data = self._data(public["rpId"], 0)
        signature = self._key.sign(bytes(data) + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        return self._answer(
            {
                "clientDataJSON": websafe_encode(client),
                "authenticatorData": websafe_encode(bytes(data)),
                "signature": websafe_encode(signature),
                "userHandle": websafe_encode(self.user_handle),
            },
            {},
        )

    def _client(self, kind: str, challenge: str, origin: str = "") -> bytes:
        return bytes(CollectedClientData.create(kind, websafe_decode(challenge), origin or self.origin))

    def _data(self, rp_id: str, flags: int, credential: Any = b"") -> AuthenticatorData:
        flags |= PRESENT | (VERIFIED if self.verifies else 0)
        return AuthenticatorData.create(hashlib.sha256(rp_id.encode()).digest(), flags, 0, credential)

    def _answer(self, response: dict[str, Any], extensions: dict[str, Any]) -> dict[str, Any]:
        name = websafe_encode(self.credential_id)
        return {
            "type": "public-key",
            "id": name,
            "rawId": name,
            "authenticatorAttachment": "cross-platform",
            "response": response,
            "clientExtensionResults": extensions,
        }
