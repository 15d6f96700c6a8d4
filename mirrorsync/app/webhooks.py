"""Webhooks: which of them are told what of which trees, and the door by which it leaves."""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from fnmatch import fnmatchcase

from mirrorsync.app.standing import Step, present_standing
from mirrorsync.config.schema import Config, WebhookConfig
from mirrorsync.config.secrets import read_secret
from mirrorsync.delivery.outbox import Deliver, Entry
from mirrorsync.delivery.webhook import Webhook, key_of, name_of, post
from mirrorsync.errors import ConfigError, DeliveryError
from mirrorsync.model.choices import Occasion
from mirrorsync.model.news import News
from mirrorsync.model.standing import Standing
from mirrorsync.report.account import account_of
from mirrorsync.report.event import event_document, occasion_of
from mirrorsync.report.mail.letter import Cause, subject_of

WEBHOOK = "webhook"
"""The kind that posts have in the outbox."""


def news_posts(webhooks: Sequence[WebhookConfig], step: Step, news: News) -> Iterator[Entry]:
    """A post to each that asked for something of this."""
    for webhook in webhooks:
        told = _told(webhook, step.now.tree, news)
        if told.changes or told.failure or told.mended:
            yield _entry(webhook, step.now, told, occasion_of(told), Cause.NEWS)


def digest_posts(config: Config, trees: Sequence[str], now: datetime) -> Iterator[Entry]:
    """A post for each of these trees to each that asked for digests, of how it stands now."""
    for webhook in config.report.webhooks:
        if Occasion.DIGEST in webhook.when:
            for tree in (name for name in trees if _meant(webhook, name)):
                yield _entry(webhook, present_standing(config, tree, now), News(), Occasion.DIGEST, Cause.DIGEST)


def _told(webhook: WebhookConfig, tree: str, news: News) -> News:
    """What of it this webhook asked for."""
    if not _meant(webhook, tree):
        return News()
    told = news if Occasion.CHANGES in webhook.when else News()
    failures = Occasion.FAILURE in webhook.when
    return replace(told, failure=news.failure if failures else None, mended=news.mended if failures else None)


def _meant(webhook: WebhookConfig, tree: str) -> bool:
    return any(fnmatchcase(tree, glob) for glob in webhook.trees)


def _entry(webhook: WebhookConfig, standing: Standing, news: News, occasion: Occasion, cause: Cause) -> Entry:
    text = subject_of(cause, [account_of(standing, standing.at, news)], news)
    document = event_document(occasion, standing, news, text, os.uname().nodename)
    return Entry(WEBHOOK, name_of(webhook.url), text, json.dumps(document).encode(), standing.at)


def webhook_door(webhooks: Sequence[WebhookConfig], clock: Callable[[], datetime]) -> Deliver:
    """What hands posts over as the configuration says now."""
    known = {name_of(webhook.url): webhook for webhook in webhooks}

    def deliver(entry: Entry) -> None:
        webhook = known.get(entry.destination)
        if webhook is None:
            raise DeliveryError(f"{entry.destination} is not configured any more", final=True)
        post(_opened(webhook), entry.payload, int(clock().timestamp()))

    return deliver


def _opened(webhook: WebhookConfig) -> Webhook:
    """Raises DeliveryError where its secret cannot be read."""
    try:
        secret = key_of(read_secret(webhook.secret_file)) if webhook.secret_file else None
    except (ConfigError, ValueError) as error:
        told = str(error) if isinstance(error, ConfigError) else f"{webhook.secret_file}: {error}"
        raise DeliveryError(told) from error
    return Webhook(webhook.url, secret, webhook.ca)
