"""The mail itself: held against RFC 5322 as it came over SMTP, its two parts against the facts, and its HTML against mail clients."""

import re
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from email.utils import parsedate_to_datetime
from html.parser import HTMLParser

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from mirrorsync.config.values import _ADDRESS, _LIST_ID, parse_address
from mirrorsync.delivery.smtp import SmtpDoor, SmtpServer
from mirrorsync.errors import ConfigError
from mirrorsync.model.choices import StartTls
from mirrorsync.model.news import News
from mirrorsync.model.pending import Urgency
from mirrorsync.model.standing import Standing
from mirrorsync.report.account import Scope, account_of
from mirrorsync.report.mail.letter import Cause, Letter, subject_of
from mirrorsync.report.mail.markup import html_part
from mirrorsync.report.mail.message import message_of
from mirrorsync.report.mail.plain import text_part
from tests import accounts
from tests.accounts import NOW
from tests.mailservers import mail_server

OPS, SENDER = "ops@example.org", "mirrorsync@example.org"
NASTY = "\x1b[31m\u202eevil\u2066<script>alert(1)</script>\r\nBcc: everybody@example.org \"'&amp;\u00e9\u5143"


def letter(*standings: Standing, news: News | None = None, cause: Cause = Cause.NEWS, undelivered: tuple[str, ...] = ()) -> Letter:
    told = [account_of(each, NOW, news, Scope(since=NOW - timedelta(days=7))) for each in standings or (accounts.standing(),)]
    return Letter(cause, "master1.example.org", OPS, NOW, tuple(told), subject_of(cause, told, news), undelivered)


def received(written: Letter, list_id: str | None = None) -> tuple[bytes, EmailMessage]:
    """The message as a server got it, and as a client reads it."""
    with mail_server() as server, SmtpDoor(SmtpServer(server.url, StartTls.NEVER), SENDER) as door:
        door.deliver(OPS, message_of(written, SENDER, list_id))
    return server.received[0].content, server.received[0].message


def parts(message: EmailMessage) -> tuple[str, str]:
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    assert html is not None
    return text.get_content(), html.get_content()


@pytest.mark.parametrize("address", ["ops@example.org.", "a..b@x", "a.@x", "x@a..b", "=?utf-8?q?x?=@x", ""])
def test_what_is_no_address_is_refused_in_words(address: str) -> None:
    for recipient, sender in ((address, SENDER), (OPS, address)):
        with pytest.raises(ConfigError, match=r"cannot be written as a mail address: .*; correct it in \[report.mail\]"):
            message_of(replace(letter(), recipient=recipient), sender, None)


@given(st.from_regex(_ADDRESS, fullmatch=True))
@example("a" * 240 + "@example.org")
def test_every_address_that_the_configuration_takes_can_be_written_to(address: str) -> None:
    assume(len(address) <= 254)
    written = message_from_bytes(message_of(letter(), parse_address(address), None), policy=default)
    assert [each.addr_spec for each in written["From"].addresses] == [address]


@given(st.from_regex(_ADDRESS, fullmatch=True), st.from_regex(_LIST_ID, fullmatch=True))
@example("ops@" + "mirrors.department." * 8 + "example.org", "mirrors.department." * 12 + "example.org")
def test_ids_are_written_as_they_are_however_long(sender: str, list_id: str) -> None:
    assume(len(sender) <= 254 and len(list_id) < 500)
    head = message_of(letter(), sender, list_id).partition(b"\r\n\r\n")[0].decode()
    lines = head.replace("\r\n ", " ").split("\r\n")
    values = {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
    domain = sender.rpartition("@")[2]
    for name in ("Message-ID", "In-Reply-To", "References"):
        assert re.fullmatch(rf"<[a-z]+\.[0-9a-f]+@{re.escape(domain)}>", values[name]), head
    assert values["List-Id"] == f"mirrorsync on master1.example.org <{list_id}>"
    assert max(map(len, head.split("\r\n"))) <= 998


def nasty() -> Standing:
    """A standing whose every text from outside wants to be something else."""
    erratum = replace(accounts.pending(), advisory=accounts.advisory(NASTY, title=NASTY, cves=(NASTY,)))
    return accounts.standing(
        pending=(erratum,),
        applied=(accounts.applied(NASTY, title=NASTY),),
        findings=(accounts.finding(what=NASTY),),
        last_update=accounts.run("update", 1, NASTY),
        path=f"/u1/{NASTY}",
    )


# --- the message ----------------------------------------------------------------------------------------------------------


def test_what_arrives_is_a_message_of_rfc_5322_with_two_parts() -> None:
    content, message = received(letter(news=accounts.news()))
    assert not message.defects
    assert content.isascii()
    lines = content.split(b"\r\n")
    assert all(len(line) <= 998 for line in lines)
    assert b"\n" not in content.replace(b"\r\n", b"")
    assert b"\r" not in content.replace(b"\r\n", b"")
    assert max(map(len, lines[: lines.index(b"")])) <= 78
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert {part["Content-Transfer-Encoding"] for part in message.iter_parts()} == {"quoted-printable"}
    assert {part.get_content_charset() for part in message.iter_parts()} == {"utf-8"}


def test_its_header_says_who_when_and_that_no_person_wrote_it() -> None:
    _, message = received(letter(news=accounts.news()))
    assert (message["From"], message["To"]) == (f"mirrorsync <{SENDER}>", OPS)
    assert parsedate_to_datetime(message["Date"]) == NOW.replace(microsecond=0)
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["List-Id"] == "mirrorsync on master1.example.org <mirrorsync.example.org>"
    assert re.fullmatch(r"<report\.[0-9a-f]{24}@example\.org>", message["Message-ID"])
    assert message["Precedence"] is None
    for name in ("From", "To", "Date", "Message-ID", "Subject", "In-Reply-To", "References", "MIME-Version"):
        assert len(message.get_all(name, [])) == 1, name


def test_the_list_id_is_the_configured_one() -> None:
    _, message = received(letter(), "mirrors.cluster.example")
    assert message["List-Id"] == "mirrorsync on master1.example.org <mirrors.cluster.example>"


def test_all_mails_of_a_tree_are_one_thread_and_digests_another() -> None:
    first = received(letter(news=accounts.news()))[1]
    later = received(replace(letter(), now=NOW + timedelta(days=1), subject="another"))[1]
    other = received(letter(accounts.standing(tree="rocky9")))[1]
    digest = received(letter(cause=Cause.DIGEST))[1]
    assert first["References"] == first["In-Reply-To"] == later["References"]
    assert len({each["References"] for each in (first, other, digest)}) == 3
    assert len({each["Message-ID"] for each in (first, later, other, digest)}) == 4


def test_the_same_letter_has_the_same_message_id() -> None:
    assert received(letter())[1]["Message-ID"] == received(letter())[1]["Message-ID"]


@pytest.mark.parametrize(
    ("news", "cause", "subject"),
    [
        (accounts.news(), Cause.NEWS, "3 errata pending (1 critical, 1 overdue), 12 packages published, 1 finding"),
        (News(failure=accounts.run("update", 1)), Cause.NEWS, "update failed, 3 errata pending (1 critical, 1 overdue), 1 finding"),
        (News(mended=accounts.run()), Cause.NEWS, "update works again, 3 errata pending (1 critical, 1 overdue), 1 finding"),
        (News(findings=(accounts.finding(),)), Cause.NEWS, "3 errata pending (1 critical, 1 overdue), 1 new finding"),
        (None, Cause.CALL, "3 errata pending (1 critical, 1 overdue), 1 finding"),
    ],
)
def test_the_subject_is_plain_and_counts(news: News | None, cause: Cause, subject: str) -> None:
    assert received(letter(news=news, cause=cause))[1]["Subject"] == f"[mirrorsync] redhat73: {subject}"


def test_a_tree_that_lacks_nothing_says_so_in_the_subject() -> None:
    current = accounts.standing(pending=(), untold=(), findings=())
    assert letter(current).subject == "[mirrorsync] redhat73: no errata pending"
    assert letter(replace(current, untold=(accounts.step(),))).subject == "[mirrorsync] redhat73: 1 package pending"


def test_the_digest_names_trees_while_they_are_few() -> None:
    names = ("a", "b", "c", "d")
    few, many = ([accounts.standing(tree=name) for name in names[:count]] for count in (3, 4))
    assert letter(*few, cause=Cause.DIGEST).subject.startswith("[mirrorsync] digest, a, b, c: 9 errata pending (3 critical, 3 overdue)")
    assert letter(*many, cause=Cause.DIGEST).subject.startswith("[mirrorsync] digest, 4 trees: 12 errata pending")


def test_names_from_outside_add_no_header_and_no_line() -> None:
    """A tree's name comes from the configuration, which lets none of this in."""
    hostile = accounts.standing(tree="x\r\nBcc: everybody@example.org\r\n\r\nhello\u2028\u202e")
    content, message = received(letter(hostile, nasty()))
    assert message["Bcc"] is None
    assert "\\u202e" in message["Subject"]
    assert b"\r\nBcc:" not in content.split(b"\r\n\r\n")[0]
    assert not message.defects


# --- what it says ---------------------------------------------------------------------------------------------------------

FACTS = (
    "redhat73", "1 erratum past the target", "Generation 5 was published by update: 12 packages in, 12 out, 1 erratum applied.",
    "1 erratum newly pending.", "RHSA-2003:015", "overdue since 2003-02-06 (6 days ago)", "reboot suggested",
    "Updated fileutils package fixes a race", "fileutils 4.1-10 to 4.1-10.1 (i386)", "RHSA-2003:017", "due 2003-02-18 (in 6 days)",
    "CAN-2002-1396", "php 4.1.2-7 to 4.1.2-7.3.6 (i386)", "waived until 2003-03-01: nobody reads mail there",
    "xpdf 1.00-3 to 1.00-4 (i386)", "RHSA-2003:015: needs libacl, which no mirror has", "RHSA-2003:001",
    "23 days after its issue, target 2003-01-22 missed", "error: /u1/redhat: is not exported; export /u1 to 10.1.0.0/16",
    "5, published 2003-02-12 04:17 UTC; 1,441 packages, 1.7 GB", "update, 2003-02-12 04:17 UTC: done, 8.0 s", "2003-02-11 08:17 UTC",
    "2003-02-13 04:17 UTC", "Sent to ops@example.org because a run changed something, or failed.", "[[report.mail.recipients]]",
    "one mail waits",
)  # fmt: skip


class Words(HTMLParser):
    """The text of a page, its tags, and every attribute."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_both_parts_say_all_of_it() -> None:
    text, html = parts(received(letter(news=accounts.news(), undelivered=("one mail waits",)))[1])
    plain, shown = " ".join(text.split()), " ".join("".join(Words(html).text).split())
    assert [fact for fact in FACTS if fact not in plain] == []
    assert [fact for fact in FACTS if fact not in shown] == []


def test_a_failure_says_what_the_run_said() -> None:
    failure = accounts.run("update", 1, "no mirror answers; check the network")
    text, html = parts(received(letter(accounts.standing(last_update=failure), news=News(failure=failure)))[1])
    for part in (" ".join(text.split()), html):
        assert "The update of 2003-02-12 04:17 UTC failed (exit code 1)." in part
        assert "no mirror answers; check the network" in part


def test_text_has_78_columns_where_words_allow_it() -> None:
    text = text_part(letter(news=accounts.news()))
    assert max(map(len, text.splitlines())) <= 78


def test_controls_and_characters_that_turn_text_around_are_shown_as_codes_in_both_parts() -> None:
    for part in (text_part(letter(nasty())), html_part(letter(nasty()))):
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029]", part)
        assert "\\u202e" in part
        assert "\u00e9\u5143" in part


def test_what_recipients_care_for_is_all_they_are_shown() -> None:
    account = account_of(accounts.standing(), NOW, scope=Scope(Urgency.CRITICAL))
    assert [line.id for line in account.pending.lines] == ["RHSA-2003:015"]
    assert [tally.urgency for tally in account.tallies] == [Urgency.CRITICAL]
    assert account.untold == ()


def test_of_many_errata_some_are_named_and_the_rest_is_counted() -> None:
    many = tuple(accounts.pending(f"RHSA-2003:{number:03}") for number in range(200))
    text = text_part(letter(accounts.standing(pending=many)))
    assert text.count("Updated PHP packages available") == 30
    assert "and 170 more: `mirrorsync pending redhat73` has them all" in text
    assert len(message_of(letter(accounts.standing(pending=many)), SENDER, None)) < 100_000


def test_of_an_erratum_of_many_packages_and_cves_the_first_are_named() -> None:
    steps = tuple(accounts.step(f"php-{number}-4.1.2-7.i386", f"php-{number}-4.1.2-8.i386") for number in range(60))
    kernel = replace(accounts.pending(), steps=steps, advisory=accounts.advisory(title="x" * 9999, cves=("CVE-2026-1",) * 99))
    text = text_part(letter(accounts.standing(pending=(kernel,))))
    assert "php-7 4.1.2-7 to 4.1.2-8 (i386)\n        and 52 more\n" in text
    assert "CVE-2026-1 and 87 more" in " ".join(text.split())
    assert len(text) < 4000


# --- the HTML -------------------------------------------------------------------------------------------------------------


def test_html_has_no_script_and_nothing_from_elsewhere() -> None:
    for written in (letter(news=accounts.news()), letter(nasty(), cause=Cause.DIGEST)):
        page = Words(html_part(written))
        assert not {tag for tag, _ in page.tags} & {"script", "link", "img", "iframe", "object", "embed", "form", "base", "svg", "a"}
        attributes = {name for _, given in page.tags for name in given}
        assert not attributes & {"src", "href", "background", "srcset", "action", "poster"}
        assert not [name for name in attributes if name.startswith("on")]
        assert "url(" not in html_part(written)
        assert "@import" not in html_part(written)


def test_names_from_outside_are_text() -> None:
    html = html_part(letter(nasty()))
    assert "<script" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html


def test_the_layout_is_of_tables_with_inline_styles_and_never_wider_than_a_phone_or_640_pixels() -> None:
    html = html_part(letter(news=accounts.news()))
    page = Words(html)
    assert "max-width:640px" in html
    assert all("width:" not in (given.get("style") or "").replace("max-width:", "") or tag == "th" for tag, given in page.tags)
    assert [given for tag, given in page.tags if tag in ("td", "p", "div", "h1", "h2") and "style" not in given] == []
    assert "prefers-color-scheme: dark" in html
    layout = [given for tag, given in page.tags if tag == "table" and given.get("role") == "presentation"]
    assert len(layout) >= 3
