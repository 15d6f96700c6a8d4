"""What the configuration file may say: every key, its kind of value and its default."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from enum import StrEnum
from ipaddress import IPv4Network
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, PlainValidator

from mirrorsync.config import values
from mirrorsync.model.address import shown
from mirrorsync.model.choices import Compression, Images, Layout, MetadataSignatures, MirrorKind, Occasion, Signatures, StartTls
from mirrorsync.model.pending import Urgency
from mirrorsync.model.policy import NewPackages, Policy
from mirrorsync.model.schedule import CronTime
from mirrorsync.model.view import Watch


class BootStyle(StrEnum):
    """How the boot directory names kernel and initrd: `UNDI`: linux.1 and linux.2; with the others by names of their own, and a menu."""

    UNDI = "undi"
    PXELINUX = "pxelinux"
    GRUB = "grub"
    IPXE = "ipxe"


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("is not text; put it in quotation marks")  # noqa: TRY004 -- pydantic collects ValueErrors only
    return value


def _parsed(parse: Callable[[str], object]) -> PlainValidator:
    return PlainValidator(lambda value: parse(_text(value)))


def _hidden(url: str | None) -> str | None:
    return url and shown(url)


Text = Annotated[str, _parsed(values.parse_text)]
Duration = Annotated[timedelta, _parsed(values.parse_duration), PlainSerializer(values.format_duration)]
Rate = Annotated[int, _parsed(values.parse_rate), PlainSerializer(values.format_rate)]
Url = Annotated[str, _parsed(values.parse_url)]
Proxy = Annotated[str, _parsed(values.parse_proxy), PlainSerializer(_hidden)]
NodeUrl = Annotated[str, _parsed(values.parse_node_url)]
TftpUrl = Annotated[str, _parsed(values.parse_tftp)]
NfsUrl = Annotated[str, _parsed(values.parse_nfs)]
Arguments = Annotated[str, _parsed(values.parse_arguments)]
Mac = Annotated[str, _parsed(values.parse_mac)]
Nodes = Annotated[IPv4Network, _parsed(values.parse_nodes), PlainSerializer(str)]
File = Annotated[Path, _parsed(values.parse_path), PlainSerializer(str)]
MetricsFile = Annotated[Path, _parsed(values.parse_metrics_file), PlainSerializer(str)]
TreePath = Annotated[Path, _parsed(values.parse_tree_path), PlainSerializer(str)]
Fingerprint = Annotated[str, _parsed(values.parse_fingerprint)]
Client = Annotated[str, _parsed(values.parse_client)]
TreeName = Annotated[str, _parsed(values.parse_tree_name)]
Arch = Annotated[str, _parsed(values.parse_arch)]
Count = Annotated[int, Field(strict=True)]
Flag = Annotated[bool, Field(strict=True)]
Pin = Annotated[values.Pin, _parsed(values.parse_pin), PlainSerializer(str)]
Repository = Annotated[str, _parsed(values.parse_repository), PlainSerializer(lambda repository: repository or values.ROOT)]
Repo = Annotated[values.Repo, _parsed(values.parse_repo_choice), PlainSerializer(str)]
Day = Annotated[date, PlainValidator(values.parse_day), PlainSerializer(date.isoformat)]
Cron = Annotated[CronTime, _parsed(values.parse_cron), PlainSerializer(str)]
Address = Annotated[str, _parsed(values.parse_address)]
Rating = Annotated[Urgency, _parsed(values.parse_urgency), PlainSerializer(lambda urgency: urgency.word)]
Server = Annotated[str, _parsed(values.parse_server)]
ListId = Annotated[str, _parsed(values.parse_list_id)]
Webhook = Annotated[str, _parsed(values.parse_webhook), PlainSerializer(values.without_path)]


class Table(BaseModel):
    """A table of the configuration: unknown keys are refused, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class General(Table):
    """[mirrorsync]: `state` holds caches, keyrings, what mirrors showed last, and how trees stand; a local disk.

    hooks: the folder that has pre-publish and post-publish; None for none.  hooks_timeout: how long one of them may run.
    """

    state: File
    hooks: File | None = None
    hooks_timeout: Duration = timedelta(minutes=10)


class UpdateSource(Table):
    """[[trees.NAME.updates]]: one update mirror. `max_rate` is in bytes a second; fingerprints are upper-case hex without blanks.

    advisories: folders or mailboxes of advisory texts, for a mirror that has no updateinfo.
    repository: that of the tree's repositories which its packages go into; None for the only one.
    images: what is done where the .treeinfo beside its repodata has boot images of another build.
    """

    url: Url | None = None
    mirrorlist: Url | None = None
    metalink: Url | None = None
    kind: MirrorKind
    keys: tuple[File, ...] = ()
    fingerprints: tuple[Fingerprint, ...] = ()
    signatures: Signatures = Signatures.REQUIRE
    legacy: Flag = False
    metadata_signatures: MetadataSignatures = MetadataSignatures.IF_PRESENT
    advisories: tuple[File, ...] = ()
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
    repository: Repository | None = None
    images: Images = Images.IGNORE

    @property
    def watch(self) -> Watch:
        """What to look out for in what it shows."""
        return Watch(self.stale_after, self.shrink_limit)

    @property
    def name(self) -> str:
        """What messages call it: the address it was configured with."""
        return self.url or self.metalink or self.mirrorlist or ""


class BootGroupConfig(Table):
    """[[trees.NAME.boot.groups]]: nodes, by network card or address, whose kernel has other arguments."""

    name: TreeName
    arguments: Arguments
    macs: tuple[Mac, ...] = ()
    addresses: tuple[Nodes, ...] = ()


class BootConfig(Table):
    """[trees.NAME.boot]: the directory under the TFTP root that kernel and initrd are staged in.

    tftp: that directory's URL as nodes ask for it; `check` and `update` look at it there.
    arguments: the kernel's, where menus are made; None for those that name the tree's first URL.
    tftp_log: where the TFTP server's lines go, by which `status` sees who loads them.
    """

    directory: File
    style: BootStyle = BootStyle.UNDI
    tftp: TftpUrl | None = None
    arguments: Arguments | None = None
    groups: tuple[BootGroupConfig, ...] = ()
    tftp_log: File | None = None


class ExportConfig(Table):
    """[trees.NAME.export]: how nodes see the tree by NFS. `path` is the exported folder, the tree's parent where it is None.

    nfs: the tree as nodes mount it, which `check` and `update` read then, by each of these versions.
    """

    path: File | None = None
    clients: tuple[Client, ...] = ()
    nfs: NfsUrl | None = None
    versions: tuple[Annotated[int, Field(strict=True, ge=3, le=4)], ...] = Field(default=(3, 4), min_length=1)


class ScheduleConfig(Table):
    """[schedule] and [trees.NAME.schedule]: when the daemon does what, as crontab(5) writes times; in a tree's, what is not said is
    as for all.

    jitter: how much later, at most, so that the masters of the world do not ask at once.  late: how late a run may still begin.
    """

    update: Cron | None = None
    check: Cron | None = None
    jitter: Duration | None = None
    late: Duration | None = None


class DaemonConfig(ScheduleConfig):
    """[schedule]: that of all trees, when the digest is mailed, and how many runs may be at work at once."""

    digest: Cron | None = None
    at_once: Count = Field(default=2, ge=1, le=16)


class TreeConfig(Table):
    """[trees.NAME]: one install tree, and where its updates come from. urls: by which nodes install from it, over HTTP or FTP.

    access_log: that of the HTTP server behind them, by which `status` sees who does.
    repositories: the folders below it that have packages and repodata of their own; "" for the tree itself.
    """

    path: TreePath
    layout: Layout
    arches: tuple[Arch, ...] = Field(min_length=1)
    repositories: tuple[Repository, ...] = Field(default=("",), min_length=1)
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
    repos: tuple[Repo, ...] = ()
    legacy: Flag = False
    releasever: Text | None = None
    basearch: Text | None = None
    stale_after: Duration | None = None
    boot: BootConfig | None = None
    export: ExportConfig | None = None
    urls: tuple[NodeUrl, ...] = ()
    access_log: File | None = None
    schedule: ScheduleConfig = ScheduleConfig()

    @property
    def policy(self) -> Policy:
        """What planning needs to know of it."""
        pins = {pin.name: pin.evr for pin in self.pin}
        return Policy(arches=self.arches, new_packages=self.new_packages, exclude=self.exclude, include=self.include, pins=pins)


class WaiverConfig(Table):
    """[[errata.waivers]]: what may be late until the end of a day, and why; named by advisory, CVE, or glob of packages' names."""

    reason: Text
    until: Day
    advisory: Text | None = None
    cve: Text | None = None
    package: Text | None = None
    trees: tuple[Text, ...] = Field(default=("*",), min_length=1)


class TargetsConfig(Table):
    """[errata.targets]: from an erratum's issue to its publication here, by urgency; None for no limit."""

    critical: Duration | None = None
    important: Duration | None = None
    moderate: Duration | None = None
    low: Duration | None = None
    unrated: Duration | None = None


class ErrataConfig(Table):
    """[errata]: by when errata are to be published, and which may be late."""

    targets: TargetsConfig = TargetsConfig()
    waivers: tuple[WaiverConfig, ...] = ()


class RecipientConfig(Table):
    """[[report.mail.recipients]]: who is told of which trees (globs), of errata of which urgency at least, and when."""

    address: Address
    trees: tuple[Text, ...] = Field(default=("*",), min_length=1)
    severity: Rating = Urgency.UNRATED
    when: tuple[Occasion, ...] = Field(default=tuple(Occasion), min_length=1)


class MailConfig(Table):
    """[report.mail]: sent by `server`, an smtp or smtps URL, or by the command `sendmail`. list_id: of RFC 2919, without brackets."""

    sender: Address
    recipients: tuple[RecipientConfig, ...] = Field(min_length=1)
    server: Server | None = None
    starttls: StartTls = StartTls.REQUIRE
    username: Text | None = None
    password_file: File | None = None
    ca: File | None = None
    sendmail: File | None = None
    list_id: ListId | None = None


class WebhookConfig(Table):
    """[[report.webhooks]]: a URL that takes JSON by POST, signed with the secret in `secret_file` (HMAC-SHA256)."""

    url: Webhook
    secret_file: File | None = None
    ca: File | None = None
    trees: tuple[Text, ...] = Field(default=("*",), min_length=1)
    when: tuple[Occasion, ...] = Field(default=(Occasion.CHANGES, Occasion.FAILURE), min_length=1)


class ReportConfig(Table):
    """[report]: where it is told how trees stand. html: a folder for the page.  prometheus: a file for the textfile collector."""

    html: File | None = None
    prometheus: MetricsFile | None = None
    mail: MailConfig | None = None
    webhooks: tuple[WebhookConfig, ...] = ()


class Config(Table):
    """The whole configuration, as it holds after every file was read."""

    mirrorsync: General
    trees: Mapping[TreeName, TreeConfig] = Field(default_factory=dict)
    errata: ErrataConfig = ErrataConfig()
    report: ReportConfig = ReportConfig()
    schedule: DaemonConfig = DaemonConfig()

    @property
    def state(self) -> Path:
        """The state directory."""
        return self.mirrorsync.state
