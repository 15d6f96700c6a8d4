"""What is fuzzed: a reader, what it may raise, and what its inputs are made from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from mirrorsync.errors import MirrorsyncError

Read = Callable[[bytes, Path], None]
"""Reads an input; the folder is its own, for what needs files."""

Mutator = Callable[[Random, bytes, Sequence[bytes]], bytes]
"""(random, an input, all others) to another input."""

Seeds = Callable[[], Sequence[bytes]]


@dataclass(frozen=True, slots=True)
class Target:
    """read: raises what the input deserves, of the types in `refusals`; any other exception is a finding.

    budget: how many inputs a run of the tests gives it.  largest: bytes of an input.
    longest_line: characters of a refusal that a person can read, where the input was not that person's own.
    """

    name: str
    read: Read
    seeds: Seeds
    refusals: tuple[type[MirrorsyncError], ...]
    mutate: Mutator
    corpus: Seeds = tuple
    budget: int = 2000
    largest: int = 1 << 16
    longest_line: int = 2000
