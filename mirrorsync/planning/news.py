"""What is new in how a tree stands, and what of it concerns somebody who asked for errata of some urgency and above."""

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import date

from mirrorsync.model.finding import Finding
from mirrorsync.model.generation import Generation
from mirrorsync.model.news import News, Publication
from mirrorsync.model.pending import PendingErratum, Prospect, Urgency
from mirrorsync.model.standing import AppliedErratum, Standing
from mirrorsync.planning.standing import faults

_NUMBER = re.compile(r"\d+")


def news_of(before: Standing | None, now: Standing, published: Generation | None, withheld: str = "") -> News:
    """What a run has changed. before: None where none was recorded.  published: the run's generation, None for nothing.

    withheld: why it published nothing although all was ready.
    """
    former = {erratum.advisory.id: erratum for erratum in before.pending} if before else {}
    yesterday = before.at.date() if before else date.min
    errata = now.pending
    left = {erratum.id for erratum in now.applied}
    return News(
        publication=_publication(published) if published else None,
        applied=tuple(erratum for erratum in now.applied if published and erratum.generation == published.number),
        gone=tuple(erratum for erratum in before.applied if erratum.id not in left) if before and published else (),
        appeared=tuple(erratum for erratum in errata if erratum.advisory.id not in former),
        stuck=tuple(erratum for erratum in errata if _stuck(former.get(erratum.advisory.id), erratum)),
        late=tuple(erratum for erratum in errata if _turned_late(former.get(erratum.advisory.id), erratum, yesterday, now.at.date())),
        unwaived=tuple(erratum for erratum in errata if _unwaived(former.get(erratum.advisory.id), erratum)),
        untold=tuple(step for step in now.untold if before is None or step.to not in {known.to for known in before.untold}),
        findings=_new_faults(before, now),
        withheld="" if before and before.last and withheld in before.last.words else withheld,
    )


def _new_faults(before: Standing | None, now: Standing) -> tuple[Finding, ...]:
    """A finding whose numbers alone have changed, such as days, is none."""
    known = {_kind(finding) for finding in before.findings} if before else set()
    return tuple(finding for finding in faults(now.findings) if _kind(finding) not in known)


def _kind(finding: Finding) -> tuple[str, str, str]:
    return finding.code, finding.where, _NUMBER.sub("#", finding.what)


def _publication(generation: Generation) -> Publication:
    return Publication(generation.number, generation.run, len(generation.added), len(generation.removed), generation.back_to)


def comes(erratum: PendingErratum) -> bool:
    """Whether the next update applies it, all of it."""
    return all(step.prospect is Prospect.COMES for step in erratum.steps)


def _stuck(before: PendingErratum | None, now: PendingErratum) -> bool:
    return before is not None and comes(before) and not comes(now)


def _turned_late(before: PendingErratum | None, now: PendingErratum, yesterday: date, today: date) -> bool:
    """An erratum that appears late is told as one that appeared."""
    return before is not None and now.overdue(today) and not before.overdue(yesterday)


def _unwaived(before: PendingErratum | None, now: PendingErratum) -> bool:
    return before is not None and before.waiver is not None and now.waiver is None


def concerning(news: News, least: Urgency) -> News:
    """What is left of the news for one who wants errata of this urgency at least.

    A publication concerns him where it brought such an erratum, or is a rollback; findings, failures and their end concern everybody.
    """
    if least is Urgency.UNRATED:
        return news
    applied, gone = _urgent_applied(news.applied, least), _urgent_applied(news.gone, least)
    told = news.publication is not None and (bool(applied or gone) or news.publication.back_to is not None)
    return replace(
        news,
        publication=news.publication if told else None,
        applied=applied,
        gone=gone,
        appeared=urgent(news.appeared, least),
        stuck=urgent(news.stuck, least),
        late=urgent(news.late, least),
        unwaived=urgent(news.unwaived, least),
        untold=(),
    )


def urgent(errata: Iterable[PendingErratum], least: Urgency) -> tuple[PendingErratum, ...]:
    """Those of this urgency at least."""
    return tuple(erratum for erratum in errata if erratum.urgency >= least)


def _urgent_applied(errata: Iterable[AppliedErratum], least: Urgency) -> tuple[AppliedErratum, ...]:
    words = {urgency.word for urgency in Urgency if urgency >= least}
    return tuple(erratum for erratum in errata if erratum.urgency in words)
