"""A tree's update mirrors: those of its own tables, and those of the yum .repo files it takes them from."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from mirrorsync.config.schema import TreeConfig, UpdateSource
from mirrorsync.config.secrets import exposed, read_password
from mirrorsync.errors import ConfigError
from mirrorsync.files import read_plain
from mirrorsync.model.address import shown
from mirrorsync.model.choices import Images, MetadataSignatures, MirrorKind, Signatures
from mirrorsync.model.view import Watch
from mirrorsync.upstream.mirror import Mirror, local_path
from mirrorsync.upstream.places import Places
from mirrorsync.upstream.yumrepo import RepoSection, parse_repo

_MOST_REPO_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class Update:
    """An update mirror as configured, wherever that was. `places` is for repodata; excludes and includes are yum's globs.

    advisories: where texts of advisories lie.  repository: of the tree's, the one that its packages go into.
    images: what is done about its boot images.
    """

    mirror: Mirror
    kind: MirrorKind
    places: Places
    keys: tuple[Path, ...]
    fingerprints: tuple[str, ...]
    signatures: Signatures
    metadata_signatures: MetadataSignatures
    watch: Watch
    legacy: bool = False
    advisories: tuple[Path, ...] = ()
    exclude: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    repository: str = ""
    images: Images = Images.IGNORE


def all_updates(settings: TreeConfig) -> tuple[Update, ...]:
    """The tree's update mirrors in the order of the configuration. Raises ConfigError with one line for each fault, UpstreamError."""
    variables = _variables(settings)
    only = settings.repositories[0]
    own = [replace(_configured(update, variables), repository=_or(update.repository, only)) for update in settings.updates]
    return (*own, *_of_repo_files(settings, variables))


def _of_repo_files(settings: TreeConfig, variables: Mapping[str, str]) -> Iterator[Update]:
    repositories = {repo.id: repo.repository for repo in settings.repos}
    for path in settings.updates_from:
        for section in _sections(settings, path, variables):
            repository = _or(repositories.get(section.id), settings.repositories[0])
            update = _of_section(section, variables)
            yield replace(update, legacy=settings.legacy, watch=Watch(settings.stale_after), repository=repository)


def _or(repository: str | None, only: str) -> str:
    return only if repository is None else repository


def _variables(settings: TreeConfig) -> Mapping[str, str]:
    """What $basearch, $arch and $releasever stand for."""
    arch = settings.arches[0]
    variables = {"basearch": settings.basearch or arch, "arch": arch}
    return variables | ({"releasever": settings.releasever} if settings.releasever else {})


def _configured(update: UpdateSource, variables: Mapping[str, str]) -> Update:
    mirror = replace(
        Mirror.at(update.name),
        connections=update.connections,
        max_rate=update.max_rate,
        proxy=update.proxy,
        username=update.username,
        password=read_password(update),
        client_cert=_text(update.client_cert),
        client_key=_text(update.client_key),
        ca=_text(update.ca),
    )
    places = Places((update.url,) if update.url else (), update.metalink or update.mirrorlist, variables)
    trust = (update.keys, update.fingerprints, update.signatures, update.metadata_signatures)
    return Update(mirror, update.kind, places, *trust, update.watch, update.legacy, update.advisories, images=update.images)


def _text(path: Path | None) -> str | None:
    return str(path) if path else None


def _sections(settings: TreeConfig, path: Path, variables: Mapping[str, str]) -> tuple[RepoSection, ...]:
    """The enabled sections of a .repo file, or those that `repos` names."""
    try:
        text = read_plain(path, _MOST_REPO_BYTES).decode(errors="replace")
    except OSError as error:
        raise ConfigError((f"{path}: cannot be read: {error.strerror}; correct updates_from",)) from error
    named = {repo.id for repo in settings.repos}
    found = parse_repo(text, source=str(path), variables=variables)
    sections = tuple(section for section in found if (section.id in named if named else section.enabled))
    for section in sections:
        _require_private(section, path)
    return sections


def _require_private(section: RepoSection, file: Path) -> None:
    """Raises ConfigError where others may read what proves who asks: yum's files are open to all unless somebody closes them."""
    key = section.client_key or section.client_cert
    for path in [*([Path(key)] if key else []), *([file] if section.names_password else [])]:
        if problem := exposed(path):
            raise ConfigError((f"{file}: [{section.id}]: {problem}",))


def _of_section(section: RepoSection, variables: Mapping[str, str]) -> Update:
    checked = section.gpgcheck or section.repo_gpgcheck
    if checked and not section.gpgkeys:
        remedy = "name it, or say gpgcheck=0 and repo_gpgcheck=0"
        raise ConfigError((f"[{section.id}]: signatures are to be checked and no gpgkey is named; {remedy}",))
    return Update(
        mirror=section.mirror,
        kind=MirrorKind.REPODATA,
        places=Places(section.baseurls, section.list_url, variables),
        keys=tuple(_key_file(section, url) for url in section.gpgkeys) if checked else (),
        fingerprints=(),
        signatures=Signatures.REQUIRE if section.gpgcheck else Signatures.DIGEST_ONLY,
        metadata_signatures=MetadataSignatures.REQUIRE if section.repo_gpgcheck else MetadataSignatures.IF_PRESENT,
        watch=Watch(),
        exclude=section.excludes,
        include=section.includes,
    )


def _key_file(section: RepoSection, url: str) -> Path:
    """A key must lie on this machine: one fetched beside the packages it vouches for would prove nothing."""
    if url.startswith("file:"):
        return local_path(url)
    if not url.startswith("/") or url.startswith("//"):
        raise ConfigError((f"[{section.id}]: gpgkey {shown(url)}: fetch and check the key once, and name the file: gpgkey=file:///…",))
    return Path(url)
