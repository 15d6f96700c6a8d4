"""From the configuration to what the use cases work with: a tree's site, and its update mirrors opened."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from hashlib import sha256
from pathlib import Path

from mirrorsync.app.run import Run
from mirrorsync.app.site import BootPlace, Export, Site, Source, Upstream
from mirrorsync.app.targets import targets_of, waivers_of
from mirrorsync.app.updates import Update, all_updates
from mirrorsync.app.vigilance import Terms, Vigil
from mirrorsync.boot.menus import Group, Menu
from mirrorsync.boot.staging import Staging
from mirrorsync.boot.undi import Undi
from mirrorsync.boot.versioned import Versioned
from mirrorsync.config.schema import BootConfig, BootStyle, Config, TreeConfig
from mirrorsync.errors import ConfigError, TrustError, UpstreamError
from mirrorsync.model.choices import Layout, MirrorKind, Signatures
from mirrorsync.tree.site import Tree
from mirrorsync.trust.keys import Keyring, normalised, pinned
from mirrorsync.trust.metadata import metadata_signer
from mirrorsync.trust.publickey import PublicKey, read_keys
from mirrorsync.trust.signatures import verify
from mirrorsync.upstream.alternatives import Doors
from mirrorsync.upstream.listing import ListingUpstream
from mirrorsync.upstream.memory import MirrorMemory
from mirrorsync.upstream.repodata import RepodataUpstream


def site_of(config: Config, name: str) -> Site:
    """The configured tree `name` and what was decided about it."""
    settings = config.trees[name]
    export = Export(settings.export.clients, settings.export.nfs, settings.export.versions) if settings.export else None
    policy = replace(settings.policy, promote_epochs=settings.layout is Layout.REDHAT)
    texts = tuple(dict.fromkeys(place for update in settings.updates for place in update.advisories))
    boot = BootPlace(_staging(name, settings, settings.boot), settings.boot.tftp, settings.boot.tftp_log) if settings.boot else None
    errata = (targets_of(config), waivers_of(config, name))
    return Site(tree_of(config, name), policy, boot, export, settings.urls, _unsigned(settings), texts, *errata, settings.access_log)


def _staging(name: str, settings: TreeConfig, boot: BootConfig) -> Staging:
    """The boot directory in its style; in arguments, names take their places."""
    if boot.style is BootStyle.UNDI:
        return Undi(boot.directory)
    url = settings.urls[0] if settings.urls else ""
    usual = "inst.repo={url}" if url and settings.layout is Layout.REPODATA else ""

    def filled(arguments: str, group: str) -> str:
        return arguments.replace("{tree}", name).replace("{group}", group).replace("{url}", url)

    groups = tuple(Group(each.name, filled(each.arguments, each.name), each.macs, each.addresses) for each in boot.groups)
    arguments = filled(usual if boot.arguments is None else boot.arguments, "default")
    return Versioned(boot.directory, Menu(boot.style.value), name, arguments, groups, settings.grace)


def tree_of(config: Config, name: str) -> Tree:
    """The configured tree `name` alone."""
    settings = config.trees[name]
    return Tree(
        name=name,
        path=settings.path,
        layout=settings.layout,
        state=_state(config, name),
        arches=settings.arches,
        grace=settings.grace,
        keep=settings.keep_generations,
        genhdlist=settings.genhdlist,
        compression=settings.compression,
        kickstarts=settings.kickstarts,
        repositories=settings.repositories,
    )


def _unsigned(settings: TreeConfig) -> tuple[str, ...]:
    """The update mirrors whose packages need not be signed; those of .repo files that cannot be used are told by what needs them."""
    try:
        updates = all_updates(settings)
    except (ConfigError, UpstreamError):
        return tuple(update.name for update in settings.updates if update.signatures is Signatures.DIGEST_ONLY)
    return tuple(update.mirror.name for update in updates if update.signatures is Signatures.DIGEST_ONLY)


def _state(config: Config, name: str) -> Path:
    return config.state / "trees" / name


@contextmanager
def opened_sources(config: Config, name: str, run: Run) -> Iterator[tuple[Source, ...]]:
    """A tree's update mirrors; connections and memories are open until the block ends.

    Raises ConfigError, TrustError, UpstreamError.
    """
    settings = config.trees[name]
    updates = all_updates(settings)
    if not updates:
        raise ConfigError((f"{name}: no update mirror is configured; add [[trees.{name}.updates]] or updates_from",))
    with ExitStack() as stack:
        memory = stack.enter_context(MirrorMemory(_state(config, name) / "mirrors.sqlite"))
        yield tuple(_opened(config, name, update, memory, stack, run) for update in updates)


def _opened(config: Config, name: str, update: Update, memory: MirrorMemory, stack: ExitStack, run: Run) -> Source:
    arches = config.trees[name].arches
    transport = stack.enter_context(Doors(update.mirror))
    keyring = _keyring(config, name, update)
    vigil = _vigil(config, name, update, keyring, run)
    upstream: Upstream
    if update.kind is MirrorKind.LISTING:
        upstream = ListingUpstream(update.mirror, transport, memory, arches)
    else:
        folder = _state(config, name) / "metadata" / _own_name(update)
        upstream = RepodataUpstream(update.mirror, transport, folder, arches, update.places, vigil)
    if update.advisories:
        from mirrorsync.app.texts import TextTold  # noqa: PLC0415  most mirrors have none, and a run with nothing to do is to be short

        upstream = TextTold(upstream, update.advisories)
    judge = partial(verify, keyring=keyring, policy=update.signatures, legacy=update.legacy)
    return Source(upstream, transport, judge, vigil, update.exclude, update.include, update.repository, update.images)


def _vigil(config: Config, name: str, update: Update, keyring: Keyring | None, run: Run) -> Vigil:
    terms = Terms(update.metadata_signatures)
    if keyring and update.kind is MirrorKind.REPODATA:
        keys = repr(([key.fingerprint for key in keyring.keys], update.legacy))
        terms = replace(terms, signer=partial(metadata_signer, keys=keyring.keys, legacy=update.legacy), keys=keys)
    file = _state(config, name) / "views" / f"{_own_name(update)}.json"
    return Vigil(file, update.watch, terms, config.trees[name].arches, run.now, accepting=run.accept_upstream)


def _own_name(update: Update) -> str:
    """What an update mirror's own files are called."""
    return sha256(update.mirror.name.encode()).hexdigest()[:16]


def _keyring(config: Config, name: str, update: Update) -> Keyring | None:
    return Keyring.make(_state(config, name) / "keys", update.keys, update.fingerprints) if update.keys else None


def keyring_of(config: Config, name: str) -> Keyring | None:
    """One private keyring of everybody whose signature the tree's update mirrors may carry. Raises TrustError."""
    trusted = [(update, key) for update in all_updates(config.trees[name]) if update.keys for key in pinned_of(update)]
    old = frozenset(key.fingerprint for update, key in trusted if update.legacy)
    keys = [key for _, key in trusted]
    return replace(Keyring.holding(_state(config, name) / "keys", keys), legacy=old) if keys else None


def pinned_of(update: Update) -> tuple[PublicKey, ...]:
    """The keys that an update mirror's packages may be signed with. Raises TrustError."""
    return pinned([key for path in update.keys for key in read_keys(path)], [normalised(text) for text in update.fingerprints])


def source_problems(config: Config) -> tuple[str, ...]:
    """What keeps trees from their update mirrors, a line each: .repo files and keys that cannot be used. Nothing is written."""
    return tuple(problem for name, settings in config.trees.items() for problem in _problems(name, settings))


def _problems(name: str, settings: TreeConfig) -> Iterator[str]:
    try:
        updates = all_updates(settings)
        if not updates:
            yield f"{name}: no update mirror is configured, or `repos` names none of those in updates_from"
        for update in (update for update in updates if update.keys):
            pinned_of(update)
    except (TrustError, UpstreamError) as error:
        yield f"{name}: {error}"
    except ConfigError as error:
        yield from (f"{name}: {problem}" for problem in error.problems)
