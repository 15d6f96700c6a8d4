"""How a site ended: everything beside and in the tree and the boot directory, as far as time does not enter."""

import hashlib
import json
import stat
from pathlib import Path

import createrepo_c

from mirrorsync.model.choices import Layout
from tests.powerloss.sites import roots
from tests.sites import STAMP, Site

_TIMELESS = ("number", "run", "reason", "back_to", "added", "removed", "advisories", "barred")


def ending(site: Site) -> dict[str, str]:
    """What is at each path. Records name the folder of the site; one that was recorded elsewhere names that."""
    found = {}
    for path in sorted(each for root in roots(site) for each in root.rglob("*")):
        if path != site.home / "lock" and "repodata" not in path.parent.parts and not _is_spare(path, site):
            described = f"{stat.S_IMODE(path.lstat().st_mode):o} {_described(path, site)}"
            found[str(path.relative_to(site.folder))] = described.replace(str(site.folder), "").replace(str(site.mirror.parent), "")
    return found


def _is_spare(path: Path, site: Site) -> bool:
    """Notes of what was kept in the pool, where the mirror tells digests: the file is found by its digest, and the note never read."""
    incoming = site.home / "pool/incoming"
    return site.layout is Layout.REPODATA and (path == incoming or (path.parent == incoming and path.suffix == ".kept"))


def _described(path: Path, site: Site) -> str:
    if path.is_symlink():
        return f"-> {path.readlink()}"
    if path.is_dir():
        return f"directory {_repository(path.parent) if path.name == 'repodata' else ''}".strip()
    if path.name == STAMP:
        return path.read_text(encoding="ascii").split()[0]
    if path.parent == site.home / "journal" and not path.name.startswith("."):
        return _record(path)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _record(path: Path) -> str:
    document = json.loads(path.read_bytes())
    if path.suffix == ".json":
        return json.dumps({key: document.get(key) for key in _TIMELESS})
    files = document["files"] if isinstance(document, dict) else document
    return " ".join(sorted(str(file[0]) for file in files if "repodata/" not in str(file[0])))


def _repository(root: Path) -> str:
    """What the metadata names: kinds of metadata, and each package with its digest."""
    repomd = createrepo_c.Repomd(str(root / "repodata/repomd.xml"))
    metadata = createrepo_c.Metadata()
    metadata.locate_and_load_xml(str(root))
    packages = sorted(f"{metadata.get(key).location_href} {metadata.get(key).pkgId}" for key in metadata.keys())  # noqa: SIM118  no mapping
    return f"{sorted(record.type for record in repomd.records)} {packages}"
