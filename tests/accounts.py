"""Standings as tests of reports need them: one of everything, with names that nobody would give."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from mirrorsync.model.advisory import Advisory, AdvisoryType
from mirrorsync.model.finding import Finding, Severity
from mirrorsync.model.news import News, Publication
from mirrorsync.model.pending import PendingErratum, Prospect, Step, Urgency, Waiver
from mirrorsync.model.standing import AppliedErratum, RunRecord, Standing
from mirrorsync.model.version import NEVRA

NOW = datetime(2003, 2, 12, 4, 17, 9, tzinfo=UTC)
TODAY = NOW.date()


def advisory(name: str = "RHSA-2003:017", issued: date | None = date(2003, 2, 4), **words: object) -> Advisory:
    facts = {"title": "Updated PHP packages available", "cves": ("CAN-2002-1396",)} | words
    return Advisory(name, AdvisoryType.SECURITY, issued=issued, **facts)  # type: ignore[arg-type]  # the caller's words are Advisory's


def step(held: str | None = "php-4.1.2-7.i386", to: str = "php-4.1.2-7.3.6.i386", reason: str = "") -> Step:
    prospect = Prospect.HELD if reason else Prospect.COMES
    return Step(NEVRA.parse(held) if held else None, NEVRA.parse(to), prospect, reason)


def pending(name: str = "RHSA-2003:017", urgency: Urgency = Urgency.IMPORTANT, *steps: Step, **words: object) -> PendingErratum:
    own = advisory(name, severity="" if urgency is Urgency.UNRATED else urgency.word)
    age = (TODAY - own.issued).days if own.issued else None
    facts = {"advisory": own, "due": date(2003, 2, 18)} | words
    return replace(PendingErratum(own, urgency, age, steps or (step(),)), **facts)  # type: ignore[arg-type]  # as above


def finding(code: str = "export-missing", what: str = "is not exported") -> Finding:
    return Finding(Severity.ERROR, code, "/u1/redhat", what, "export /u1 to 10.1.0.0/16")


def run(name: str = "update", code: int = 0, *words: str, ended: datetime = NOW) -> RunRecord:
    return RunRecord(name, ended - timedelta(seconds=8), ended, code, words, fetched=12, bytes_fetched=34_000_000)


def applied(name: str = "RHSA-2003:001", generation: int = 5, **words: object) -> AppliedErratum:
    made = AppliedErratum(
        name, "security", "critical", "Updated dhcp packages fix several holes", ("CAN-2003-0026",), date(2003, 1, 20), NOW, generation,
        date(2003, 1, 22),
    )  # fmt: skip
    return replace(made, **words)  # type: ignore[arg-type]  # as above


def _late() -> PendingErratum:
    held = step("fileutils-4.1-10.i386", "fileutils-4.1-10.1.i386", "needs libacl, which no mirror has")
    told = advisory("RHSA-2003:015", severity="critical", title="Updated fileutils package fixes a race", reboot_suggested=True)
    return pending("RHSA-2003:015", Urgency.CRITICAL, held, due=date(2003, 2, 6), advisory=told)


def _waived() -> PendingErratum:
    waiver = Waiver("nobody reads mail there", date(2003, 3, 1))
    return pending("RHBA-2003:008", Urgency.UNRATED, step("mutt-1.2-1.i386", "mutt-1.2-2.i386"), waiver=waiver)


def standing(**words: object) -> Standing:
    """A tree that lacks two errata, one of them late and held back, and has one finding."""
    made = Standing(
        tree="redhat73",
        path="/u1/redhat",
        layout="redhat",
        at=NOW,
        generation=5,
        published=NOW,
        packages=1441,
        bytes=1_730_000_000,
        pending=(_late(), pending(), _waived()),
        untold=(step("xpdf-1.00-3.i386", "xpdf-1.00-4.i386"),),
        applied=(applied(),),
        findings=(finding(),),
        last_update=run(),
        last_check=run("check", ended=NOW - timedelta(hours=20)),
        succeeded=NOW,
        checked=NOW - timedelta(hours=20),
        next_run=NOW + timedelta(days=1),
    )
    return replace(made, **words)  # type: ignore[arg-type]  # as above


def news(**words: object) -> News:
    """What the run of that standing changed."""
    made = News(
        publication=Publication(5, "update", 12, 12), applied=(applied(),), appeared=(standing().pending[1],), late=(standing().pending[0],)
    )
    return replace(made, **words)  # type: ignore[arg-type]  # as above
