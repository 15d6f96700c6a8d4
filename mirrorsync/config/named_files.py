"""What a configuration that is right in itself still lacks on this machine: its files and folders, their modes, what they hold."""

import os
import ssl
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from mirrorsync.config.schema import Config, MailConfig, UpdateSource, WebhookConfig
from mirrorsync.config.secrets import exposed, proofs, unreadable, unusable_secret
from mirrorsync.config.sources import Location
from mirrorsync.hooks.selection import AFTER, BEFORE, hooks_for

_ARMOUR = b"-----BEGIN PGP PUBLIC KEY BLOCK-----"
_KEY_TAGS = (b"\x98", b"\x99", b"\x9a", b"\xc6")  # a public key packet's first byte, with its length in 1, 2 or 4 bytes, or a new packet's
_LARGEST_KEYS = 1 << 20  # bytes; the key files of distributions have some thousands


def missing_parts(config: Config) -> Iterator[tuple[Location, str]]:
    """(where, "what; what to do") of what an update needs and the configuration does not have."""
    if not config.trees:
        yield ("trees",), "there is none, so nothing is kept current; add a [trees.NAME] table"
    for index, waiver in enumerate(config.errata.waivers):
        if config.trees and not any(fnmatchcase(name, glob) for name in config.trees for glob in waiver.trees):
            what = f"no tree is called so, and nothing is waived; the trees are {', '.join(sorted(config.trees))}"
            yield ("errata", "waivers", index, "trees"), what
    for index, recipient in enumerate(config.report.mail.recipients if config.report.mail else ()):
        if config.trees and not any(fnmatchcase(name, glob) for name in config.trees for glob in recipient.trees):
            what = f"no tree is called so, and {recipient.address} is told of nothing; the trees are {', '.join(sorted(config.trees))}"
            yield ("report", "mail", "recipients", index, "trees"), what
    for name, tree in config.trees.items():
        if not tree.updates and not tree.updates_from:
            yield ("trees", name, "updates"), f"the tree has no update mirror; add [[trees.{name}.updates]], or updates_from"


def unusable_files(config: Config) -> Iterator[tuple[Location, str]]:
    """(where, "what; what to do") of every file or folder the configuration names that cannot be used by this user."""
    yield from _hook_faults(config.mirrorsync.hooks)
    if config.report.mail:
        yield from _mail_files(("report", "mail"), config.report.mail)
    for index, webhook in enumerate(config.report.webhooks):
        yield from _webhook_files(("report", "webhooks", index), webhook)
    if config.report.prometheus and (problem := _unwritable(config.report.prometheus.parent)):
        yield ("report", "prometheus"), problem
    if config.report.html and (problem := _unwritable(config.report.html)):
        yield ("report", "html"), problem
    for name, tree in config.trees.items():
        here: Location = ("trees", name)
        if problem := _no_tree(tree.path):
            yield (*here, "path"), problem
        for key in ("kickstarts", "updates_from"):
            yield from _unreadable_in((*here, key), getattr(tree, key))
        if tree.genhdlist and not os.access(tree.genhdlist[0], os.X_OK):
            yield (*here, "genhdlist", 0), f"{tree.genhdlist[0]} cannot be run; install it or remove the key"
        if tree.boot and not _is_folder(tree.boot.directory):
            yield (*here, "boot", "directory"), f"{tree.boot.directory} is not a folder that this user can read; make it"
        for index, update in enumerate(tree.updates):
            yield from _update_files((*here, "updates", index), update)


def _unwritable(folder: Path) -> str | None:
    """What keeps this user from making a folder, or from writing in one that is there."""
    place = next(path for path in (folder, *folder.parents) if os.path.lexists(path))
    if _is_folder(place) and os.access(place, os.W_OK):
        return None
    return f"{place} is not a folder that this user can write to; name another, or make {folder} and let this user write there"


def _hook_faults(folder: Path | None) -> Iterator[tuple[Location, str]]:
    here: Location = ("mirrorsync", "hooks")
    if folder is None:
        return
    if not _is_folder(folder):
        yield here, f"{folder} is not a folder that this user can read; make it, or remove the key"
        return
    found = [hook for occasion in (BEFORE, AFTER) for hook in hooks_for(folder, occasion)]
    yield from ((here, hook.fault) for hook in found if hook.fault)
    if not found:
        yield here, f"{folder} has neither {BEFORE} nor {AFTER}; put programs of these names there, or remove the key"


def _mail_files(here: Location, mail: MailConfig) -> Iterator[tuple[Location, str]]:
    if mail.ca and (problem := unreadable(mail.ca)):
        yield (*here, "ca"), problem
    if mail.password_file and (problem := unusable_secret(mail.password_file)):
        yield (*here, "password_file"), problem
    if mail.sendmail and not os.access(mail.sendmail, os.X_OK):
        yield (*here, "sendmail"), f"{mail.sendmail} cannot be run; install a mail server that has it, or name `server`"


def _webhook_files(here: Location, webhook: WebhookConfig) -> Iterator[tuple[Location, str]]:
    if webhook.ca and (problem := unreadable(webhook.ca)):
        yield (*here, "ca"), problem
    if webhook.secret_file and (problem := unusable_secret(webhook.secret_file)):
        yield (*here, "secret_file"), problem


def _update_files(here: Location, update: UpdateSource) -> Iterator[tuple[Location, str]]:
    for index, path in enumerate(update.keys):
        if problem := unreadable(path) or _keyless(path):
            yield (*here, "keys", index), problem
    for index, path in enumerate(update.advisories):
        if not _is_folder(path) and unreadable(path):
            what = f"{path} is neither a folder nor a file that this user can read; put advisories there, or correct the name or the mode"
            yield (*here, "advisories", index), what
    if update.password_file and (problem := unusable_secret(update.password_file)):
        yield (*here, "password_file"), problem
    private = dict(proofs(update))
    for key in ("client_cert", "client_key", "ca"):
        path = getattr(update, key)
        if path and (problem := unreadable(path) or (exposed(path) if key in private else None)):
            yield (*here, key), problem
    if not any(path and unreadable(path) for path in (update.client_cert, update.client_key, update.ca)):
        yield from _unloadable(here, update)


def _unloadable(here: Location, update: UpdateSource) -> Iterator[tuple[Location, str]]:
    """What OpenSSL makes of the certificates, without anything being asked of a server."""
    if update.ca:
        try:
            ssl.create_default_context(cafile=update.ca)
        except ssl.SSLError:
            yield (*here, "ca"), f"{update.ca} holds no certificate in PEM; put the authority's there, or name another file"
    if update.client_cert:
        try:
            ssl.create_default_context().load_cert_chain(update.client_cert, update.client_key, password="")
        except ssl.SSLError as error:
            what = "cannot be used" if error.reason is None else f"cannot be used ({error.reason.lower().replace('_', ' ')})"
            files = " and ".join(str(path) for path in (update.client_cert, update.client_key) if path)
            yield (*here, "client_cert"), f"{files} {what}; name a certificate in PEM and the key that belongs to it, without a passphrase"


def _unreadable_in(here: Location, paths: tuple[Path, ...]) -> Iterator[tuple[Location, str]]:
    for index, path in enumerate(paths):
        if problem := unreadable(path):
            yield (*here, index), problem


def _no_tree(path: Path) -> str | None:
    """As an update sees it, which replaces the directory, or the symbolic link to one, under its own name."""
    if os.path.islink(path) and not os.path.exists(path):  # noqa: PTH110, PTH114  Path's raise where the folder above may not be entered
        return f"{path} is a symbolic link to {os.readlink(path)}, which is not there; put the distribution's tree there"  # noqa: PTH115  as above
    if not os.path.lexists(path):
        return f"{path} is not there; put the distribution's tree there, or correct the path"
    if not _is_folder(path):
        return f"{path} is not a directory that this user can read; name the distribution's tree, or let this user read it"
    if path.is_mount():
        return f"{path} is a mount point, which cannot be replaced; name a directory below it"
    return None


def _is_folder(path: Path) -> bool:
    return os.access(path, os.R_OK | os.X_OK) and path.is_dir()


def _keyless(path: Path) -> str | None:
    """A cheap look; whether its keys can be used is seen when they are."""
    with path.open("rb") as file:
        content = file.read(_LARGEST_KEYS)
    if content.startswith(_KEY_TAGS) or _ARMOUR in content:
        return None
    return f"{path} holds no OpenPGP public key; put there what `gpg --armor --export` prints, or name another file"
