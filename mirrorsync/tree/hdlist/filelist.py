"""A header's list of files: every name with the index of its directory, as rpm 4 stores it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mirrorsync.errors import HeaderError
from mirrorsync.rpmfile.header import RawHeader, Value
from mirrorsync.rpmfile.serial import numbers, texts
from mirrorsync.rpmfile.tags import Tag


@dataclass(frozen=True, slots=True)
class FileList:
    """`places[i]` is the index in `folders` of the directory that file `names[i]` is in; a directory ends in '/'."""

    places: Sequence[int]
    names: Sequence[bytes]
    folders: Sequence[bytes]

    def paths(self) -> Iterator[bytes]:
        """The full path of every file."""
        for place, name in zip(self.places, self.names, strict=True):
            yield self.folders[place] + name

    def values(self) -> dict[int, Value]:
        """The list as tags."""
        return {Tag.DIRINDEXES: numbers(self.places), Tag.BASENAMES: texts(self.names), Tag.DIRNAMES: texts(self.folders)}


def read_file_list(header: RawHeader) -> FileList:
    """The list a header holds. Raises HeaderError where it contradicts itself."""
    places, names, folders = header.integers(Tag.DIRINDEXES), header.byte_strings(Tag.BASENAMES), header.byte_strings(Tag.DIRNAMES)
    if len(places) != len(names) or (places and max(places) >= len(folders)):
        counts = f"{len(names)} names, {len(places)} directory indexes, {len(folders)} directories"
        raise HeaderError(f"the file list contradicts itself: {counts}")
    return FileList(places, names, folders)


def split_paths(paths: Sequence[bytes]) -> FileList:
    """Paths as directories and names, the way rpm 4.0.4 does it.

    It looks a directory up among those seen by binary search though they need not be sorted, so one may come twice;
    paths that are not absolute (a source package's) are all put into the directory ''.
    """
    if not paths or not paths[0].startswith(b"/"):
        return FileList([0] * len(paths), paths, [b""] if paths else [])
    places: list[int] = []
    names: list[bytes] = []
    folders: list[bytes] = []
    for path in paths:
        folder, slash, name = path.rpartition(b"/")
        place = _search(folders, folder + slash)
        if place is None:
            place = len(folders)
            folders.append(folder + slash)
        places.append(place)
        names.append(name)
    return FileList(places, names, folders)


def _search(folders: Sequence[bytes], wanted: bytes) -> int | None:
    """C's bsearch()."""
    low, high = 0, len(folders)
    while low < high:
        middle = (low + high) // 2
        if folders[middle] == wanted:
            return middle
        low, high = (low, middle) if wanted < folders[middle] else (middle + 1, high)
    return None
