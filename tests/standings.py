"""Standings, histories and advisories as trees of all ages have them, for tests of what is told; one tree has nasty names only."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

from mirrorsync.model.advisory import Advisory, AdvisoryType, Reference, Told
from mirrorsync.model.finding import Finding, Severity
from mirrorsync.model.generation import ADOPTION, FileRecord, Generation, Inventory, Received
from mirrorsync.model.pending import PendingErratum, Prospect, Step, Urgency, Waiver
from mirrorsync.model.standing import AppliedErratum, RunRecord, Standing
from mirrorsync.model.version import NEVRA

NOW = datetime(2026, 11, 22, 6, 30, tzinfo=UTC)
TODAY = NOW.date()
TARGETS = {Urgency.CRITICAL: 2, Urgency.IMPORTANT: 7, Urgency.MODERATE: 30, Urgency.LOW: 90}
"""Days, as a site might ask for."""

MARKUP = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
BIDI = "evil\u202egpj.exe\u2066"
CONTROLS = "a\x00b\x1b[31mc\u009bd\u2028e"
NASTY = (
    MARKUP,
    BIDI,
    CONTROLS,
    "../../etc/passwd",
    "javascript:alert(3)",
    "</title>{{ 7*7 }}{% raw %}",
    "-->]]>&amp;",
    "\udcff\udc80 bytes",
)

Histories = Mapping[str, Sequence[Generation]]

_OLDEST = {Urgency.CRITICAL: 5, Urgency.IMPORTANT: 13, Urgency.MODERATE: 41, Urgency.LOW: 97, Urgency.UNRATED: 140}
_WORDS = (
    "kernel", "openssl", "glibc", "bash", "sudo", "httpd", "bind-libs", "samba-client", "dbus", "libxml2", "postgresql-server", "php",
    "curl", "expat", "krb5-libs", "nss", "openssh-server", "java-1.8.0-openjdk-headless", "mod_ssl", "gcc-c++", "libstdc++", "python3-libs",
    "firefox", "thunderbird", "qemu-kvm", "libvirt", "tzdata", "rpm", "vim-enhanced", "grub2-common",
)  # fmt: skip
_FLAWS = ("a heap overflow", "a use after free", "an integer overflow", "a symlink race", "an out-of-bounds read", "a timing side channel")


def step(name: str, before: str, after: str, arch: str = "x86_64", *, prospect: Prospect = Prospect.COMES, reason: str = "") -> Step:
    """A package that is to go from one version-release to another; '' before for one that is new to the tree."""
    held = NEVRA.parse(f"{name}-{before}.{arch}") if before else None
    return Step(held, NEVRA.parse(f"{name}-{after}.{arch}"), prospect, reason)


def pending(
    name: str,
    steps: Sequence[Step],
    *,
    urgency: Urgency = Urgency.UNRATED,
    age: int | None = 3,
    waiver: Waiver | None = None,
    **words: object,
) -> PendingErratum:
    """An erratum issued `age` days before TODAY, due by TARGETS; further words are Advisory's."""
    issued = TODAY - timedelta(days=age) if age is not None else None
    kind = words.pop("type", AdvisoryType.BUGFIX if urgency is Urgency.UNRATED else AdvisoryType.SECURITY)
    severity = "" if urgency is Urgency.UNRATED else urgency.word.capitalize()
    packages = tuple(step.to for step in steps)
    advisory = Advisory(name, kind, severity, issued=issued, packages=packages, **words)  # type: ignore[arg-type]  # Advisory's own words
    target = TARGETS.get(urgency)
    due = issued + timedelta(days=target) if issued and target is not None else None
    return PendingErratum(advisory, urgency, age, tuple(steps), due, waiver)


def pending_errata(prefix: str, count: int) -> tuple[PendingErratum, ...]:
    """Many, of all urgencies and ages, the most urgent and then the oldest first; the same at every call."""
    made = [_numbered_erratum(prefix, index) for index in range(count)]
    return tuple(sorted(made, key=lambda erratum: (-erratum.urgency, -(erratum.age or 0), erratum.advisory.id)))


def _numbered_erratum(prefix: str, index: int) -> PendingErratum:
    urgency = Urgency((index * 7 + index // 3) % 5)
    name, flaw = _WORDS[index % len(_WORDS)], _FLAWS[index % len(_FLAWS)]
    arches = ("i686", "x86_64") if index % 4 == 0 else ("x86_64",)
    prospect = Prospect.HELD if index % 13 == 5 else Prospect.COMES
    reason = f"needs lib{name}.so.{index}, which nothing provides" if prospect is Prospect.HELD else ""
    steps = [
        step(part, f"1.{index}-1.el9", f"1.{index + 2}-1.el9_4", arch, prospect=prospect, reason=reason)
        for part in (name, *([f"{name}-devel"] if index % 3 == 0 else []))
        for arch in arches
    ]
    secure = urgency is not Urgency.UNRATED
    cves = tuple(f"CVE-2026-{1000 + index * 17 + place}" for place in range(index % 6)) if secure else ()
    return pending(
        f"{prefix}{'SA' if secure else 'BA'}-2026:{1100 + index * 3}",
        steps,
        urgency=urgency,
        age=(index * index * 3 + index * 5) % _OLDEST[urgency],
        cves=cves,
        title=f"{name}: {flaw if secure else 'update that mends what the last one broke'}",
        reboot_suggested=name in ("kernel", "glibc"),
        description=f"{name} is used by many.\n\nSecurity fixes:\n* {name}: {flaw}\n\nUpdate it.",
        references=tuple(Reference(f"https://errata.example.org/{cve}", cve, "cve", cve) for cve in cves),
    )


def generations(first: datetime, count: int, *, prefix: str, release: str = "el9", arch: str = "x86_64") -> tuple[Generation, ...]:
    """A tree taken as it was found, and then updates and one rollback, newest first."""
    found = Generation(1, first, ADOPTION, "process 812 of mirrorsync", "taken as it was found", inventory=Inventory(3657, 4_200_000_000))
    made = [found]
    for number in range(2, count + 1):
        when = first + timedelta(days=number * 2 + (1 if number % 5 == 0 else 0), hours=number % 3)
        if number == count - 3:
            made.append(_rollback(made[-1], number, when))
        else:
            made.append(_update(number, when, prefix, f"{release}.{arch}"))
    return tuple(reversed(made))


def _rollback(last: Generation, number: int, when: datetime) -> Generation:
    return Generation(
        number,
        when,
        "rollback",
        "process 4711 of root for ada",
        f"as generation {number - 2} was",
        number - 2,
        last.removed,
        last.added,
        inventory=Inventory(3657, 4_200_000_000, 4_000),
        barred=last.added,
    )


def _update(number: int, when: datetime, prefix: str, rest: str) -> Generation:
    changed = 1 + (number * number * 7) % (60 if number % 6 == 0 else 11)
    names = sorted(f"{_WORDS[(number + index) % len(_WORDS)]}{'' if index < len(_WORDS) else f'-{index}'}" for index in range(changed))
    added = tuple(f"{name}-2.{number}-1.{rest}" for name in names)
    removed = tuple(f"{name}-2.{number - 1}-1.{rest}" for name in names)
    advisories = tuple(f"{prefix}BA-2026:{number * 10 + index}" for index in range(1 + changed // 5))
    received = tuple(
        Received(nevra, FileRecord(f"Packages/{nevra}.rpm", 1000, "ab" * 32), None, None, "sha256", (advisories[index % len(advisories)],))
        for index, nevra in enumerate(added)
    )
    return Generation(
        number,
        when,
        "update",
        "process 812 of mirrorsync",
        f"{len(added)} upgrade",
        None,
        added,
        removed,
        advisories,
        received,
        inventory=Inventory(3657, 4_200_000_000 + number * 1_000_000, changed * 910_000),
    )


def applied_errata(history: Sequence[Generation]) -> tuple[AppliedErratum, ...]:
    """What the generations came with, newest first: some in time, some late, some without a target."""
    return tuple(_applied(generation, index, name) for generation in history for index, name in enumerate(generation.advisories))


def _applied(generation: Generation, index: int, name: str) -> AppliedErratum:
    urgency = Urgency((generation.number + index) % 5)
    issued = generation.published.date() - timedelta(days=(generation.number * 3 + index) % 20)
    target = issued + timedelta(days=TARGETS[urgency]) if urgency in TARGETS else None
    cves = (f"CVE-2025-{generation.number * 10 + index + 1000}",) if urgency else ()
    title = f"{_WORDS[(generation.number + index) % len(_WORDS)]}: mended"
    kind = "security" if urgency else "bugfix"
    return AppliedErratum(name, kind, urgency.word, title, cves, issued, generation.published, generation.number, target)


def _run(name: str, minutes: int, code: int, *words: str, **more: int) -> RunRecord:
    ended = NOW - timedelta(minutes=minutes)
    return RunRecord(name, ended - timedelta(seconds=94.2), ended, code, words, **more)


def rocky() -> tuple[Standing, Sequence[Generation]]:
    """A busy modern tree: overdue and held errata, a warning, a waiver, a long history."""
    history = generations(datetime(2026, 9, 12, 4, 17, tzinfo=UTC), 34, prefix="RL")
    waived = pending(
        "RLSA-2026:990",
        [step("qemu-kvm", "9.0-1.el9", "9.0-4.el9")],
        urgency=Urgency.IMPORTANT,
        age=41,
        waiver=Waiver("the lab's guests run until the holidays", date(2026, 12, 20)),
        title="qemu-kvm: guest escape",
    )
    ageless = pending("RLBA-2026:77", [step("rpm", "4.18-1.el9", "4.18-2.el9")], age=None, title="rpm: update")
    mirror, remedy = "https://mirror.example.org/rocky/9/", "look at the mirror, or name another in url"
    found = (
        Finding(Severity.WARNING, "mirror-stands-still", mirror, "nothing new for 9 days", remedy),
        Finding(Severity.NOTE, "not-signed", "rocky9", "packages of extras are not signed", "pin its key"),
    )
    standing = Standing(
        "rocky9",
        "/srv/trees/rocky9",
        "repodata",
        NOW - timedelta(minutes=73),
        34,
        history[0].published,
        6_512,
        9_870_000_000,
        (waived, *pending_errata("RL", 46), ageless),
        (step("local-tools", "1-1", "1-2", "noarch"),),
        applied_errata(history),
        found,
        _run("update", 73, 3, generation=34, fetched=12, bytes_fetched=48_000_000),
        _run("check", 2881, 0),
        NOW - timedelta(minutes=73),
        NOW - timedelta(days=2),
        NOW + timedelta(hours=22),
    )
    return standing, history


def redhat73() -> tuple[Standing, Sequence[Generation]]:
    """Red Hat Linux 7.3, at its end of life: errata told by texts of advisories, CAN- names, one derived from a changelog."""
    history = generations(datetime(2026, 11, 2, 3, 2, tzinfo=UTC), 6, prefix="RH", release="7.3", arch="i386")
    told = pending(
        "RHSA-2002:207",
        [step("openssl", "0.9.6b-18", "0.9.6b-28", arch) for arch in ("i386", "i686")],
        urgency=Urgency.CRITICAL,
        age=1,
        cves=("CAN-2002-0655", "CAN-2002-0656"),
        told=Told.TEXT,
        revision="06",
        title="Updated openssl packages fix remote vulnerabilities",
        description="1. Topic:\n\nUpdated packages are available.\n\n2. Relevant releases:\n\n    Red Hat Linux 7.3 - i386, i686",
        references=(Reference("http://www.cert.org/advisories/CA-2002-23.html"),),
    )
    steps = [step("bash", "2.05a-13", "2.05a-13.1", "i386")]
    derived = pending("bash-2.05a-13.1", steps, age=12, told=Told.CHANGELOG, title="bash: fix CAN-2000-1134")
    standing = Standing(
        "redhat73",
        "/u1/redhat",
        "redhat",
        NOW - timedelta(hours=3),
        6,
        history[0].published,
        1_452,
        1_980_000_000,
        (told, derived),
        applied=applied_errata(history),
        last_update=_run("update", 181, 0),
        succeeded=NOW - timedelta(hours=3),
        checked=NOW - timedelta(hours=3),
    )
    return standing, history


def current() -> tuple[Standing, Sequence[Generation]]:
    """A tree that lacks nothing."""
    history = generations(datetime(2026, 10, 31, 4, 30, tzinfo=UTC), 9, prefix="AL")
    hour_ago = NOW - timedelta(hours=1)
    place = ("alma9", "/srv/trees/alma9", "repodata", hour_ago, 9, history[0].published, 5_120, 7_100_000_000)
    applied = applied_errata(history)
    return Standing(
        *place, applied=applied, last_update=_run("update", 61, 0), last_check=_run("check", 61, 0), succeeded=hour_ago, checked=hour_ago
    ), history


def broken() -> tuple[Standing, Sequence[Generation]]:
    """A tree whose runs fail, with an error that nodes would meet."""
    history = generations(datetime(2026, 10, 11, 5, 0, tzinfo=UTC), 5, prefix="FEDORA-")
    where, remedy = "fedora44: Packages/b/bash-5.2-1.fc44.x86_64.rpm", "mirrorsync rollback fedora44 puts it back"
    found = (Finding(Severity.ERROR, "missing-file", where, "indexed and not there", remedy),)
    words = "fedora44: https://mirror.example.org/fedora: no address for that name; look at the resolver, or name another mirror"
    place = ("fedora44", "/srv/trees/fedora44", "repodata", NOW - timedelta(hours=2), 5, history[0].published, 71_900, 98_000_000_000)
    run = _run("update", 118, 1, words)
    return Standing(*place, pending_errata("FEDORA-", 7), findings=found, last_update=run, succeeded=NOW - timedelta(days=6)), history


def nasty() -> tuple[Standing, Sequence[Generation]]:
    """A tree of which every name from outside is meant to harm a page or its reader."""
    when = datetime(2026, 11, 1, 4, 0, tzinfo=UTC)
    first = Generation(1, when, ADOPTION, MARKUP, BIDI)
    names = tuple(f"{name}-1-1.noarch" for name in NASTY)
    received = tuple(Received(name, FileRecord(f"Packages/{name}.rpm", 1, ""), None, MARKUP, None, NASTY[:2]) for name in names)
    second = Generation(2, when + timedelta(days=1), "update", CONTROLS, MARKUP, None, names, (), NASTY, received)
    steps = tuple(Step(None, NEVRA.parse(f"{name}-1-2.noarch"), Prospect.HELD, MARKUP) for name in NASTY)
    errata = tuple(_nasty_erratum(name, steps) for name in NASTY)
    found = tuple(Finding(Severity.ERROR, name, name, name, name) for name in NASTY)
    run = _run(MARKUP, 5, 1, *NASTY)
    return Standing("nasty", f"/srv/{BIDI}", MARKUP, NOW, 2, second.published, 8, 8, errata, steps, (), found, run), (second, first)


def _nasty_erratum(name: str, steps: Sequence[Step]) -> PendingErratum:
    urls = (name, 'https://example.org/" onclick="alert(4)', "data:text/html,x")
    return pending(
        f"X{name}",
        steps,
        urgency=Urgency.CRITICAL,
        age=9,
        title=name,
        cves=(name,),
        description=f"{name}\n\n{name}\tx\r\ny",
        references=tuple(Reference(url, name, name, name) for url in urls),
    )


def never_updated() -> tuple[Standing, Sequence[Generation]]:
    """A tree that is configured and was never looked at."""
    return Standing("centos-stream10", "/srv/trees/cs10", "repodata", NOW, None, None, 0, 0), ()


def site(*trees: tuple[Standing, Sequence[Generation]]) -> tuple[tuple[Standing, ...], Histories]:
    """The standings and histories of these trees, as `render` takes them."""
    return tuple(standing for standing, _ in trees), {standing.tree: history for standing, history in trees}


def usual_site() -> tuple[tuple[Standing, ...], Histories]:
    """The five trees of a usual site."""
    return site(rocky(), redhat73(), current(), broken(), never_updated())
