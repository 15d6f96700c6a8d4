"""A public key as people and decisions need to know it: what it is made of, how long it holds, and what its signatures are worth."""

from dataclasses import dataclass

_LEAST_RSA_BITS = 2048
_STRONG = ("ECDSA", "EdDSA", "Ed25519", "Ed448", "ML-DSA-65+Ed25519", "ML-DSA-87+Ed448")


@dataclass(frozen=True, slots=True)
class KeyPart:
    """A primary key or a subkey that signs. fingerprint: full, lower-case hex.  key_id: 16 hex digits.

    algorithm: "RSA", "DSA", "EdDSA" and so on.  bits: 0 where not known.
    created, expires: seconds since the epoch; None for a key that never expires; a subkey expires with its primary key at the latest.
    """

    fingerprint: str
    key_id: str
    algorithm: str
    bits: int
    created: int
    expires: int | None = None
    revoked: bool = False

    @property
    def strong(self) -> bool:
        """Whether its signatures prove something today: keys of DSA, and of RSA below 2,048 bits, can be taken apart."""
        return self.algorithm in _STRONG or (self.algorithm == "RSA" and self.bits >= _LEAST_RSA_BITS)

    @property
    def kind(self) -> str:
        """As a sentence has it: "DSA key of 1024 bits"."""
        return f"{self.algorithm} key of {self.bits} bits" if self.bits else f"{self.algorithm} key"

    @property
    def weakness(self) -> str:
        """Its kind with its article where its signatures prove nothing today: "a DSA key of 1024 bits"; else ''."""
        return "" if self.strong else f"{'a' if self.algorithm == 'DSA' else 'an'} {self.kind}"

    def expired(self, moment: int) -> bool:
        """Whether it has expired at `moment`, in seconds since the epoch."""
        return self.expires is not None and moment >= self.expires


@dataclass(frozen=True, slots=True)
class KeyOwner:
    """A whole key: its primary key, its subkeys that sign or once did, and who it says to be ('' for nobody)."""

    primary: KeyPart
    subkeys: tuple[KeyPart, ...]
    user_id: str

    @property
    def parts(self) -> tuple[KeyPart, ...]:
        """All that can have made a signature."""
        return (self.primary, *self.subkeys)
