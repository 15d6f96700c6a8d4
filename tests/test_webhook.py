"""News handed to webhooks on loopback: signed so that another's library agrees, and refused by servers in every way."""

import json
import socket
from pathlib import Path

import jsonschema
import pytest
import standardwebhooks

from mirrorsync.delivery.webhook import Webhook, key_of, name_of, post
from mirrorsync.errors import DeliveryError
from mirrorsync.model.choices import Occasion
from mirrorsync.model.news import News, Publication
from mirrorsync.report.event import event_document
from tests.mailservers import certificate, drops, rude_server, trickles
from tests.standings import NASTY, NOW, rocky
from tests.webhooks import receiver

SECRET = "whsec_" + "c2VjcmV0IGtleSBvZiB0aGUgbWlycm9y"
STAMP = int(NOW.timestamp())


def refusal(webhook: Webhook) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        post(webhook, b"{}", STAMP)
    assert "s3cret" not in str(caught.value)
    return caught.value


def test_what_is_posted_is_signed_as_the_standard_says(monkeypatch: pytest.MonkeyPatch) -> None:
    body = json.dumps({"text": "3 errata pending"}).encode()
    with receiver() as hook:
        post(Webhook(hook.url, key_of(SECRET)), body, STAMP)
    [(headers, content)] = hook.received
    assert headers["content-type"] == "application/json"
    verifier = standardwebhooks.Webhook(SECRET)
    monkeypatch.setattr(verifier, "_Webhook__verify_timestamp", lambda _: NOW)  # the tests' day is a fixed one
    assert verifier.verify(content, headers) == {"text": "3 errata pending"}
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        verifier.verify(content.replace(b"3", b"0"), headers)


def test_a_second_attempt_has_the_same_identity_and_another_signature() -> None:
    with receiver() as hook:
        for stamp in (STAMP, STAMP + 300):
            post(Webhook(hook.url, b"key"), b"{}", stamp)
    (first, _), (second, _) = hook.received
    assert first["webhook-id"] == second["webhook-id"]
    assert first["webhook-signature"] != second["webhook-signature"]


def test_without_a_secret_nothing_is_signed() -> None:
    with receiver() as hook:
        post(Webhook(hook.url), b"{}", STAMP)
    assert "webhook-signature" not in hook.received[0][0]


@pytest.mark.parametrize("status", [300, 304, 305, 400, 404, 408, 410, 429, 500, 503, 999])
def test_a_refusal_is_told_with_whether_to_try_again(status: int) -> None:
    with receiver() as hook:
        hook.status = status
        error = refusal(Webhook(hook.url))
    assert f"answers {status}" in str(error)
    assert error.final is (status in (300, 304, 305, 400, 404, 410))


def test_a_redirect_is_not_followed() -> None:
    with receiver() as hook:
        hook.status = 302
        error = refusal(Webhook(hook.url, key_of(SECRET)))
    assert "a redirect, which is not followed" in str(error)
    assert error.final


def test_what_a_redirect_says_is_not_read() -> None:
    came = [0]

    def redirects(connection: socket.socket) -> None:
        connection.recv(4096)
        connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\n\r\n")
        while True:
            came[0] += connection.send(bytes(1 << 16))

    with rude_server(redirects) as url:
        error = refusal(Webhook(url.replace("smtp:", "http:")))
    assert "a redirect, which is not followed" in str(error)
    assert came[0] < 32 << 20  # the rest lay in the sockets' buffers


def test_a_certificate_of_another_is_refused_and_one_of_the_configured_authority_is_taken(tmp_path: Path) -> None:
    chain = certificate(tmp_path)
    with receiver(chain) as hook:
        url = hook.url.replace("http:", "https:")
        assert "a certificate that does not hold" in str(refusal(Webhook(url)))
        post(Webhook(url, ca=chain[0]), b"{}", STAMP)
    assert len(hook.received) == 1


def test_a_server_that_answers_byte_by_byte_ends_with_its_time() -> None:
    with rude_server(trickles) as url:
        error = refusal(Webhook(url.replace("smtp:", "http:") + "/s3cret", seconds=1.5))
    assert "did not answer within 2 s" in str(error)
    assert not error.final


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/s3cret", "http://[::1/s3cret", "http://unknown.invalid/s3cret"])
def test_a_server_that_is_not_there_is_named_without_its_path(url: str) -> None:
    if "[" in url:
        with pytest.raises(ValueError, match="IPv6"):
            name_of(url)
        return
    assert "cannot be reached" in str(refusal(Webhook(url)))


def test_a_server_that_closes_the_connection_is_tried_again() -> None:
    with rude_server(drops) as url:
        assert not refusal(Webhook(url.replace("smtp:", "http:") + "/s3cret")).final


@pytest.mark.parametrize("secret", ["", "  \n", "whsec_no base64!"])
def test_a_secret_that_is_none_is_refused(secret: str) -> None:
    with pytest.raises(ValueError, match="is"):
        key_of(secret)


@pytest.mark.parametrize("name", ["bash", *NASTY])
def test_an_event_fits_its_schema(name: str) -> None:
    schema = json.loads((Path(__file__).parent.parent / "docs/schemas/event.json").read_text())
    standing, _ = rocky()
    publication = Publication(34, "update", 12, 11)
    errata = standing.pending
    news = News(publication, standing.applied[:3], (), errata[:4], errata[4:5], untold=standing.untold, failure=standing.last_update)
    document = json.loads(json.dumps(event_document(Occasion.CHANGES, standing, news, f"[mirrorsync] {name}", "master")))
    jsonschema.Draft202012Validator(schema).validate(document)
    assert document["pending"]["critical"] == 9
