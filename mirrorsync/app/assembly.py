"""From the configuration to what the use cases work with: a tree's site, and its sources opened."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from mirrorsync.app.site import Export, Site, Source
from mirrorsync.config.schema import Config
from mirrorsync.tree.site import Tree
from mirrorsync.upstream.memory import MirrorMemory


def site_of(config: Config, name: str) -> Site:
    """The configured tree `name` with its policy."""
    settings = config.trees[name]
    tree = Tree(
        name=name,
        path=settings.path,
        layout=settings.layout,
        state=_state(config, name),
        arches=settings.arches,
        grace=settings.grace,
        keep=settings.keep_generations,
        genhdlist=settings.genhdlist,
        compression=settings.compression.value,
        kickstarts=settings.kickstarts,
    )
    export = Export(str(settings.export.path or settings.path), settings.export.clients) if settings.export else None
    return Site(tree, settings.policy, settings.boot.directory if settings.boot else None, export)


def _state(config: Config, name: str) -> Path:
    return config.state / "trees" / name


@contextmanager
def opened_sources(config: Config, name: str) -> Iterator[tuple[Source, ...]]:
    """The update mirrors of a tree, their connections and memories open until the end of the block. Raises TrustError, UpstreamError."""
    settings = config.trees[name]
    with ExitStack() as stack:
        memory = stack.enter_context(MirrorMemory(_state(config, name) / "mirrors.sqlite"))
        yield tuple(_opened(settings, update, _state(config, name), memory, stack) for update in all_updates(settings))
