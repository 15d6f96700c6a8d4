"""What is new in how a tree stands, and what of it concerns somebody who asked for errata of some urgency and above."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date

from mirrorsync.model.finding import Finding
from mirrorsync.model.generation import Generation
from mirrorsync.model.news import News, Publication
from mirrorsync.model.pending import PendingErratum, Prospect, Urgency
from mirrorsync.model.standing import AppliedErratum, Standing
from mirrorsync.planning.standing import faults

_NUMBER = re.compile(r"\d+")


def news_of(before: Standing | None, now: Standing, published: Sequence[Generation], gone: tuple[AppliedErratum, ...]) -> News:
    """What has changed since it was last told. before: None where nothing was recorded.

    published: the generations since then, oldest first, those of runs that were stopped before they could tell among them.
    gone: the errata that a rollback took out.
    """
    brought = {name for generation in published for name in generation.advisories}
    former = {erratum.advisory.id: erratum for erratum in before.pending} if before else {}
    yesterday = before.at.date() if before else date.min
    errata = now.pending
    known = {step.to for step in before.untold} if before else set()
    return News(
        publication=_publication(published) if published else None,
        applied=tuple(erratum for erratum in now.applied if erratum.id in brought),
        gone=gone,
        appeared=tuple(erratum for erratum in errata if erratum.advisory.id not in former),
        stuck=tuple(erratum for erratum in errata if _stuck(former.get(erratum.advisory.id), erratum)),
        late=tuple(erratum for erratum in errata if _turned_late(former.get(erratum.advisory.id), erratum, yesterday, now.at.date())),
        unwaived=tuple(erratum for erratum in errata if _unwaived(former.get(erratum.advisory.id), erratum)),
        untold=tuple(step for step in now.untold if step.to not in known),
        findings=_new_faults(before, now),
        withheld=_withheld(before, now),
    )


def _withheld(before: Standing | None, now: Standing) -> str:
    """Why a hook held the last publication, where it is not what held the one before."""
    reason = now.last_update.withheld if now.last_update else ""
    return "" if before and before.last_update and before.last_update.withheld == reason else reason


def _new_faults(before: Standing | None, now: Standing) -> tuple[Finding, ...]:
    """A finding whose numbers alone have changed, such as days, is none."""
    known = {_kind(finding) for finding in before.findings} if before else set()
    return tuple(finding for finding in faults(now.findings) if _kind(finding) not in known)


def _kind(finding: Finding) -> tuple[str, str, str]:
    return finding.code, finding.where, _NUMBER.sub("#", finding.what)


def _publication(published: Sequence[Generation]) -> Publication:
    """The newest, with what came and went in all of them."""
    newest = published[-1]
    added, removed = (sum(map(len, each)) for each in zip(*((one.added, one.removed) for one in published), strict=True))
    return Publication(newest.number, newest.run, added, removed, newest.back_to)


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
