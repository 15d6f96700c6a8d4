"""The digests that advisories' texts give of files, and which of them a file must have."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from mirrorsync.model.advisory import Advisory
from mirrorsync.model.package import Digest

_ALGORITHMS = {32: "md5", 40: "sha1", 64: "sha256"}

Told = Mapping[Digest, str]
"""The digests that a file may have, each with the advisory that gives it."""


def told_sums(advisories: Iterable[Advisory]) -> Mapping[str, Told]:
    """What the advisories give of files, by file name. A file must have one of its digests: releases of one name may differ."""
    found: dict[str, dict[Digest, str]] = defaultdict(dict)
    for advisory in advisories:
        for name, value in advisory.sums:
            if algorithm := _ALGORITHMS.get(len(value)):
                found[name].setdefault(Digest(algorithm, value), advisory.id)
    return found
