"""What is said of one tree, in words and numbers: the terminal's report, and both parts of a mail, are made from this one value."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from mirrorsync.model.finding import Finding
from mirrorsync.model.news import News, Publication
from mirrorsync.model.pending import PendingErratum, Prospect, Step, Urgency
from mirrorsync.model.standing import AppliedErratum, RunRecord, Standing
from mirrorsync.planning.news import comes, urgent
from mirrorsync.report.page.condition import Tone, condition_of, faults, result_text
from mirrorsync.report.page.words import count_text, due_text, seconds_text, time_text
from mirrorsync.report.text import size_text

_ERRATA = ("erratum", "errata")
_NAMED = 8  # errata of one reason, packages of one erratum
_CVES = 12  # of one erratum
_LONGEST = 500  # characters of a title, or of what a run said


@dataclass(frozen=True, slots=True)
class Scope:
    """How much is said. least: of pending and applied errata, only these.  most: entries of each kind.  since: of what was applied."""

    least: Urgency = Urgency.UNRATED
    most: int = 30
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Tally:
    """Pending errata of one urgency. oldest: days, None where none of them tells.  due: days until the next of them is, None for none."""

    urgency: Urgency
    count: int
    late: int
    oldest: int | None
    due: int | None


@dataclass(frozen=True, slots=True)
class Line:
    """One erratum. remarks: age, due, waiver and the like, each in words.  late: it should have been published.  new: by this run."""

    id: str
    urgency: str
    type: str
    title: str
    cves: tuple[str, ...]
    remarks: tuple[str, ...]
    steps: tuple[str, ...] = ()
    late: bool = False
    new: bool = False


@dataclass(frozen=True, slots=True)
class Listed:
    """Errata, and how many more there are."""

    lines: tuple[Line, ...] = ()
    more: int = 0


@dataclass(frozen=True, slots=True)
class Blocked:
    """Errata that wait for one reason, some of them by name."""

    reason: str
    count: int
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Account:
    """word, tone, why: the tree's condition.  events: what this run did.  words: of the run that failed.  facts: (what, value).

    applied_when: in the words that follow "applied".
    """

    tree: str
    path: str
    word: str
    tone: Tone
    why: str
    events: tuple[str, ...]
    words: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    tallies: tuple[Tally, ...]
    pending: Listed
    untold: tuple[str, ...]
    more_untold: int
    applied: Listed
    applied_when: str
    blocked: tuple[Blocked, ...]
    findings: tuple[Finding, ...]
    more_findings: int
    informed: bool = True


def account_of(standing: Standing, now: datetime, news: News | None = None, scope: Scope | None = None) -> Account:
    """What is said of a tree at `now`; with `news`, what is new is marked, and only what this run applied is told as applied."""
    scope, told, today = scope or Scope(), news or News(), now.date()
    condition = condition_of(standing, today)
    pending = urgent(standing.pending, scope.least)
    untold = standing.untold if scope.least is Urgency.UNRATED else ()
    found = faults(standing)
    return Account(
        tree=standing.tree,
        path=standing.path,
        word=condition.word,
        tone=condition.tone,
        why=condition.why,
        events=tuple(_events(told)),
        words=tuple(_shortened(word) for word in told.failure.words[: scope.most]) if told.failure else (),
        facts=tuple(_facts(standing, now)),
        tallies=tuple(tallies(pending, today)),
        pending=_pending(pending, today, told, scope),
        untold=tuple(_step_texts(untold[: scope.most])),
        more_untold=max(0, len(untold) - scope.most),
        applied=_applied(_told_applied(standing, news, scope), scope),
        applied_when="by this run" if news else f"since {scope.since:%Y-%m-%d}" if scope.since else "in the last year",
        blocked=tuple(_blocked(pending, untold)),
        findings=found[: scope.most],
        more_findings=max(0, len(found) - scope.most),
        informed=standing.informed,
    )


def tallies(pending: Sequence[PendingErratum], today: date) -> Iterator[Tally]:
    """One for each urgency that has any, the most urgent first."""
    for urgency in reversed(Urgency):
        same = [erratum for erratum in pending if erratum.urgency is urgency]
        if same:
            ages = [erratum.age for erratum in same if erratum.age is not None]
            late = sum(erratum.overdue(today) for erratum in same)
            coming = min((erratum.due for erratum in same if erratum.due and erratum.due >= today and not erratum.waiver), default=None)
            yield Tally(urgency, len(same), late, max(ages, default=None), (coming - today).days if coming else None)


def _events(news: News) -> Iterator[str]:
    """What happened, a sentence each."""
    if news.failure:
        yield f"The {news.failure.name} of {_time(news.failure.ended)} failed (exit code {news.failure.exit_code})."
    if news.mended:
        yield f"The {news.mended.name} of {_time(news.mended.ended)} worked again."
    if news.publication:
        yield _published(news.publication, news.applied, news.gone)
    if news.withheld:
        yield f"Nothing was published: held by {news.withheld}."
    counts = (
        (news.appeared, "{} newly pending."),
        (news.late, "{} past the target now."),
        (news.unwaived, "{} without a waiver now: it has ended."),
        (news.stuck, "{} held back now."),
    )
    yield from (sentence.format(count_text(len(errata), *_ERRATA)) for errata, sentence in counts if errata)
    if news.findings:
        yield f"{count_text(len(news.findings), 'new finding')}."


def _published(publication: Publication, applied: Sequence[AppliedErratum], gone: Sequence[AppliedErratum]) -> str:
    packages = f"{count_text(publication.added, 'package')} in, {publication.removed:,} out"
    brought = f", {count_text(len(applied), *_ERRATA)} applied" if applied else ""
    taken = f", {count_text(len(gone), *_ERRATA)} taken out again" if gone else ""
    how = f"by {publication.run}" if publication.back_to is None else f"as generation {publication.back_to} was"
    return f"Generation {publication.number} was published {how}: {packages}{brought}{taken}."


def _facts(standing: Standing, now: datetime) -> Iterator[tuple[str, str]]:
    if standing.generation is None:
        yield "Generation", "none: never updated by mirrorsync"
    else:
        when = f", published {_time(standing.published)}" if standing.published else ""
        size = f"; {count_text(standing.packages, 'package')}, {size_text(standing.bytes)}" if standing.packages else ""
        yield "Generation", f"{standing.generation}{when}{size}"
    update, check = standing.last_update, standing.last_check
    yield "Last update", _run_text(update) if update else "none is recorded"
    if update and standing.succeeded != update.ended:
        yield "Last success", _time(standing.succeeded) if standing.succeeded else "none is recorded"
    yield "Last check", _run_text(check) if check else "never"
    yield "Next run", _next_text(standing.next_run, now)


def _run_text(run: RunRecord) -> str:
    return f"{run.name}, {_time(run.ended)}: {result_text(run)}, {seconds_text(run.seconds)}"


def _next_text(planned: datetime | None, now: datetime) -> str:
    if planned is None:
        return "not scheduled by mirrorsync's daemon"
    return _time(planned) if planned > now else f"was to begin {_time(planned)}"


def _pending(pending: Sequence[PendingErratum], today: date, news: News, scope: Scope) -> Listed:
    fresh = {erratum.advisory.id for erratum in (*news.appeared, *news.late, *news.unwaived, *news.stuck)}
    ordered = sorted(pending, key=lambda erratum: erratum.advisory.id not in fresh)
    lines = tuple(_pending_line(erratum, today, new=erratum.advisory.id in fresh) for erratum in ordered[: scope.most])
    return Listed(lines, max(0, len(pending) - scope.most))


def _pending_line(erratum: PendingErratum, today: date, *, new: bool) -> Line:
    advisory, late = erratum.advisory, erratum.overdue(today)
    remarks = [f"{count_text(erratum.age, 'day')} old" if erratum.age is not None else "date unknown"]
    if erratum.waiver:
        remarks.append(f"waived until {erratum.waiver.until}: {erratum.waiver.reason}")
    elif erratum.due:
        remarks.append(f"{'overdue since' if late else 'due'} {erratum.due} ({due_text(erratum.due, today)})")
    if advisory.reboot_suggested:
        remarks.append("reboot suggested")
    if not comes(erratum):
        remarks.append("held back")
    kind = advisory.type.value
    steps = _first(tuple(_step_texts(erratum.steps)), _NAMED)
    cves = _first(advisory.cves, _CVES)
    return Line(advisory.id, erratum.urgency.word, kind, _title(advisory.title), cves, tuple(remarks), steps, late, new)


def _told_applied(standing: Standing, news: News | None, scope: Scope) -> tuple[AppliedErratum, ...]:
    if news is not None:
        return news.applied
    words = {urgency.word for urgency in Urgency if urgency >= scope.least}
    recent = (erratum for erratum in standing.applied if scope.since is None or erratum.published >= scope.since)
    return tuple(erratum for erratum in recent if erratum.urgency in words)


def _applied(applied: Sequence[AppliedErratum], scope: Scope) -> Listed:
    lines = tuple(_applied_line(erratum) for erratum in applied[: scope.most])
    return Listed(lines, max(0, len(applied) - scope.most))


def _applied_line(erratum: AppliedErratum) -> Line:
    remarks = [f"generation {erratum.generation}, {_time(erratum.published)}"]
    if erratum.issued:
        remarks.append(f"{count_text(max(0, (erratum.published.date() - erratum.issued).days), 'day')} after its issue")
    if erratum.met is False:
        remarks.append(f"target {erratum.target} missed")
    cves = _first(erratum.cves, _CVES)
    return Line(erratum.id, erratum.urgency, erratum.type, _title(erratum.title), cves, tuple(remarks), late=erratum.met is False)


def _blocked(pending: Sequence[PendingErratum], untold: Sequence[Step]) -> Iterator[Blocked]:
    """What the next update leaves, by its reason; the reason of most first."""
    waiting: dict[str, list[str]] = {}
    for erratum in pending:
        for reason in dict.fromkeys(_reason(step) for step in erratum.steps if step.prospect is not Prospect.COMES):
            waiting.setdefault(reason, []).append(erratum.advisory.id)
    for step in untold:
        if step.prospect is not Prospect.COMES:
            waiting.setdefault(_reason(step), []).append(str(step.to))
    for reason, names in sorted(waiting.items(), key=lambda item: (-len(item[1]), item[0])):
        yield Blocked(reason, len(names), tuple(names[:_NAMED]))


def _reason(step: Step) -> str:
    return step.reason or f"{step.prospect} without a reason"


def _step_texts(steps: Iterable[Step]) -> Iterator[str]:
    """What changes alike over several architectures is one: "bash 2.05a-13 to 2.05a-13.1 (i386, i686)"."""
    arches: dict[str, list[str]] = {}
    for step in steps:
        arches.setdefault(_step_text(step), []).append(step.to.arch)
    return (f"{text} ({', '.join(dict.fromkeys(same))})" for text, same in arches.items())


def _step_text(step: Step) -> str:
    held, to = step.held, step.to
    if held is None:
        return f"{to.name} {to.evr}, new"
    return f"{to.name} {held.evr} to {to.evr}" if held.name == to.name else f"{to.name} {to.evr} in place of {held.name} {held.evr}"


def _first(texts: tuple[str, ...], most: int) -> tuple[str, ...]:
    """As many, and how many more there are."""
    return texts if len(texts) <= most else (*texts[:most], f"and {len(texts) - most:,} more")


def _title(text: str) -> str:
    return _shortened(" ".join(text.split()))


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _time(moment: datetime) -> str:
    return f"{time_text(moment)} UTC"
