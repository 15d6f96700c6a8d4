"""Which keys of the configuration go together; judged on the tables as written, so that every fault is found at once."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import permutations
from typing import Any

from mirrorsync.config.sources import Location
from mirrorsync.config.values import ROOT
from mirrorsync.model.choices import Images, Layout, MetadataSignatures, MirrorKind, Signatures, StartTls

Problem = tuple[Location, str]
_OF_SERVER = ("server", "starttls", "username", "password_file", "ca")
_PLACES = ("url", "mirrorlist", "metalink")
_WAIVED = ("advisory", "cve", "package")


def broken_rules(values: Mapping[str, Any]) -> Iterator[Problem]:
    """(where, "what; what to do") of every fault that shows only when several keys are seen together."""
    trees = table(values.get("trees"))
    yield from _under(("schedule",), _schedule(table(values.get("schedule")), table(values.get("report"))))
    for index, waiver in enumerate(_list(table(values.get("errata")).get("waivers"))):
        yield from _under(("errata", "waivers", index), _waiver(table(waiver)))
    yield from _under(("report", "mail"), _mail(table(table(values.get("report")).get("mail"))))
    for name, value in trees.items():
        tree = table(value)
        yield from _under(("trees", name), _tree(tree))
        yield from _under(("trees", name), _repositories(tree))
        yield from _under(("trees", name), _images(tree))
        yield from _under(("trees", name, "boot"), _boot(table(tree.get("boot")), tree.get("urls")))
        for index, update in enumerate(_list(tree.get("updates"))):
            yield from _under(("trees", name, "updates", index), _update(table(update)))


def _under(location: Location, problems: Iterator[Problem]) -> Iterator[Problem]:
    return (((*location, *where), what) for where, what in problems)


def table(value: object) -> Mapping[str, Any]:
    """The value where it is a table, and an empty one where it is not: the schema says so."""
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _schedule(schedule: Mapping[str, Any], report: Mapping[str, Any]) -> Iterator[Problem]:
    if "digest" in schedule and not (report.get("mail") or report.get("webhooks")):
        yield ("digest",), "is told to nobody; say to whom in [report.mail] or [[report.webhooks]], or remove it"


def _waiver(waiver: Mapping[str, Any]) -> Iterator[Problem]:
    given = [key for key in _WAIVED if key in waiver]
    if not given:
        yield ("advisory",), "is missing; write what may be late: advisory, or cve or package"
    for key in given[1:]:
        yield (key,), f"is one too many beside {given[0]}; write a waiver for each"


def _mail(mail: Mapping[str, Any]) -> Iterator[Problem]:
    if mail and not ("server" in mail or "sendmail" in mail):
        yield ("server",), 'is missing; write by which server mail goes, or which command sends it: sendmail = "/usr/sbin/sendmail"'
    if "sendmail" in mail:
        for key in (key for key in _OF_SERVER if key in mail):
            yield (key,), "is for mail that goes by a server, and here the command of `sendmail` sends it; remove one of them"
        return
    yield from _both(mail, *permutations(("username", "password_file")))
    secure = isinstance(server := mail.get("server"), str) and server.startswith("smtps:")
    if secure and "starttls" in mail:
        yield ("starttls",), "is for smtp: a server of smtps has TLS from its first byte; remove it"
    elif "username" in mail and mail.get("starttls", StartTls.REQUIRE) != StartTls.REQUIRE:
        yield ("starttls",), 'would let the password be sent without TLS; set it to "require", or remove username and password_file'


def _boot(boot: Mapping[str, Any], urls: object) -> Iterator[Problem]:
    groups = [table(group) for group in _list(boot.get("groups"))]
    if boot.get("style", "undi") == "undi":
        what = "is for menus that mirrorsync writes: with style 'undi' linux.0 and its menu are yours"
        yield from (((key,), f"{what}; remove it, or name another style") for key in ("arguments", "groups") if boot.get(key))
        return
    yield from _url_in(boot, urls)
    for number, group in enumerate(groups):
        yield from _under(("groups", number), _group(group, boot["style"]))
        yield from _under(("groups", number), _url_in(group, urls))
    for key in ("name", "macs", "addresses"):
        yield from _twice(groups, key)


def _url_in(boot: Mapping[str, Any], urls: object) -> Iterator[Problem]:
    if "{url}" in str(boot.get("arguments")) and not urls:
        yield ("arguments",), "has {url} in it, and the tree has no urls; add them to [trees.NAME], or write the URL here"


def _group(group: Mapping[str, Any], style: object) -> Iterator[Problem]:
    if not (group.get("macs") or group.get("addresses")):
        yield ("macs",), "is missing; write which nodes are meant: macs, or addresses"
    if style == "ipxe" and group.get("addresses"):
        yield ("addresses",), "is not for style 'ipxe', whose menus are found by network card; write macs"


def _twice(groups: Sequence[Mapping[str, Any]], key: str) -> Iterator[Problem]:
    """Of two groups that want the same node, one would get it without a word."""
    seen: set[str] = set()
    for number, group in enumerate(groups):
        for value in _list(group.get(key)) or [group.get(key)]:
            own = str(value).lower().replace("-", ":").removesuffix("/32") if key != "name" else str(value)
            if value is not None and own in seen:
                yield ("groups", number, key), f"has {value!r}, as a group before it; let one of them have it"
            seen.add(own)


def _tree(tree: Mapping[str, Any]) -> Iterator[Problem]:
    if tree.get("genhdlist") and tree.get("layout") == Layout.REPODATA:
        yield ("genhdlist",), "is for layout 'redhat': this tree has no hdlist; remove it"
    if "compression" in tree and tree.get("layout") == Layout.REDHAT:
        yield ("compression",), "is for layout 'repodata': this tree has none; remove it"
    if tree.get("repos") and not tree.get("updates_from"):
        yield ("repos",), "is used with .repo files only; name them in updates_from, or remove it"
    for key in ("legacy", "stale_after"):
        if tree.get(key) and not tree.get("updates_from"):
            yield (key,), "is for the mirrors of updates_from, of which there are none; set it in [[updates]], or remove it"
    pins = [pin.partition("=")[0].strip() for pin in _list(tree.get("pin")) if isinstance(pin, str)]
    for name, count in sorted(Counter(pins).items()):
        if count > 1:
            yield ("pin",), f"{name} is pinned {count} times; keep one of them"


def _repositories(tree: Mapping[str, Any]) -> Iterator[Problem]:
    """Which there are, and that of every mirror it is known where its packages go."""
    known = [str(repository) for repository in _list(tree.get("repositories"))] or [ROOT]
    if "repositories" in tree and tree.get("layout") == Layout.REDHAT:
        yield ("repositories",), "is for layout 'repodata': a tree with hdlist has its packages in one folder; remove it"
        return
    for repository, count in sorted(Counter(known).items()):
        if count > 1:
            yield ("repositories",), f"{repository} is named {count} times; once is enough"
    several = len(known) > 1
    for index, update in enumerate(map(table, _list(tree.get("updates")))):
        if several or "repository" in update:
            yield from _under(("updates", index), _destination("repository", update.get("repository"), known))
    repos = [repo.partition("=") for repo in _list(tree.get("repos")) if isinstance(repo, str)]
    if several and tree.get("updates_from") and not repos:
        yield ("repos",), f"is missing: say which section goes where, as in 'appstream = {known[-1]}'"
    for _, sign, repository in repos:
        if several or sign:
            yield from _destination("repos", repository.strip() or None, known)


def _destination(key: str, repository: object, known: Sequence[str]) -> Iterator[Problem]:
    if repository not in known:
        names = ", ".join(known)
        what = f"names {repository!r}, which is none of the tree's repositories" if repository else "does not say into which repository"
        yield (key,), f"{what}; they are {names}"


def _images(tree: Mapping[str, Any]) -> Iterator[Problem]:
    """One mirror has the tree's boot images; they are not signed, so nobody on the way may be able to change them."""
    asked = [(index, update) for index, update in enumerate(map(table, _list(tree.get("updates")))) if _is_asked(update)]
    for index, _ in asked[1:]:
        yield ("updates", index, "images"), "is asked of a mirror before it; a tree has its boot images from one"
    for index, update in asked:
        if update.get("kind") == MirrorKind.LISTING or tree.get("layout") == Layout.REDHAT:
            yield ("updates", index, "images"), "is for repodata with a .treeinfo beside it; remove it"
        elif str(update.get("url", "")).partition(":")[0].lower() in ("http", "ftp"):
            what = "would take boot images over a way on which anybody can exchange them: nothing signs them; name the mirror by https"
            yield ("updates", index, "images"), what


def _is_asked(update: Mapping[str, Any]) -> bool:
    return bool(update.get("images", Images.IGNORE) != Images.IGNORE)


def _update(update: Mapping[str, Any]) -> Iterator[Problem]:
    yield from _place(update)
    yield from _trust(update)
    yield from _identity(update)


def _place(update: Mapping[str, Any]) -> Iterator[Problem]:
    given = [key for key in _PLACES if key in update]
    if not given:
        yield ("url",), "is missing; write where the mirror is: url, or mirrorlist or metalink"
    for key in given[1:]:
        yield (key,), f"is one place too many beside {given[0]}; keep one of them"
    for key in given if update.get("kind") == MirrorKind.LISTING else ():
        if key != "url":
            yield (key,), "lists mirrors of yum metadata, which kind 'listing' has not; write url, or kind = \"repodata\""


def _trust(update: Mapping[str, Any]) -> Iterator[Problem]:
    if update.get("signatures", Signatures.REQUIRE) == Signatures.REQUIRE and not update.get("keys"):
        yield ("keys",), 'is missing: packages must be signed, and by whom is not told; name key files, or set signatures = "digest-only"'
    elif update.get("fingerprints") and not update.get("keys"):
        yield ("fingerprints",), "pins keys that no file holds; name the key files in keys"
    elif update.get("metadata_signatures") == MetadataSignatures.REQUIRE and not update.get("keys"):
        yield ("keys",), "is missing: metadata must be signed, and by whom is not told; name key files, or remove metadata_signatures"


def _identity(update: Mapping[str, Any]) -> Iterator[Problem]:
    yield from _both(update, *permutations(("username", "password_file")), ("client_key", "client_cert"))


def _both(written: Mapping[str, Any], *pairs: tuple[str, ...]) -> Iterator[Problem]:
    for key, other in pairs:
        if key in written and other not in written:
            yield (other,), f"is missing beside {key}; set it too, or remove {key}"
