"""Inputs made of inputs, of any kind: bits, bytes, numbers and words changed, pieces cut, doubled and joined."""

import re
from collections.abc import Callable, Sequence
from random import Random

from tests.fuzz.target import Mutator

_NUMBER = re.compile(rb"\d+")
_WORD = re.compile(rb"[A-Za-z_]{2,}")
_LINE = re.compile(rb"^[^\n]*\n", re.MULTILINE)
_NUMBERS = (
    *(b"0", b"-1", b"+1", b"-0000005", b"00", b"1", b"255", b"65536", b"2147483648", b"4294967295", b"18446744073709551616"),
    *(b"9" * 19, b"9" * 400, b"9" * 5000, b"1e999", b"-1e999", b"NaN", b"0x10", b"1_000", "٣".encode(), "²".encode(), b"99999999"),
)
_TEXTS = (
    *(b"", b"\0", b"\xff", b"\xed\xa0\x80", "é".encode(), "é".encode("latin-1"), b"\xef\xbb\xbf"),
    *(b"\r\n", b"\n", b"\t", b"\x1b[2J", b" " * 300),
    *(b"../", b"/", b"\\", b"%2e%2e/", b"%00", b"$releasever", b"[", b"]", b"[[", b"http://[x/", b"http://x:99999/"),
    *(b"x" * 300, b"#", b"'", b'"'),
)  # fmt: skip
_INTEGERS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x10000, 0xFFFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFF0, 0xFFFFFFFF)
_MOST_CHANGES = 4
_MOST_COPIES = 64

Change = Callable[[Random, bytes, Sequence[bytes]], bytes]


def mutator(*changes: Change, words: Sequence[bytes] = ()) -> Mutator:
    """One that makes up to four changes to an input: of those given (twice as often) and of those that suit any input.

    words: what the inputs of its kind are made of.
    """
    everything = (*changes, *changes, *ANY, *([_inserting(words), _inserting(words), _overwriting(words)] if words else []))

    def mutate(random: Random, content: bytes, others: Sequence[bytes]) -> bytes:
        for _ in range(random.randint(1, _MOST_CHANGES)):
            content = random.choice(everything)(random, content, others)
        return content

    return mutate


def span(random: Random, content: bytes, longest: int = 64) -> tuple[int, int]:
    """The bounds of a piece of the content: mostly a short one."""
    start = random.randint(0, len(content))
    length = random.randint(0, longest if random.random() < 0.9 else len(content))
    return start, min(start + length, len(content))


def found(random: Random, pattern: re.Pattern[bytes], content: bytes) -> re.Match[bytes] | None:
    """A match at or after a random place, or else the first one."""
    return pattern.search(content, random.randint(0, len(content))) or pattern.search(content)


def _flip(random: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    changed = bytearray(content)
    for _time in range(random.randint(1, 3) if content else 0):
        changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed)


def _integer(random: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    """An integer of 1, 2 or 4 bytes written over others."""
    size = random.choice((1, 2, 4))
    at = random.randint(0, max(0, len(content) - size))
    value = (random.choice(_INTEGERS) + random.randint(-1, 1)) % (1 << 8 * size)
    return content[:at] + value.to_bytes(size, random.choice(("big", "little"))) + content[at + size :]


def _bytes(random: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    start, end = span(random, content, 8)
    return content[:start] + random.randbytes(random.randint(0, 8)) + content[end:]


def _cut(random: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    start, end = span(random, content)
    return content[:start] + content[end:]


def _end(random: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    return content[: random.randint(0, len(content))]


def _copies(random: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    start, end = span(random, content)
    return content[:end] + content[start:end] * random.randint(1, _MOST_COPIES) + content[end:]


def _joined(random: Random, content: bytes, others: Sequence[bytes]) -> bytes:
    other = random.choice(others) if others else b""
    return content[: random.randint(0, len(content))] + other[random.randint(0, len(other)) :]


def _graft(random: Random, content: bytes, others: Sequence[bytes]) -> bytes:
    other = random.choice(others) if others else b""
    (start, end), (first, last) = span(random, content), span(random, other)
    return content[:start] + other[first:last] + content[end:]


def _number(random: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    return _replaced(random, _NUMBER, content, random.choice(_NUMBERS))


def _word(random: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    return _replaced(random, _WORD, content, random.choice(_TEXTS))


def _words_exchanged(random: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    other = found(random, _WORD, content)
    return _replaced(random, _WORD, content, other[0]) if other else content


def _line(random: Random, content: bytes, _: Sequence[bytes]) -> bytes:
    """A line taken out, or put in again elsewhere."""
    line = found(random, _LINE, content)
    if line is None:
        return content
    if random.random() < 0.5:
        return content[: line.start()] + content[line.end() :]
    at = random.randint(0, len(content))
    return content[:at] + line[0] * random.randint(1, 3) + content[at:]


def _replaced(random: Random, pattern: re.Pattern[bytes], content: bytes, by: bytes) -> bytes:
    match = found(random, pattern, content)
    return content[: match.start()] + by + content[match.end() :] if match else content


def _inserting(words: Sequence[bytes]) -> Change:
    def insert(random: Random, content: bytes, _: Sequence[bytes]) -> bytes:
        at = random.randint(0, len(content))
        return content[:at] + random.choice(words) * random.choice((1, 1, 1, 2, 300)) + content[at:]

    return insert


def _overwriting(words: Sequence[bytes]) -> Change:
    """Words in the place of as many bytes: fields of fixed places stay where they are."""

    def overwrite(random: Random, content: bytes, _: Sequence[bytes]) -> bytes:
        word = random.choice(words)
        start = random.randint(0, max(0, len(content) - len(word)))
        return content[:start] + word + content[start + len(word) :]

    return overwrite


ANY: tuple[Change, ...] = (
    _flip, _integer, _bytes, _cut, _end, _copies, _joined, _graft, _number, _number, _word, _words_exchanged, _line, _inserting(_TEXTS),
)  # fmt: skip
