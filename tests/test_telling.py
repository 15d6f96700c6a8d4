"""The program tells: what runs keep of how trees stand, who gets which mail, and that a mail that fails changes nothing."""

import json
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mirrorsync.model.standing import Standing
from mirrorsync.planning.standing_document import standing_document
from tests import accounts
from tests.commands import Mirrorsync, Result
from tests.conftest import Builder
from tests.mailservers import CREDENTIALS, LOOPBACK, MailServer, certificate, free_port, mail_server
from tests.sites import Site, add_tree
from tests.test_documents import validate

OPS, BOSS = "ops@example.org", "boss@example.org"


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server() as running:
        yield running


def telling(site: Site, way: str, *recipients: str) -> Mirrorsync:
    """The program, with mail to `recipients`, each a table's inside; to OPS where none is given."""
    program = site.program()
    tables = "".join(f"[[report.mail.recipients]]\n{inside}\n" for inside in recipients or (f'address = "{OPS}"',))
    with program.config.open("a") as file:
        file.write(f'[report.mail]\nsender = "mirrorsync@example.org"\n{way}\n{tables}')
    return program


def clear_text(server: MailServer) -> str:
    return f'server = "{server.url}"\nstarttls = "never"'


def nowhere() -> str:
    return f'server = "smtp://{LOOPBACK}:{free_port()}"\nstarttls = "never"'


def subjects(server: MailServer, recipient: str = OPS) -> list[str]:
    """Of what came since this was asked last."""
    came = [str(each.message["Subject"]) for each in server.received if each.recipients == (recipient,)]
    server.received[:] = [each for each in server.received if each.recipients != (recipient,)]
    return came


def kept(site: Site, name: str = "standing") -> Any:
    return json.loads((site.state / "trees" / site.name / f"{name}.json").read_bytes())


def keep(site: Site, standing: Standing) -> None:
    """Let this be how the tree stood after the last run, at its path and generation."""
    document: Mapping[str, Any] = {**standing_document(standing), "tree": site.name, "path": str(site.tree)}
    (site.state / "trees" / site.name / "standing.json").write_text(json.dumps(document))


def runs(site: Site) -> list[tuple[str, int]]:
    return [(run["name"], run["exit_code"]) for run in kept(site, "runs")["runs"]]


# --- what is kept ---------------------------------------------------------------------------------------------------------


def test_an_update_is_kept_with_what_it_published(redhat: Site) -> None:
    assert redhat.program()("update").code == 0
    standing = kept(redhat)
    assert (standing["generation"], standing["packages"], standing["last_update"]["fetched"]) == (2, 2, 1)
    assert standing["published"] is not None
    assert standing["succeeded"] == standing["last_update"]["ended"] == standing["at"]
    assert standing["last_update"]["bytes_fetched"] > 0
    assert runs(redhat) == [("update", 0)]


def test_a_failed_run_is_kept_with_its_words_and_what_the_tree_is_stays(redhat: Site) -> None:
    program = redhat.program()
    program("update")
    before = kept(redhat)
    shutil.rmtree(redhat.mirror)
    assert program("update").code == 1
    after = kept(redhat)
    assert "mirror" in after["last_update"]["words"][0]
    assert (after["generation"], after["published"], after["packages"]) == (before["generation"], before["published"], before["packages"])
    assert after["succeeded"] == before["succeeded"]
    assert runs(redhat) == [("update", 0), ("update", 1)]


def test_a_tree_that_is_gone_is_told_as_it_was(redhat: Site) -> None:
    program = redhat.program()
    program("update")
    before = kept(redhat)
    redhat.tree.rename(redhat.tree.with_name("elsewhere"))
    assert program("update").code == 1
    assert {key: kept(redhat)[key] for key in ("generation", "packages", "bytes")} == {
        key: before[key] for key in ("generation", "packages", "bytes")
    }


def test_check_and_rollback_are_kept_and_dry_runs_and_other_commands_are_not(updated: Mirrorsync, redhat: Site) -> None:
    assert updated("check").code == 0
    assert updated("rollback", "redhat").code == 0
    before = kept(redhat)
    assert (before["checked"] is not None, before["generation"]) == (True, 3)
    for command in ("update -n", "rollback -n redhat", "status", "history", "report", "prune"):
        updated(*command.split())
    assert kept(redhat) == before
    assert runs(redhat) == [("update", 0), ("check", 0), ("rollback", 0)]


def test_a_run_that_finds_another_at_work_is_not_kept(updated: Mirrorsync, redhat: Site) -> None:
    before = kept(redhat)
    with subprocess.Popen(["flock", str(redhat.home), "sleep", "60"]) as holder:
        while updated("-q", "update").code != 75:
            pass
        holder.kill()
    assert [run for run in runs(redhat) if run[1]] == []
    assert kept(redhat)["last_update"]["exit_code"] == before["last_update"]["exit_code"] == 0


def test_findings_are_those_of_the_last_update_and_check(updated: Mirrorsync, redhat: Site, rpm: Builder) -> None:
    (redhat.home / "stranger").touch()

    def codes() -> set[str]:
        return {finding["code"] for finding in kept(redhat)["findings"]}

    assert updated("check").code == 4
    assert codes() == {"not-signed", "foreign-file"}
    assert updated("update").code == 0
    assert codes() == {"not-signed", "foreign-file"}
    redhat.offer(rpm("tar", "2"))
    assert updated("update").code == 0
    assert codes() == {"not-signed"}


@pytest.mark.parametrize("damage", [b"", b"{}", b"[]", b"\xff", b'{"schema": "mirrorsync-standing-9"}', b"[" * 100_000])
def test_damaged_files_are_as_if_they_were_not_there(updated: Mirrorsync, redhat: Site, damage: bytes) -> None:
    for name in ("standing", "runs", "told"):
        (redhat.state / "trees/redhat" / f"{name}.json").write_bytes(damage)
    assert updated("report").code == 0
    assert updated("update").code == 0
    assert (kept(redhat)["generation"], runs(redhat)) == (2, [("update", 0)])


def test_runs_that_end_at_once_are_all_kept(updated: Mirrorsync, redhat: Site) -> None:
    checks = [subprocess.Popen([*updated.command, "-q", "check"]) for _ in range(8)]
    assert [check.wait() for check in checks] == [0] * 8
    assert runs(redhat) == [("update", 0), *[("check", 0)] * 8]


def test_checks_that_work_hide_no_updates_that_fail(updated: Mirrorsync, redhat: Site) -> None:
    succeeded = kept(redhat)["succeeded"]
    shutil.rmtree(redhat.mirror)
    assert (updated("update").code, updated("check").code) == (1, 0)
    assert kept(redhat)["succeeded"] == succeeded
    assert "redhat: failed: the last update failed (exit code 1)" in updated("report").out
    plugin = updated("check", "--nagios", "--max-age", "1s")
    assert plugin.code == 2
    assert "the last update failed, no update has succeeded since" in plugin.out


def test_only_the_last_runs_are_kept(updated: Mirrorsync, redhat: Site) -> None:
    document = kept(redhat, "runs")
    document["runs"] *= 300
    (redhat.state / "trees/redhat/runs.json").write_text(json.dumps(document))
    updated("check")
    assert len(runs(redhat)) == 200
    assert runs(redhat)[-2:] == [("update", 0), ("check", 0)]


def test_what_cannot_be_kept_is_one_line_and_changes_nothing(redhat: Site) -> None:
    program = redhat.program()
    (redhat.state / "trees/redhat/standing.json").mkdir(parents=True)
    done = program("update")
    assert (done.code, len(done.err.splitlines())) == (0, 1)
    assert done.err.startswith("mirrorsync: redhat: how it stands now is not recorded: ")
    assert "generation 2 published" in done.out


# --- who is told ----------------------------------------------------------------------------------------------------------


def test_a_publication_is_told_and_a_run_with_nothing_to_do_is_not(redhat: Site, server: MailServer) -> None:
    program = telling(redhat, clear_text(server))
    assert program("-q", "update") == Result(0, "", "")
    [received] = server.received
    assert received.message["Subject"] == "[mirrorsync] redhat: no errata pending, 1 package published"
    assert "Generation 2 was published by update: 1 package in, 1 out." in received.content.decode()
    assert program("-q", "update") == Result(0, "", "")
    assert program("-q", "check") == Result(0, "", "")
    assert len(server.received) == 1


def test_what_a_run_published_that_was_killed_before_it_could_tell_is_told_by_the_next(redhat: Site, server: MailServer) -> None:
    program = telling(redhat, clear_text(server))
    hooks = redhat.folder / "hooks.d"
    hooks.mkdir()
    (hooks / "post-publish").write_text(f"#!/bin/sh\nrm {hooks}/post-publish; kill -KILL $PPID\n")
    (hooks / "post-publish").chmod(0o755)
    program.config.write_text(program.config.read_text().replace("[mirrorsync]", f'[mirrorsync]\nhooks = "{hooks}"'))
    program("check")
    subjects(server)
    assert program("update").code == -signal.SIGKILL
    assert (subjects(server), kept(redhat)["generation"]) == ([], None)
    assert program("update").code == 0
    [subject] = subjects(server)
    assert "1 package published" in subject


def test_a_failure_is_told_once_and_once_that_it_is_over(redhat: Site, server: MailServer) -> None:
    program = telling(redhat, clear_text(server))
    program("update")
    away = redhat.mirror.rename(redhat.mirror.with_name("away"))
    subjects(server)
    assert [program("update").code for _ in range(2)] == [1, 1]
    assert subjects(server) == ["[mirrorsync] redhat: update failed, no errata pending"]
    away.rename(redhat.mirror)
    assert program("check").code == 0
    assert subjects(server) == []
    assert program("update").code == 0
    assert subjects(server) == ["[mirrorsync] redhat: update works again, no errata pending"]


def test_a_finding_is_told_when_it_is_new(updated: Mirrorsync, redhat: Site, server: MailServer) -> None:
    program = telling(redhat, clear_text(server))
    package = next((redhat.tree / "RedHat/RPMS").glob("tar-*"))
    package.chmod(0o600)
    assert [program("check").code for _ in range(2)] == [4, 4]
    assert len(subjects(server)) == 1


def test_a_rollback_is_told(updated: Mirrorsync, redhat: Site, server: MailServer) -> None:
    program = telling(redhat, clear_text(server), f'address = "{OPS}"\nseverity = "critical"')
    assert program("rollback", "redhat").code == 0
    assert subjects(server) == ["[mirrorsync] redhat: no errata pending, back to generation 1"]


def test_recipients_are_told_of_their_trees_and_occasions(redhat: Site, tmp_path: Path, server: MailServer) -> None:
    program = telling(
        redhat, clear_text(server), f'address = "{OPS}"\ntrees = ["red*"]\nwhen = ["changes"]', f'address = "{BOSS}"\nwhen = ["failure"]'
    )
    add_tree(program, tmp_path / "gone", redhat.mirror)
    assert program("update").code == 1
    assert subjects(server) == ["[mirrorsync] redhat: no errata pending, 1 package published"]
    assert subjects(server, BOSS) == ["[mirrorsync] gone: update failed, nobody knows what is pending"]


def test_an_address_of_two_tables_gets_one_mail(redhat: Site, server: MailServer) -> None:
    program = telling(redhat, clear_text(server), f'address = "{OPS}"\nseverity = "critical"', f'address = "{OPS}"')
    program("update")
    assert len(subjects(server)) == 1


def test_what_turns_late_overnight_is_told_by_a_run_with_nothing_to_do(updated: Mirrorsync, redhat: Site, server: MailServer) -> None:
    program = telling(redhat, clear_text(server), f'address = "{OPS}"\nseverity = "important"')
    today = datetime.now(UTC)
    with program.config.open("a") as file:
        file.write('[errata.targets]\nimportant = "7d"\n')
    erratum = accounts.pending(advisory=accounts.advisory(issued=today.date() - timedelta(days=8), severity="important"))
    program("update")
    keep(redhat, accounts.standing(at=today - timedelta(days=1), generation=2, pending=(erratum,), findings=(), untold=()))
    remembered = redhat.state / "trees/redhat/pending.json"
    document = json.loads(remembered.read_bytes())
    document["errata"] = standing_document(accounts.standing(pending=(erratum,)))["pending"]
    remembered.write_text(json.dumps(document))
    subjects(server)
    assert [program("update").code for _ in range(2)] == [0, 0]
    assert subjects(server) == ["[mirrorsync] redhat: 1 erratum pending (1 overdue)"]


# --- mail that fails ------------------------------------------------------------------------------------------------------


def test_a_mail_that_fails_leaves_the_run_alone_and_the_next_one_delivers(redhat: Site) -> None:
    port = free_port()
    program = telling(redhat, f'server = "smtp://{LOOPBACK}:{port}"\nstarttls = "never"')
    done = program("update")
    assert (done.code, "generation 2 published" in done.out, len(done.err.splitlines())) == (0, True, 1)
    assert done.err.startswith(f"mirrorsync: not delivered: {LOOPBACK}:{port} cannot be reached: Connection refused; 1 message kept")
    assert len(list((redhat.state / "outbox").glob("2*.json"))) == 1
    assert f"{LOOPBACK}:{port} cannot be reached" in program("report").out
    assert "1 message to send" in program("report", "--json").document["undelivered"][0]
    with mail_server() as server:
        text = program.config.read_text().replace(f":{port}", f":{server.port}")
        program.config.write_text(text)
        assert program("-q", "update") == Result(0, "", "")
        assert subjects(server) == ["[mirrorsync] redhat: no errata pending, 1 package published"]
    assert program("report", "--json").document["undelivered"] == []


def test_a_recipient_whom_the_server_refuses_is_given_up_and_that_is_in_the_next_mail(redhat: Site, server: MailServer) -> None:
    program = telling(redhat, clear_text(server), f'address = "{OPS}"', f'address = "{BOSS}"')
    server.refusals[BOSS] = "550 5.1.1 no such user"
    done = program("update")
    assert done.code == 0
    assert done.err == f"mirrorsync: not delivered: {LOOPBACK}:{server.port} refuses it: 550 5.1.1 no such user; 1 message given up\n"
    assert len(server.received) == 1
    server.received.clear()
    assert program("report", "--mail").code == 1
    text = server.received[0].message.get_body(("plain",))
    assert text
    assert "refuses it: 550 5.1.1 no such user" in " ".join(text.get_content().split())


def test_a_password_that_others_may_read_keeps_mail_back_and_not_the_update(redhat: Site, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("secret\n")
    (tmp_path / "password").chmod(0o644)
    way = f'server = "smtp://{LOOPBACK}:{free_port()}"\nusername = "joe"\npassword_file = "{tmp_path}/password"'
    done = telling(redhat, way)("update")
    assert (done.code, "password may be read by others; chmod 600 it" in done.err) == (0, True)


def test_mail_goes_under_starttls_with_a_password_that_nothing_shows(redhat: Site, tmp_path: Path) -> None:
    made, key = certificate(tmp_path)
    (tmp_path / "password").write_text(f"{CREDENTIALS[1]}\n")
    (tmp_path / "password").chmod(0o600)
    with mail_server((made, key), password=True) as server:
        way = f'server = "{server.url}"\nusername = "{CREDENTIALS[0]}"\npassword_file = "{tmp_path}/password"\nca = "{made}"'
        program = telling(redhat, way)
        results = [program("update"), program("config", "show"), program("report", "--json")]
        [received] = server.received
    assert (received.secure, received.user) == (True, CREDENTIALS[0])
    assert not [result for result in results if CREDENTIALS[1] in result.out + result.err]
    assert [path for path in redhat.state.rglob("*") if path.is_file() and CREDENTIALS[1].encode() in path.read_bytes()] == []


def test_mail_goes_by_sendmail(redhat: Site, tmp_path: Path) -> None:
    program = tmp_path / "sendmail"
    program.write_text(f'#!/bin/sh\nprintf "%s " "$@" >{tmp_path}/arguments; exec cat >{tmp_path}/message\n')
    program.chmod(0o755)
    assert telling(redhat, f'sendmail = "{program}"')("-q", "update") == Result(0, "", "")
    assert (tmp_path / "arguments").read_text() == f"-oi -f mirrorsync@example.org -- {OPS} "
    assert b"\nSubject: [mirrorsync] redhat: no errata pending, 1 package published\n" in (tmp_path / "message").read_bytes()


# --- mirrorsync report ----------------------------------------------------------------------------------------------------


def test_report_says_how_trees_stand(updated: Mirrorsync, redhat: Site) -> None:
    lines = updated("report").out.splitlines()
    assert lines[0] == "redhat: current: nothing is pending"
    assert any(line.startswith("    Generation:   2, published ") for line in lines)
    assert any(line.endswith("1 run, 0 failures") for line in lines)


def test_report_knows_a_tree_of_which_no_run_is_recorded(redhat: Site) -> None:
    program = redhat.program()
    assert program("report").out.splitlines()[0] == "redhat: never updated: no run is recorded"
    validate(program("report", "--json").document)


def test_the_document_of_a_report_is_what_its_schema_says(updated: Mirrorsync, redhat: Site) -> None:
    validate(updated("report", "--json").document)
    keep(redhat, accounts.standing(generation=2))
    document = updated("report", "--json").document
    validate(document)
    [tree] = document["trees"]
    assert [erratum["advisory"]["id"] for erratum in tree["pending"]] == ["RHSA-2003:015", "RHSA-2003:017", "RHBA-2003:008"]


def test_a_preview_is_written_and_no_connection_is_opened(updated: Mirrorsync, redhat: Site, tmp_path: Path, server: MailServer) -> None:
    program = telling(redhat, clear_text(server))
    for option in ("--mail", "--digest"):
        assert program("report", option, "--preview", f"{tmp_path}/message.eml") == Result(0, "", "")
        assert f"To: {OPS}\r\n".encode() in (tmp_path / "message.eml").read_bytes()
    assert b"Subject: [mirrorsync] digest, redhat: no errata pending\r\n" in (tmp_path / "message.eml").read_bytes()
    assert server.received == []
    assert not (redhat.state / "outbox").exists()
    assert program("report", "--preview", f"{tmp_path}/mirrorsync.toml").code == 2


@pytest.mark.parametrize(
    "options", ["--mail --json", "--digest --json", "--flush --json", "--flush --preview x.eml", "--json --preview x.eml"]
)
def test_what_sends_nothing_goes_with_nothing_that_sends(redhat: Site, server: MailServer, options: str) -> None:
    done = telling(redhat, clear_text(server))("report", *options.split())
    assert (done.code, "sends nothing; call it by itself" in done.err) == (2, True)
    assert server.received == []


@pytest.mark.parametrize("options", ["--preview {}/x.eml", "--prometheus {}/x.prom"])
def test_nothing_is_written_into_a_tree_or_beside_it(updated: Mirrorsync, redhat: Site, options: str) -> None:
    for place in (redhat.tree, redhat.tree / "RedHat", redhat.home):
        done = updated("report", *options.format(place).split())
        assert (done.code, "lies in tree redhat, or in what is kept beside it; name a file elsewhere" in done.err) == (2, True)
        assert not list(place.glob("x.*"))


def test_a_preview_needs_no_mail_to_be_configured(updated: Mirrorsync, tmp_path: Path) -> None:
    assert updated("report", "--preview", f"{tmp_path}/message.eml").code == 0
    assert b"To: root@localhost\r\n" in (tmp_path / "message.eml").read_bytes()


def test_the_digest_is_one_mail_of_all_trees_to_those_who_asked_for_it(updated: Mirrorsync, redhat: Site, tmp_path: Path) -> None:
    with mail_server() as server:
        program = telling(redhat, clear_text(server), f'address = "{OPS}"\nwhen = ["digest"]', f'address = "{BOSS}"\nwhen = ["changes"]')
        add_tree(program, tmp_path / "other", redhat.mirror)
        assert program("report", "--digest") == Result(0, "", "")
        assert subjects(server) == ["[mirrorsync] digest, other, redhat: nobody knows what is pending"]
        assert subjects(server, BOSS) == []
        assert program("report", "--mail", "redhat") == Result(0, "", "")
        assert subjects(server) == subjects(server, BOSS) == ["[mirrorsync] redhat: no errata pending"]


def test_flush_tries_at_once_whatever_the_wait(redhat: Site) -> None:
    program = telling(redhat, nowhere())
    for _ in range(3):
        program("update")
    assert program("report", "--flush").code == 1
    [waiting] = [json.loads(path.read_bytes()) for path in (redhat.state / "outbox").glob("2*.json")]
    assert waiting["attempts"] == 3
    with mail_server() as server:
        program = telling(redhat, clear_text(server))
        assert program("report", "--flush") == Result(0, "", "")
        assert len(subjects(server)) == 1


def test_without_mail_configured_none_can_be_sent(updated: Mirrorsync) -> None:
    done = updated("report", "--mail")
    assert (done.code, "[report.mail] is not configured" in done.err) == (78, True)
