"""Mails and plain files taken apart into their plain texts, within bounds and whatever is in them."""

import binascii
import quopri
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

_MOST_HEAD = 1 << 16  # bytes
_MOST_PARTS = 200  # of one mail: a digest has some tens
_DEEPEST = 8
_MAIL_FIELDS = frozenset(("from", "date", "subject", "received", "message-id", "return-path", "mime-version"))
_FIELD = re.compile(rb"^([!-9;-~]{1,60}):[ \t]*(.*)$")
_BOUNDARY = re.compile(r'boundary=(?:"([^"]{1,200})"|([^\s;"]{1,200}))', re.IGNORECASE)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAY = re.compile(rf"\b([0-9]{{1,2}})[ -]({'|'.join(_MONTHS)})[a-z]{{0,6}}[ -]([0-9]{{4}})\b", re.IGNORECASE)
_SIGNED = "-----BEGIN PGP SIGNED MESSAGE-----"
_SIGNATURE = "-----BEGIN PGP SIGNATURE-----"
_ESCAPED = re.compile(r"^- (?=[-=]{5})", re.MULTILINE)
_HASHES = re.compile(r"\A(?:[A-Za-z-]{1,20}: [^\n]*\n)*\n?")


@dataclass(frozen=True, slots=True)
class Text:
    """A plain text, and of the mail that it came in the subject and the day: '' and None where it came in none."""

    body: str
    subject: str = ""
    day: date | None = None


@dataclass(slots=True)
class _Budget:
    """How many parts may still be looked at."""

    parts: int = _MOST_PARTS


def texts_of(content: bytes) -> Iterator[Text]:
    """The plain texts of a mail, those of the mails in it too; or the whole of what is no mail."""
    fields, body = _taken_apart(content)
    if len(_MAIL_FIELDS & fields.keys()) > 1:
        yield from _parts(fields, body, _outside(fields, Text("")), _DEEPEST, _Budget())
    else:
        yield Text(_plain(_decoded(content)))


def day_in(text: str) -> date | None:
    """The first day of the form `10 Mar 2014`."""
    match = _DAY.search(text)
    try:
        return date(int(match[3]), _MONTHS.index(match[2].lower()) + 1, int(match[1])) if match else None
    except ValueError:
        return None


def _taken_apart(content: bytes) -> tuple[Mapping[str, str], bytes]:
    """The fields at its head, by name in lower case, and what follows the empty line."""
    content = content.replace(b"\r\n", b"\n")
    head, _, body = content.partition(b"\n\n")
    if len(head) > _MOST_HEAD:
        return {}, content
    fields: dict[str, str] = {}
    name = ""
    for line in head.split(b"\n"):
        match = _FIELD.match(line)
        if match:
            name = match[1].decode("ascii").lower()
            fields.setdefault(name, _decoded(match[2]).strip())
        elif line[:1] in (b" ", b"\t") and name:
            fields[name] = f"{fields[name]} {_decoded(line).strip()}"
        elif not line.startswith((b"From ", b">From ")):
            return {}, content
    return fields, body


def _parts(fields: Mapping[str, str], body: bytes, outer: Text, depth: int, budget: _Budget) -> Iterator[Text]:
    """The texts in one part, which `outer` tells the subject and the day of; what is nested deeper or beyond the budget is left out."""
    kind = fields.get("content-type", "text/plain").partition(";")[0].strip().lower()
    budget.parts -= 1
    if depth == 0 or budget.parts < 0:
        return
    if kind.startswith("multipart/"):
        for inner_fields, inner in _divided(fields, body, digest=kind == "multipart/digest"):
            yield from _parts(inner_fields, inner, outer, depth - 1, budget)
    elif kind.startswith("message/"):
        inner_fields, inner = _taken_apart(body.lstrip(b"\n"))
        yield from _parts(inner_fields, inner, _outside(inner_fields, outer), depth - 1, budget)
    elif kind in ("text/plain", "text"):
        yield Text(_plain(_decoded(_untransferred(fields, body))), outer.subject, outer.day)


def _divided(fields: Mapping[str, str], body: bytes, *, digest: bool) -> Iterator[tuple[Mapping[str, str], bytes]]:
    match = _BOUNDARY.search(fields.get("content-type", ""))
    if match is None:
        yield {}, body
        return
    line = re.escape((match[1] or match[2]).encode(errors="replace"))
    for part in re.split(rb"\n--" + line + rb"(?=--|[ \t]*\n)", b"\n" + body, maxsplit=_MOST_PARTS)[1:]:
        if part.startswith(b"--"):
            return
        content = part.partition(b"\n")[2]
        inner, content = ({}, content[1:]) if content.startswith(b"\n") else _taken_apart(content)
        yield ({"content-type": "message/rfc822", **inner} if digest else inner), content


def _outside(fields: Mapping[str, str], outer: Text) -> Text:
    return Text("", " ".join(fields.get("subject", outer.subject).split()), day_in(fields.get("date", "")) or outer.day)


def _untransferred(fields: Mapping[str, str], body: bytes) -> bytes:
    match fields.get("content-transfer-encoding", "").strip().lower():
        case "quoted-printable":
            return quopri.decodestring(body)
        case "base64":
            try:
                return binascii.a2b_base64(body)
            except binascii.Error:
                return body
        case _:
            return body


def _decoded(content: bytes) -> str:
    """In UTF-8, or else in Latin-1, whatever it says of itself."""
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _plain(text: str) -> str:
    """Without a clear signature's armour and the dashes that escape dashes, which archives leave in even where they cut off the armour."""
    text = text.replace("\r\n", "\n")
    before, signed, rest = text.partition(f"{_SIGNED}\n")
    if not signed:
        return _ESCAPED.sub("", text)
    inside = _HASHES.sub("", rest.partition(f"\n{_SIGNATURE}")[0], count=1)
    return before + re.sub(r"^- ", "", inside, flags=re.MULTILINE)
