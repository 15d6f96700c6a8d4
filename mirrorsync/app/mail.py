"""Mail: who is told what of which trees, the messages that say it, and the door by which they leave."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from mirrorsync.app.lateness import lateness_of
from mirrorsync.app.standing import Step, present_standing, runs_of
from mirrorsync.config.schema import Config, MailConfig, RecipientConfig
from mirrorsync.config.secrets import read_secret
from mirrorsync.delivery.outbox import Deliver, Entry
from mirrorsync.delivery.sendmail import send
from mirrorsync.delivery.smtp import SmtpDoor, SmtpServer
from mirrorsync.errors import ConfigError, DeliveryError
from mirrorsync.model.choices import Occasion
from mirrorsync.model.news import News
from mirrorsync.planning.news import concerning
from mirrorsync.planning.standing import failed
from mirrorsync.report.account import Account, Scope, account_of
from mirrorsync.report.mail.letter import Cause, Letter, subject_of
from mirrorsync.report.mail.message import message_of
from mirrorsync.report.page.words import count_text
from mirrorsync.report.schedule import lateness_text

MAIL = "mail"
"""The kind that mails have in the outbox."""
LATELY = timedelta(days=7)
_NOBODY = "root@localhost"  # whom a preview is for where nobody is configured


def news_mails(mail: MailConfig, step: Step, news: News, undelivered: Sequence[str]) -> Iterator[Entry]:
    """A mail to each whom something of this concerns: one to an address, though several tables have it."""
    written: set[str] = set()
    for recipient in mail.recipients:
        told = _told(recipient, step.now.tree, news)
        if recipient.address not in written and (told.changes or told.failure or told.mended):
            written.add(recipient.address)
            account = account_of(step.now, step.now.at, told, Scope(recipient.severity))
            subject = subject_of(Cause.NEWS, [account], told)
            letter = Letter(Cause.NEWS, _host(), recipient.address, step.now.at, (account,), subject, tuple(undelivered))
            yield _entry(mail, letter)


def _told(recipient: RecipientConfig, tree: str, news: News) -> News:
    """What of it this recipient asked for."""
    if not _meant(recipient, tree):
        return News()
    told = concerning(news, recipient.severity) if Occasion.CHANGES in recipient.when else News()
    failures = Occasion.FAILURE in recipient.when
    return replace(told, failure=news.failure if failures else None, mended=news.mended if failures else None)


def _meant(recipient: RecipientConfig, tree: str) -> bool:
    return any(fnmatchcase(tree, glob) for glob in recipient.trees)


def report_mails(config: Config, trees: Sequence[str], cause: Cause, now: datetime, undelivered: Sequence[str]) -> Iterator[Entry]:
    """A mail to each whom some of these trees concern, of how they stand now. Raises ConfigError where no mail is configured."""
    mail = config.report.mail
    if mail is None:
        raise ConfigError(("[report.mail] is not configured, so nobody can be told; see mirrorsync.toml(5)",))
    for address in dict.fromkeys(recipient.address for recipient in mail.recipients):
        if letter := _letter(config, mail, address, trees, cause, now, undelivered):
            yield _entry(mail, letter)


def preview(config: Config, trees: Sequence[str], cause: Cause, now: datetime, undelivered: Sequence[str]) -> bytes:
    """The message that the first whom it concerns would get. Raises ConfigError where it would be nobody."""
    mail = config.report.mail or MailConfig(sender=_NOBODY, recipients=(RecipientConfig(address=_NOBODY),))
    for recipient in mail.recipients:
        if letter := _letter(config, mail, recipient.address, trees, cause, now, undelivered):
            return message_of(letter, mail.sender, mail.list_id)
    raise ConfigError((f"[report.mail] has no recipient who is told of {', '.join(trees)} then; see `trees` and `when`",))


def _letter(
    config: Config, mail: MailConfig, address: str, trees: Sequence[str], cause: Cause, now: datetime, undelivered: Sequence[str]
) -> Letter | None:
    """None where none of these trees concerns the address."""
    own = [each for each in mail.recipients if each.address == address and (cause is Cause.CALL or Occasion.DIGEST in each.when)]
    accounts = [
        account_now(config, tree, now, Scope(min(least), since=now - LATELY))
        for tree in trees
        if (least := [each.severity for each in own if _meant(each, tree)])
    ]
    subject = subject_of(cause, accounts)
    return Letter(cause, _host(), address, now, tuple(accounts), subject, tuple(undelivered)) if accounts else None


def account_now(config: Config, tree: str, now: datetime, scope: Scope) -> Account:
    """How a tree stands now, with the runs of the last week."""
    account = account_of(present_standing(config, tree, now), now, scope=scope)
    runs = [run for run in runs_of(config, tree) if now - run.ended <= LATELY]
    failures = count_text(sum(1 for run in runs if failed(run)), "failure")
    week = ("Last 7 days", f"{count_text(len(runs), 'run')}, {failures}")
    late = lateness_text([entry for entry in lateness_of(config.state, tree) if now - entry.due <= LATELY])
    return replace(account, facts=(*account.facts, week, *([("Not in time", late)] if late else [])))


def _entry(mail: MailConfig, letter: Letter) -> Entry:
    return Entry(MAIL, letter.recipient, letter.subject, message_of(letter, mail.sender, mail.list_id), letter.now)


def _host() -> str:
    return os.uname().nodename


@contextmanager
def mail_door(mail: MailConfig | None) -> Iterator[Deliver]:
    """What hands mails over as the configuration says now, whatever it said when they were written."""
    if mail is None:
        yield _refusing("[report.mail] is not configured any more")
    elif mail.sendmail:
        program, sender = mail.sendmail, mail.sender
        yield lambda entry: send(program, sender, entry.destination, entry.payload)
    else:
        try:
            server = _server(mail)
        except ConfigError as error:
            yield _refusing(str(error))
            return
        with SmtpDoor(server, mail.sender) as door:
            yield lambda entry: door.deliver(entry.destination, entry.payload)


def _server(mail: MailConfig) -> SmtpServer:
    """Raises ConfigError where the password's file cannot be used."""
    password = read_secret(mail.password_file) if mail.password_file else None
    return SmtpServer(mail.server or "", mail.starttls, mail.ca, mail.username, password)


def _refusing(reason: str) -> Deliver:
    def refuse(_entry: Entry) -> None:
        raise DeliveryError(reason)

    return refuse
