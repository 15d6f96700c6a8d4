"""What a site's monitoring is told by the program: metrics, a plugin's verdict, webhooks; and that none of it changes a run."""

import json
from pathlib import Path

import jsonschema
import pytest
import standardwebhooks

from tests.commands import Mirrorsync, Result
from tests.sites import RPMS, Site
from tests.test_prometheus import values
from tests.webhooks import receiver

SECRET = "whsec_" + "c2VjcmV0IGtleSBvZiB0aGUgbWlycm9y"
EVENT = json.loads((Path(__file__).parent.parent / "docs/schemas/event.json").read_text())


def with_report(site: Site, *lines: str) -> Mirrorsync:
    program = site.program()
    with program.config.open("a") as file:
        file.write("".join(f"{line}\n" for line in lines))
    return program


def hooked(site: Site, url: str, *more: str) -> Mirrorsync:
    secret = site.folder / "secret"
    secret.write_text(f"{SECRET}\n")
    secret.chmod(0o600)
    return with_report(site, "[[report.webhooks]]", f'url = "{url}"', f'secret_file = "{secret}"', *more)


# --- metrics --------------------------------------------------------------------------------------------------------------


def test_the_metrics_are_written_after_each_run_for_everybody_to_read(redhat: Site, tmp_path: Path) -> None:
    file = tmp_path / "mirrorsync.prom"
    program = with_report(redhat, "[report]", f'prometheus = "{file}"')
    assert program("update").code == 0
    found = values(file.read_text())
    assert found["mirrorsync_generation", (("tree", "redhat"),)] == 2
    assert found["mirrorsync_last_run_exit_code", (("run", "update"), ("tree", "redhat"))] == 0
    assert file.stat().st_mode & 0o777 == 0o644


def test_metrics_that_cannot_be_written_change_nothing_but_a_line(redhat: Site, tmp_path: Path) -> None:
    program = with_report(redhat, "[report]", f'prometheus = "{tmp_path}/there/is/none/x.prom"')
    done = program("update")
    assert done.code == 0
    [line] = done.err.splitlines()
    assert line.startswith("mirrorsync: the metrics: ")


def test_metrics_are_written_on_request_to_a_file_that_is_read(updated: Mirrorsync, tmp_path: Path) -> None:
    assert updated("report", "--prometheus", f"{tmp_path}/m.prom") == Result(0, "", "")
    assert values((tmp_path / "m.prom").read_text())["mirrorsync_packages", (("tree", "redhat"),)] == 2
    refused = updated("report", "--prometheus", f"{tmp_path}/m.txt")
    assert (refused.code, "names end in .prom" in refused.err) == (2, True)


# --- the plugin -----------------------------------------------------------------------------------------------------------


def test_a_tree_in_order_is_ok_for_nagios_and_a_lost_package_is_critical(updated: Mirrorsync, redhat: Site) -> None:
    done = updated("check", "--nagios")
    assert done.out.startswith("MIRRORSYNC OK - 1 tree in order, 0 errata pending in time | 'redhat_pending'=0;;;0 "), done.out
    assert done.code == 0
    next((redhat.tree / RPMS).glob("tar-*.rpm")).unlink()
    done = updated("check", "--nagios")
    assert done.code == 2
    assert done.out.startswith("MIRRORSYNC CRITICAL - redhat: ")


def test_a_success_that_is_too_old_is_critical(updated: Mirrorsync) -> None:
    done = updated("check", "--nagios", "--max-age", "0s")
    assert (done.code, "no update has succeeded since" in done.out) == (2, True)


def test_what_cannot_be_asked_is_unknown(mirrorsync: Mirrorsync) -> None:
    done = mirrorsync("check", "--nagios", "elsewhere")
    assert (done.code, done.out) == (3, "MIRRORSYNC UNKNOWN - no tree is called 'elsewhere'; configured: redhat\n")
    mirrorsync.config.write_text("[trees]\nredhat = 1\n")
    assert mirrorsync("check", "--nagios").code == 3


@pytest.mark.parametrize("options", ["--max-age x", "--none-such"])
def test_a_call_that_cannot_be_understood_is_unknown_to_nagios(options: str, mirrorsync: Mirrorsync) -> None:
    done = mirrorsync("check", "--nagios", *options.split())
    assert (done.code, done.out.startswith("MIRRORSYNC UNKNOWN - ")) == (3, True)


def test_nagios_and_json_exclude_each_other(mirrorsync: Mirrorsync) -> None:
    assert mirrorsync("check", "--nagios", "--json").code == 3


# --- webhooks -------------------------------------------------------------------------------------------------------------


def test_a_publication_is_posted_signed_and_as_its_schema_says(redhat: Site) -> None:
    with receiver() as hook:
        program = hooked(redhat, hook.url)
        assert program("update").code == 0
        assert program("update").code == 0
    [(headers, body)] = hook.received
    event = standardwebhooks.Webhook(SECRET).verify(body, headers)
    jsonschema.Draft202012Validator(EVENT).validate(event)
    assert (event["event"], event["tree"], event["news"]["published"]["generation"]) == ("changes", "redhat", 2)
    assert event["text"].startswith("[mirrorsync] redhat: ")


def test_a_receiver_that_is_down_changes_nothing_and_is_told_later(redhat: Site) -> None:
    with receiver() as hook:
        hook.status = 503
        done = hooked(redhat, hook.url)("update")
        assert done.code == 0
        [line] = done.err.splitlines()
        assert "answers 503" in line
        assert "s3cret" not in line
        hook.status = 204
        assert redhat_program(redhat)("report", "--flush") == Result(0, "", "")
    first, second = (headers["webhook-id"] for headers, _ in hook.received)
    assert first == second


def redhat_program(site: Site) -> Mirrorsync:
    """The program as it is configured already."""
    return Mirrorsync(site.folder / "mirrorsync.toml")


def test_a_failure_is_posted_once_and_that_it_is_over(redhat: Site) -> None:
    with receiver() as hook:
        program = hooked(redhat, hook.url)
        away = redhat.mirror.rename(redhat.mirror.with_name("away"))
        for _ in range(2):
            assert program("update").code == 1
        away.rename(redhat.mirror)
        assert program("update").code == 0
    failed, mended = (json.loads(body) for _, body in hook.received)
    assert (failed["event"], failed["news"]["failure"]["exit_code"]) == ("failure", 1)
    assert (mended["event"], mended["news"]["mended"]["exit_code"]) == ("failure", 0)


def test_a_digest_goes_to_webhooks_too_where_no_mail_is_configured(updated: Mirrorsync, redhat: Site) -> None:
    with receiver() as hook:
        program = hooked(redhat, hook.url, 'when = ["digest"]')
        assert program("report", "--digest") == Result(0, "", "")
        assert program("report", "--mail").code == 78
    [(_, body)] = hook.received
    assert json.loads(body)["event"] == "digest"


def test_a_webhook_that_is_not_configured_any_more_is_given_up(redhat: Site) -> None:
    with receiver() as hook:
        hook.status = 503
        hooked(redhat, hook.url)("update")
        hook.status = 204
        done = redhat.program()("report", "--flush")
    assert (done.code, "is not configured any more" in done.err) == (1, True)
    assert len(hook.received) == 1


def test_no_webhooks_url_is_shown(redhat: Site) -> None:
    program = hooked(redhat, "https://chat.example.org/hooks/s3cret")
    shown = program("config", "show")
    assert "s3cret" not in shown.out
    assert 'url = "https://chat.example.org/***"' in shown.out


def test_a_secret_that_others_can_read_is_refused(redhat: Site) -> None:
    program = hooked(redhat, "https://chat.example.org/hooks/s3cret")
    (redhat.folder / "secret").chmod(0o644)
    done = program("config", "check")
    assert (done.code, "may be read by others" in done.err) == (78, True)
