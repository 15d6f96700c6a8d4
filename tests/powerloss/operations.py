"""Recorded calls as changes of a model disk, and the barriers between them."""

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.powerloss.disk import Contents, Disk
from tests.strace import Call, in_hex

NAME, CONTENT, MODE = "name", "content", "mode"
Thing = tuple[str, int, str]  # (NAME, directory, name), (CONTENT, inode, ""), (MODE, inode, "")
Change = tuple[Thing, int | None]  # what it becomes: an inode or None, a content's number, a mode
_NO_CHANGE = frozenset({"ioctl"})


@dataclass(frozen=True, slots=True)
class Operation:
    """One call that is kept or lost as a whole: what it makes of which things."""

    call: str
    path: str
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Barrier:
    """A call after which everything done before to the inodes `covers` is on disk."""

    call: str
    path: str
    covers: frozenset[int]


Step = Operation | Barrier


class UnmodelledError(Exception):
    """A call that changes the modelled folders in a way that the model does not know."""


@dataclass(slots=True)
class Player:
    """Plays calls on `disk` and notes each as a step. `umask` is that the program was begun with; `ignored` are paths without meaning.

    offsets: where the next write to each open file goes.  made: the mode that each new inode was made with.
    """

    disk: Disk
    contents: Contents
    umask: int
    ignored: frozenset[str] = frozenset()
    steps: list[Step] = field(default_factory=list)
    offsets: dict[int, int] = field(default_factory=dict)
    made: dict[int, int] = field(default_factory=dict)
    next_inode: int = 1 << 60

    def play(self, calls: Iterable[Call]) -> list[Step]:
        """The steps of a recording. Raises UnmodelledError."""
        for call in calls:
            play = getattr(self, f"_{call.name}", None)
            if play is not None:
                play(call)
            elif call.name not in _NO_CHANGE and any(in_hex(root) in argument for root in self.disk.roots for argument in call.arguments):
                raise UnmodelledError(f"{call.name}({', '.join(call.arguments)[:200]})")
        return self.steps

    def _modelled(self, path: str | None) -> bool:
        return path is not None and path not in self.ignored and self.disk.place(path) is not None

    def _note(self, call: str, path: str, *changes: Change) -> None:
        for (kind, inode, name), value in changes:
            if kind == CONTENT:
                self.disk.contents[inode] = value or 0
            elif kind == MODE:
                self.disk.modes[inode] = value or 0
            elif value is None:
                del self.disk.names[inode][name]
            else:
                self.disk.names[inode][name] = value
        self.steps.append(Operation(call, path, changes))

    def _new(self, call: str, path: str, mode: int) -> int:
        inode, self.next_inode = self.next_inode, self.next_inode + 1
        self.disk.modes[inode] = self.made[inode] = mode
        self._note(call, path, (self._name(path), inode))
        return inode

    def _name(self, path: str) -> Thing:
        place = self.disk.place(path)
        if place is None:
            raise UnmodelledError(f"{path}: outside of what is modelled")
        return NAME, *place

    def _value(self, thing: Thing) -> int | None:
        return self.disk.names[thing[1]].get(thing[2])

    # --- files

    def _openat(self, call: Call) -> None:
        path = call.path(1, 0)
        if not self._modelled(path):
            return
        self.offsets[int(call.result)] = 0
        inode = self.disk.inode(path)
        if inode is None and call.has("O_CREAT"):
            mode = int(call.arguments[3], 8) & ~self.umask
            self.disk.contents[self._new("create", path, stat.S_IFREG | mode)] = 0
        elif inode is not None and call.has("O_TRUNC"):
            self._become("truncate", path, inode, b"")

    def _write(self, call: Call) -> None:
        if self._modelled(path := call.opened(0)):
            self._put(path or "", call.octets(1), self.offsets[call.descriptor(0)])
            self.offsets[call.descriptor(0)] += int(call.result)

    def _pwrite64(self, call: Call) -> None:
        if self._modelled(path := call.opened(0)):
            self._put(path or "", call.octets(1), int(call.arguments[3]))

    def _lseek(self, call: Call) -> None:
        if self._modelled(call.opened(0)):
            self.offsets[call.descriptor(0)] = int(call.result)

    def _put(self, path: str, blob: bytes, offset: int) -> None:
        inode = self._inode(path)
        former = self.contents.blobs[self.disk.contents[inode]].ljust(offset, b"\0")
        self._become("write", path, inode, former[:offset] + blob + former[offset + len(blob) :])

    def _become(self, call: str, path: str, inode: int, blob: bytes) -> None:
        """A file's new content; writes that follow each other are one."""
        last = self.steps[-1] if self.steps else None
        if isinstance(last, Operation) and last.call == call and last.changes[0][0] == (CONTENT, inode, ""):
            self.steps.pop()
        if self.disk.contents[inode] != self.contents.number(blob) or call == "write":
            self._note(call, path, ((CONTENT, inode, ""), self.contents.number(blob)))

    def _ftruncate(self, call: Call) -> None:
        if self._modelled(path := call.opened(0)):
            inode = self._inode(path or "")
            size = int(call.arguments[1])
            self._become("truncate", path or "", inode, self.contents.blobs[self.disk.contents[inode]][:size].ljust(size, b"\0"))

    def _mmap(self, call: Call) -> None:
        if call.has("MAP_SHARED") and call.has("PROT_WRITE") and self._modelled(call.opened(4)):
            raise UnmodelledError(f"{call.opened(4)}: written through memory")

    def _inode(self, path: str) -> int:
        inode = self.disk.inode(path)
        if inode is None:
            raise UnmodelledError(f"{path}: not there in the model")
        return inode

    # --- names

    def _mkdir(self, call: Call) -> None:
        if self._modelled(path := call.path(0)):
            self.disk.names[self._new("mkdir", path, stat.S_IFDIR | int(call.arguments[1], 8) & ~self.umask)] = {}

    def _rmdir(self, call: Call) -> None:
        self._remove("rmdir", call.path(0))

    def _unlink(self, call: Call) -> None:
        self._remove("unlink", call.path(0))

    def _unlinkat(self, call: Call) -> None:
        self._remove("rmdir" if call.has("AT_REMOVEDIR") else "unlink", call.path(1, 0))

    def _remove(self, name: str, path: str) -> None:
        if self._modelled(path):
            self._note(name, path, (self._name(path), None))

    def _rename(self, call: Call) -> None:
        self._move(call.path(0), call.path(1))

    def _renameat(self, call: Call) -> None:
        self._move(call.path(1, 0), call.path(3, 2))

    def _renameat2(self, call: Call) -> None:
        if call.has("RENAME_EXCHANGE"):
            left, right = self._name(call.path(1, 0)), self._name(call.path(3, 2))
            self._note("exchange", call.path(1, 0), (left, self._value(right)), (right, self._value(left)))
        else:
            self._renameat(call)

    def _move(self, source: str, target: str) -> None:
        if self._modelled(source) or self._modelled(target):
            old, new = self._name(source), self._name(target)
            if self._value(old) != self._value(new):  # two names of one file: rename(2) does nothing
                self._note("rename", target, (old, None), (new, self._value(old)))

    def _link(self, call: Call) -> None:
        self._name_again(call.path(0), call.path(1))

    def _linkat(self, call: Call) -> None:
        self._name_again(call.path(1, 0), call.path(3, 2))

    def _name_again(self, source: str, path: str) -> None:
        if self._modelled(path):
            self._note("link", path, (self._name(path), self._value(self._name(source))))

    def _symlink(self, call: Call) -> None:
        self._symbolic(call.path(0), call.path(1))

    def _symlinkat(self, call: Call) -> None:
        self._symbolic(call.path(0), call.path(2, 1))

    def _symbolic(self, target: str, path: str) -> None:
        if self._modelled(path):
            self.disk.targets[self._new("symlink", path, stat.S_IFLNK | 0o777)] = target

    # --- modes

    def _chmod(self, call: Call) -> None:
        self._set_mode(call.path(0), call.arguments[1])

    def _fchmod(self, call: Call) -> None:
        self._set_mode(call.opened(0), call.arguments[1])

    def _fchmodat(self, call: Call) -> None:
        self._set_mode(call.path(1, 0), call.arguments[2])

    def _set_mode(self, path: str | None, mode: str) -> None:
        if path is not None and self._modelled(path):
            inode = self._inode(path)
            new = stat.S_IFMT(self.disk.modes[inode]) | int(mode, 8)
            if new != self.disk.modes[inode]:
                self._note("chmod", path, ((MODE, inode, ""), new))

    def _umask(self, call: Call) -> None:
        self.umask = int(call.arguments[0], 8)

    # --- barriers

    def _fsync(self, call: Call) -> None:
        if self._modelled(path := call.opened(0)):
            self.steps.append(Barrier("fsync", path or "", frozenset({self._inode(path or "")})))

    _fdatasync = _fsync

    def _syncfs(self, call: Call) -> None:
        path = call.opened(0) or ""
        if self._modelled(path):
            root = next(root for root in self.disk.roots if os.path.commonpath([root, path]) == root)
            self.steps.append(Barrier("syncfs", path, self._everything_below(root)))

    def _everything_below(self, root: str) -> frozenset[int]:
        """All inodes of a root's file system, those without a name too: every one that is not below another root."""
        others = {inode for other, top in self.disk.roots.items() if other != root for _, inode in self.disk.below(top)}
        return frozenset(self.disk.modes.keys() - others - {top for other, top in self.disk.roots.items() if other != root})
