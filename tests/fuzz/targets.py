"""All targets, by name."""

from collections.abc import Mapping

from tests.fuzz import documents, images, listings, metadata, names, packages, settings, signing, texts
from tests.fuzz.target import Target

FAMILIES = (packages, listings, metadata, images, signing, settings, documents, names, texts)
TARGETS: Mapping[str, Target] = {target.name: target for family in FAMILIES for target in family.TARGETS}
