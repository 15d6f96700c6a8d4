"""After a run: how the tree stands is kept, and whom what is new concerns is told; neither changes how the run ends.

What is to be sent is queued first, in STATE/outbox, before it is noted that it was told: a run that is killed tells twice rather than
not at all. A message that cannot be handed over waits for the next run.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from mirrorsync.app.standing import Step, failures_of, followed, in_turn, keep, keep_failures
from mirrorsync.config.schema import Config
from mirrorsync.errors import ExitCode, MirrorsyncError
from mirrorsync.model.news import News
from mirrorsync.model.outcome import TreeFailure
from mirrorsync.model.standing import LOOK, RunRecord
from mirrorsync.planning.failures import judged
from mirrorsync.planning.news import news_of
from mirrorsync.planning.standing import Outcome, run_record
from mirrorsync.stopping import unbroken

if TYPE_CHECKING:
    from mirrorsync.delivery.outbox import Attempt, Entry, Loss, Outbox

T = TypeVar("T", bound=Outcome)
Clock = Callable[[], datetime]
_LOSSES_TOLD = timedelta(days=7)
_OUTBOX = "outbox"


def recorded(config: Config, results: Iterable[T], name: str, clock: Clock, complain: Callable[[str], None]) -> Iterator[T]:
    """The results of runs of the command `name` as they come, each kept and told of; what goes wrong with that is complained of."""
    began = clock()
    for outcome in results:
        ended = clock()
        try:
            with unbroken():
                _record(config, outcome, run_record(name, began, ended, outcome))
        except (MirrorsyncError, OSError) as error:
            if not (name == LOOK and isinstance(error, PermissionError)):  # anybody may look, and only its owner keeps what he saw
                complain(f"{outcome.tree}: how it stands now is not recorded: {_fault(error)}")
        yield outcome
        began = clock()


def _fault(error: MirrorsyncError | OSError) -> str:
    return f"{error.filename}: {error.strerror}" if isinstance(error, OSError) else str(error)


def _record(config: Config, outcome: Outcome, run: RunRecord) -> None:
    """Nothing of a run that found another one at work."""
    if isinstance(outcome, TreeFailure) and outcome.exit_code is ExitCode.LOCKED:
        return
    with in_turn(config, outcome.tree):
        step = followed(config, outcome.tree, outcome, run)
        memory = failures_of(config, outcome.tree)
        verdict = judged(memory, run)
        news = news_of(step.before, step.now, step.published, step.gone)
        _queue(config, step, replace(news, failure=run if verdict.failure else None, mended=run if verdict.mended else None))
        keep(config, step)
        if verdict.memory != memory:
            keep_failures(config, outcome.tree, verdict.memory)


def _queue(config: Config, step: Step, news: News) -> None:
    """Put what is to be sent into the outbox."""
    mail, webhooks = config.report.mail, config.report.webhooks
    if not (mail or webhooks) or not (news.changes or news.failure or news.mended):
        return
    from mirrorsync.app.mail import news_mails  # noqa: PLC0415  loading it takes as long as a run with nothing to do may
    from mirrorsync.app.webhooks import news_posts  # noqa: PLC0415  as above

    outbox = outbox_of(config)
    mails = news_mails(mail, step, news, undelivered(outbox, step.now.at)) if mail else ()
    for entry in (*mails, *news_posts(webhooks, step, news)):
        outbox.add(entry)


def deliver(config: Config, clock: Clock, *, at_once: bool = False) -> tuple["Attempt", ...]:
    """Send what waits in the outbox and is due, or `at_once` all of it; what became of each. Raises OSError."""
    if not (config.state / _OUTBOX).is_dir() or (outbox := outbox_of(config)).empty:
        return ()
    from mirrorsync.app.mail import MAIL, mail_door  # noqa: PLC0415  as above
    from mirrorsync.app.webhooks import WEBHOOK, webhook_door  # noqa: PLC0415  as above

    with ExitStack() as stack:
        doors = {MAIL: stack.enter_context(mail_door(config.report.mail)), WEBHOOK: webhook_door(config.report.webhooks, clock)}
        return tuple(outbox.deliver(doors, clock, at_once=at_once))


def outbox_of(config: Config) -> "Outbox":
    """Where messages wait."""
    from mirrorsync.delivery.outbox import Outbox  # noqa: PLC0415  as above

    return Outbox(config.state / _OUTBOX)


def undelivered(outbox: "Outbox", now: datetime) -> tuple[str, ...]:
    """What waits, and what was given up in the last week, a line each."""
    waiting = [entry for entry in outbox.waiting() if entry.attempts]
    losses = outbox.losses(now - _LOSSES_TOLD)
    return (*([_waiting_text(waiting)] if waiting else []), *(_loss_text(loss) for loss in losses))


def _waiting_text(waiting: Sequence["Entry"]) -> str:
    last = max(waiting, key=lambda entry: entry.attempts)
    return f"{_messages(len(waiting))} to send, the oldest since {waiting[0].queued:%Y-%m-%d %H:%M} UTC: {last.refusal}"


def _loss_text(loss: "Loss") -> str:
    return f"given up on {loss.given_up:%Y-%m-%d}: {loss.label!r} to {loss.destination}: {loss.reason}"


def delivery_line(attempts: Sequence["Attempt"]) -> str | None:
    """One line of what could not be handed over, and what becomes of it; None where all could."""
    from mirrorsync.delivery.outbox import Fate  # noqa: PLC0415  as above

    waiting = [attempt for attempt in attempts if attempt.fate is Fate.WAITS]
    lost = [attempt for attempt in attempts if attempt.fate is Fate.GIVEN_UP]
    if not (waiting or lost):
        return None
    reasons = "; ".join(dict.fromkeys(attempt.reason for attempt in (*lost, *waiting)))
    fates = [f"{_messages(len(lost))} given up"] if lost else []
    fates += [f"{_messages(len(waiting))} kept and tried again by later runs, or at once by `mirrorsync report --flush`"] if waiting else []
    return f"not delivered: {reasons}; {', '.join(fates)}"


def _messages(count: int) -> str:
    return f"{count} message{'' if count == 1 else 's'}"
