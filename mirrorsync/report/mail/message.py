"""A letter as an Internet message (RFC 5322): one multipart/alternative of text and HTML, for one recipient.

`Auto-Submitted` (RFC 3834) keeps vacation programs from answering. `Precedence` is not set: RFC 3834 gives it no meaning, and servers
that know it deliver later for it. In-Reply-To and References name the root of the tree's thread, a message that nobody sent: clients
group what names the same root.
"""

import hashlib
import re
import textwrap
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import EmailPolicy
from email.utils import format_datetime

from mirrorsync.errors import ConfigError
from mirrorsync.report.mail.letter import Cause, Letter
from mirrorsync.report.mail.markup import html_part
from mirrorsync.report.mail.plain import text_part

_LABEL = re.compile(r"[^A-Za-z0-9.-]+")
_COLUMNS = 76
_PLAIN = ("Subject", "In-Reply-To", "References", "List-Id")


class _Policy(EmailPolicy):
    """Headers of words, folded between them.

    The library begins a line of its own for a subject that just fits into one, and readers then show a blank before it; and it encodes
    an id that does not fit into a line, which nobody takes for one then.
    """

    def fold_binary(self, name: str, value: str) -> bytes:
        """The header as it is sent."""
        if name in _PLAIN and value.isascii():
            lines = textwrap.wrap(f"{name}: {value}", _COLUMNS, subsequent_indent=" ", break_long_words=False, break_on_hyphens=False)
            return "".join(f"{line}\r\n" for line in lines).encode()
        return super().fold_binary(name, value)


def message_of(letter: Letter, sender: str, list_id: str | None) -> bytes:
    """The message with CRLF line ends, all of it ASCII. list_id: of RFC 2919, without brackets; by default of the sender's domain.

    Raises ConfigError where sender or recipient is no address.
    """
    domain = sender.rpartition("@")[2]
    message = EmailMessage(policy=_Policy(linesep="\r\n"))
    message["From"] = _address(sender, "mirrorsync")
    message["To"] = _address(letter.recipient)
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(letter.now)
    message["Message-ID"] = f"<{_own_id(letter)}@{domain}>"
    root = f"<{_root_id(letter)}@{domain}>"
    message["In-Reply-To"] = root
    message["References"] = root
    message["Auto-Submitted"] = "auto-generated"
    message["List-Id"] = f"mirrorsync on {_LABEL.sub('-', letter.host)} <{list_id or f'mirrorsync.{domain}'}>"
    message.set_content(text_part(letter), cte="quoted-printable")
    message.add_alternative(html_part(letter), subtype="html", cte="quoted-printable")
    return message.as_bytes()


def _address(text: str, name: str = "") -> Address:
    """Raises ConfigError for what the library takes for none: its errors have no class of their own."""
    try:
        return Address(name, addr_spec=text)
    except (MessageError, ValueError, IndexError) as error:
        raise ConfigError((f"{text!r} cannot be written as a mail address: {error}; correct it in [report.mail]",)) from error


def _own_id(letter: Letter) -> str:
    """The same for the same letter: one that is sent twice is known for it."""
    return f"report.{_digest(letter.host, letter.recipient, letter.subject, letter.now.isoformat())}"


def _root_id(letter: Letter) -> str:
    """Of the one tree's thread, or of that of digests."""
    alone = len(letter.accounts) == 1 and letter.cause is not Cause.DIGEST
    return f"thread.{_digest(letter.host, letter.accounts[0].tree if alone else '')}"


def _digest(*words: str) -> str:
    return hashlib.sha256("\0".join(words).encode(errors="surrogatepass")).hexdigest()[:24]
