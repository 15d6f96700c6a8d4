"""What the configuration file may say: every key, its kind of value and its default."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, PlainValidator

from mirrorsync.config import values
from mirrorsync.model.choices import Compression, Layout, MetadataSignatures, MirrorKind, Signatures
from mirrorsync.model.policy import NewPackages, Policy
from mirrorsync.model.view import Watch


class BootStyle(StrEnum):
    """How the boot directory names kernel and initrd: `UNDI`: linux.1 and linux.2."""

    UNDI = "undi"


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("is not text; put it in quotation marks")  # noqa: TRY004 -- pydantic collects ValueErrors only
    return value


def _parsed(parse: Callable[[str], object]) -> PlainValidator:
    return PlainValidator(lambda value: parse(_text(value)))


def _hidden(url: str | None) -> str | None:
    return url and values.without_credentials(url)


Text = Annotated[str, _parsed(values.parse_text)]
Duration = Annotated[timedelta, _parsed(values.parse_duration), PlainSerializer(values.format_duration)]
Rate = Annotated[int, _parsed(values.parse_rate), PlainSerializer(values.format_rate)]
Url = Annotated[str, _parsed(values.parse_url)]
Proxy = Annotated[str, _parsed(values.parse_proxy), PlainSerializer(_hidden)]
File = Annotated[Path, _parsed(values.parse_path), PlainSerializer(str)]
TreePath = Annotated[Path, _parsed(values.parse_tree_path), PlainSerializer(str)]
Fingerprint = Annotated[str, _parsed(values.parse_fingerprint)]
Client = Annotated[str, _parsed(values.parse_client)]
TreeName = Annotated[str, _parsed(values.parse_tree_name)]
Arch = Annotated[str, _parsed(values.parse_arch)]
Count = Annotated[int, Field(strict=True)]
Flag = Annotated[bool, Field(strict=True)]
Pin = Annotated[values.Pin, _parsed(values.parse_pin), PlainSerializer(str)]


class Table(BaseModel):
    """A table of the configuration: unknown keys are refused, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class General(Table):
    """[mirrorsync]: `state` holds caches, keyrings and what mirrors showed last; a local disk."""

    state: File


class UpdateSource(Table):
    """[[trees.NAME.updates]]: one update mirror. `max_rate` is in bytes a second; fingerprints are upper-case hex without blanks."""

    url: Url | None = None
    mirrorlist: Url | None = None
    metalink: Url | None = None
    kind: MirrorKind
    keys: tuple[File, ...] = ()
    fingerprints: tuple[Fingerprint, ...] = ()
    signatures: Signatures = Signatures.REQUIRE
    legacy: Flag = False
    metadata_signatures: MetadataSignatures = MetadataSignatures.IF_PRESENT
    stale_after: Duration | None = None
    shrink_limit: Count = Field(default=20, ge=0, le=100)
    proxy: Proxy | None = None
    username: Text | None = None
    password_file: File | None = None
    client_cert: File | None = None
    client_key: File | None = None
    ca: File | None = None
    max_rate: Rate | None = None
    connections: Count = Field(default=4, ge=1, le=16)

    @property
    def watch(self) -> Watch:
        """What to look out for in what it shows."""
        return Watch(self.stale_after, self.shrink_limit)

    @property
    def name(self) -> str:
        """What messages call it: the address it was configured with."""
        return self.url or self.metalink or self.mirrorlist or ""


class BootConfig(Table):
    """[trees.NAME.boot]: the directory under the TFTP root that kernel and initrd are staged in."""

    directory: File
    style: BootStyle = BootStyle.UNDI


class ExportConfig(Table):
    """[trees.NAME.export]: how nodes see the tree by NFS. `path` is the exported folder, the tree's parent where it is None."""

    path: File | None = None
    clients: tuple[Client, ...] = ()


class TreeConfig(Table):
    """[trees.NAME]: one install tree, and where its updates come from."""

    path: TreePath
    layout: Layout
    arches: tuple[Arch, ...] = Field(min_length=1)
    grace: Duration = timedelta(days=7)
    keep_generations: Count = Field(default=3, ge=1, le=1000)
    new_packages: NewPackages = NewPackages.NEEDED
    exclude: tuple[Text, ...] = ()
    include: tuple[Text, ...] = ()
    pin: tuple[Pin, ...] = ()
    kickstarts: tuple[File, ...] = ()
    genhdlist: tuple[Text, ...] = ()
    compression: Compression = Compression.GZ
    updates: tuple[UpdateSource, ...] = ()
    updates_from: tuple[File, ...] = ()
    repos: tuple[Text, ...] = ()
    legacy: Flag = False
    releasever: Text | None = None
    basearch: Text | None = None
    boot: BootConfig | None = None
    export: ExportConfig | None = None

    @property
    def policy(self) -> Policy:
        """What planning needs to know of it."""
        pins = {pin.name: pin.evr for pin in self.pin}
        return Policy(arches=self.arches, new_packages=self.new_packages, exclude=self.exclude, include=self.include, pins=pins)


class ReportConfig(Table):
    """[report]: no keys yet."""


class ScheduleConfig(Table):
    """[schedule]: no keys yet."""


class Config(Table):
    """The whole configuration, as it holds after every file was read."""

    mirrorsync: General
    trees: Mapping[TreeName, TreeConfig] = Field(default_factory=dict)
    report: ReportConfig = ReportConfig()
    schedule: ScheduleConfig = ScheduleConfig()

    @property
    def state(self) -> Path:
        """The state directory."""
        return self.mirrorsync.state
