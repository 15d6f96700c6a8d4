"""What a mail says, to whom and why: both of its parts, and its subject, are made from this."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mirrorsync.model.news import News
from mirrorsync.model.pending import Urgency
from mirrorsync.report.account import Account, Tally
from mirrorsync.report.page.words import count_text
from mirrorsync.report.text import visible

_LONGEST_SUBJECT = 200  # characters; the names of trees alone can make it long
_NAMED_TREES = 3


class Cause(StrEnum):
    """Why a mail is sent, as its last lines say it."""

    NEWS = "a run changed something, or failed"
    DIGEST = "it is the digest of the week"
    CALL = "somebody called `mirrorsync report --mail`"


@dataclass(frozen=True, slots=True)
class Letter:
    """host: the machine that tells.  undelivered: what of earlier mails did not arrive, a line each."""

    cause: Cause
    host: str
    recipient: str
    now: datetime
    accounts: tuple[Account, ...]
    subject: str
    undelivered: tuple[str, ...] = ()


def subject_of(cause: Cause, accounts: Sequence[Account], news: News | None = None) -> str:
    """One plain line with what counts most first; nothing that comes from outside can begin another."""
    names = [account.tree for account in accounts]
    trees = ", ".join(names) if len(names) <= _NAMED_TREES else count_text(len(names), "tree")
    digest = "digest, " if cause is Cause.DIGEST else ""
    text = f"[mirrorsync] {digest}{trees}: {', '.join(_parts(accounts, news or News()))}"
    line = visible(" ".join(text.split()))
    return line if len(line) <= _LONGEST_SUBJECT else f"{line[: _LONGEST_SUBJECT - 1]}…"


def _parts(accounts: Sequence[Account], news: News) -> Iterator[str]:
    if news.failure:
        yield f"{news.failure.name} failed"
    if news.mended:
        yield f"{news.mended.name} works again"
    pending = [tally for account in accounts for tally in account.tallies]
    count, untold = sum(tally.count for tally in pending), sum(len(account.untold) + account.more_untold for account in accounts)
    if not (count or untold or all(account.informed for account in accounts)):
        yield "nobody knows what is pending"
    elif count or not untold:
        yield f"{count_text(count, 'erratum', 'errata') if count else 'no errata'} pending{_urgent(pending)}"
    else:
        yield f"{count_text(untold, 'package')} pending"
    if news.publication and news.publication.back_to is not None:
        yield f"back to generation {news.publication.back_to}"
    elif news.publication:
        yield f"{count_text(news.publication.added, 'package')} published"
    if news.findings:
        yield count_text(len(news.findings), "new finding")
    elif found := sum(len(account.findings) + account.more_findings for account in accounts):
        yield count_text(found, "finding")


def _urgent(pending: Sequence[Tally]) -> str:
    """ " (1 critical, 2 overdue)", '' where neither is."""
    critical = sum(tally.count for tally in pending if tally.urgency is Urgency.CRITICAL)
    late = sum(tally.late for tally in pending)
    parts = [f"{number:,} {word}" for number, word in ((critical, "critical"), (late, "overdue")) if number]
    return f" ({', '.join(parts)})" if parts else ""
