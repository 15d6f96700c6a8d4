"""modules.yaml: which packages belong to which module stream."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import yaml

from mirrorsync.errors import PlanError, UpstreamError
from mirrorsync.model.version import NEVRA

_DEPTH_LIMIT = 64
_STREAM_DOCUMENTS = ("modulemd", "modulemd-stream", "modulemd-stream-v2")
_ARTIFACT = ("data", "artifacts", "rpms", "")


@dataclass(slots=True)
class _Stream:
    kind: str = ""
    name: str = ""
    stream: str = ""
    artifacts: list[str] = field(default_factory=list)


def read_modules(content: bytes, *, source: str) -> Mapping[tuple[str, ...], str]:
    """NEVRA key of every artifact to its "name:stream"; defaults, obsoletes and translations are passed over.

    Raises UpstreamError, which names `source`, for what is not YAML, is nested too deep or names an artifact that is no NEVRA.
    """
    modules: dict[tuple[str, ...], str] = {}
    for document in _documents(content, source):
        if document.kind in _STREAM_DOCUMENTS:
            for artifact in document.artifacts:
                modules.setdefault(_nevra(artifact, source).key, f"{document.name}:{document.stream}")
    return modules


def _documents(content: bytes, source: str) -> Iterator[_Stream]:
    """Read event by event: loading whole documents recurses once a level, and a deep one ends the process."""
    document = _Stream()
    for path, value in _scalars(content, source):
        match path:
            case None:
                yield document
                document = _Stream()
            case ("document",):
                document.kind = value
            case ("data", "name"):
                document.name = value
            case ("data", "stream"):
                document.stream = value
            case _ if path == _ARTIFACT:
                document.artifacts.append(value)


class _Position:
    """Where in a document the reader is: for every open mapping the key whose value comes (None: a key comes), '' for a sequence."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._keys: list[str | None] = []
        self._anchored: list[bool] = []

    def scalar(self, value: str) -> tuple[str, ...] | None:
        """The path of a value; None where the scalar is a key, which is kept."""
        if self._keys and self._keys[-1] is None:
            self._keys[-1] = value
            return None
        path = tuple(key or "" for key in self._keys)
        self._value_ends()
        return path

    def alias(self) -> tuple[str, ...] | None:
        """A value that stands elsewhere. In one that others stand for it is refused: ten times ten times ten fill any reader's memory."""
        if any(self._anchored):
            raise UpstreamError(f"{self._source}: has aliases of aliases; refused: use another mirror, and tell its owner")
        return self.scalar("")

    def enter(self, key: str | None, *, anchored: bool) -> None:
        """A mapping (None) or a sequence ('') begins; `anchored`: aliases may stand for it."""
        if len(self._keys) >= _DEPTH_LIMIT:
            raise UpstreamError(
                f"{self._source}: its YAML is nested more than {_DEPTH_LIMIT} deep; refused: use another mirror, and tell its owner"
            )
        if self._keys and self._keys[-1] is None:
            raise UpstreamError(f"{self._source}: has a mapping or a list for a key; it is no modules metadata")
        self._keys.append(key)
        self._anchored.append(anchored)

    def leave(self) -> None:
        """The mapping or sequence ends, and with it a value."""
        self._keys.pop()
        self._anchored.pop()
        self._value_ends()

    def _value_ends(self) -> None:
        if self._keys and self._keys[-1] != "":
            self._keys[-1] = None


def _scalars(content: bytes, source: str) -> Iterator[tuple[tuple[str, ...] | None, str]]:
    """(path, text) of every scalar value; (None, '') at the end of each document."""
    position = _Position(source)
    try:
        for event in yaml.parse(content, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            match event:
                case yaml.MappingStartEvent():
                    position.enter(None, anchored=event.anchor is not None)
                case yaml.SequenceStartEvent():
                    position.enter("", anchored=event.anchor is not None)
                case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                    position.leave()
                case yaml.ScalarEvent():
                    if (path := position.scalar(event.value)) is not None:
                        yield path, event.value
                case yaml.AliasEvent():
                    if (path := position.alias()) is not None:
                        yield path, ""
                case yaml.DocumentEndEvent():
                    yield None, ""
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UpstreamError(f"{source}: is not YAML: {' '.join(str(error).split())}") from error


def _nevra(text: str, source: str) -> NEVRA:
    try:
        return NEVRA.parse(text)
    except PlanError as error:
        raise UpstreamError(f"{source}: {error}") from error
