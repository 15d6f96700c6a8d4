"""The closed choices a configuration makes, which several rooms act on."""

from enum import StrEnum


class Layout(StrEnum):
    """How a tree keeps packages and indexes.

    `REDHAT`: RedHat/RPMS with hdlist, Red Hat Linux 7.1 to FC4 and RHEL 4; `REPODATA`: repodata, FC5, RHEL 5 and all that came after.
    """

    REDHAT = "redhat"
    REPODATA = "repodata"


class MirrorKind(StrEnum):
    """What an update mirror offers: a bare directory of packages, or yum metadata."""

    LISTING = "listing"
    REPODATA = "repodata"


class Signatures(StrEnum):
    """What a package must show: a good signature by a pinned key, or only that its own digests hold."""

    REQUIRE = "require"
    DIGEST_ONLY = "digest-only"


class MetadataSignatures(StrEnum):
    """What repomd.xml must show: a pinned key's signature; one where there is or ever was one; or none."""

    REQUIRE = "require"
    IF_PRESENT = "if-present"
    IGNORE = "ignore"


class Images(StrEnum):
    """What is done where a mirror's .treeinfo has boot images of another build: nothing, telling it, or taking them."""

    IGNORE = "ignore"
    NOTICE = "notice"
    FOLLOW = "follow"


class Compression(StrEnum):
    """How repodata is compressed: `GZ` is read by every installer, `ZSTD` by those of EL 9 and Fedora 30 on."""

    GZ = "gz"
    ZSTD = "zstd"


class StartTls(StrEnum):
    """Whether mail is sent in the clear: never; only where the server offers no TLS; without asking for it."""

    REQUIRE = "require"
    IF_OFFERED = "if-offered"
    NEVER = "never"


class Occasion(StrEnum):
    """When somebody is told: a run changed something or what is pending changed; the weekly digest; a run failed."""

    CHANGES = "changes"
    DIGEST = "digest"
    FAILURE = "failure"
