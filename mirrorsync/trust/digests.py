"""Hash algorithms: their names, and which of them prove something against an attacker."""

import re
from collections.abc import Mapping

DIGESTS: Mapping[int, str] = {
    1: "MD5", 2: "SHA1", 3: "RIPEMD160", 8: "SHA256", 9: "SHA384", 10: "SHA512", 11: "SHA224", 12: "SHA3-256", 14: "SHA3-512",
}  # fmt: skip
"""RFC 9580 section 9.5, as rpm spells them."""

STRONG = ("SHA256", "SHA384", "SHA512", "SHA3-256", "SHA3-512")
"""Nobody makes two files of one digest by these."""

_SHA_WITHOUT_HYPHEN = re.compile(r"^SHA(?=[125])")


def is_weak(algorithm: str) -> bool:
    """Whether a digest of this name, as hashlib has it, proves nothing against an attacker."""
    return algorithm.upper().replace("_", "-") not in STRONG


def spelled(digest: str) -> str:
    """A digest's name as people write it: "SHA-1" for rpm's SHA1 and hashlib's sha1."""
    return _SHA_WITHOUT_HYPHEN.sub("SHA-", digest.upper().replace("_", "-"))
