"""A tree's URLs as nodes use them: real servers of it, and servers that give something else."""

import configparser
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from fixtures.keys import SigningKey, signing_key
from tests.commands import Mirrorsync, configured
from tests.conftest import Builder
from tests.servers import LOOPBACK, Running, apache, ftp_server, http_server, nginx, python_server, vsftpd
from tests.sites import Site, redhat_site, repodata_site

Server = Callable[[Path, Path], AbstractContextManager[Running]]
HDLIST = "RedHat/base/hdlist"
TAR = "RedHat/RPMS/tar-1-1.noarch.rpm"
INITRD = "images/pxeboot/initrd.img"


@pytest.fixture
def site(work: Path, rpm: Builder) -> Site:
    """A tree below a folder that has more than trees, and that other users may enter."""
    return redhat_site(work / "master", [rpm("bash", "1"), rpm("tar", "1")], [rpm("bash", "2")])


def asking(site: Site, *urls: str) -> Mirrorsync:
    listed = ", ".join(f'"{url}"' for url in urls)
    program = site.program(more=f"urls = [{listed}]")
    assert program("update").code in (0, 4)
    return program


def found(program: Mirrorsync, *options: str) -> list[tuple[str, str]]:
    """Code and place of what is wrong with the URLs."""
    checked = program("check", *options, "--json")
    assert "Traceback" not in checked.err
    return [(finding["code"], finding["where"]) for finding in checked.findings if finding["code"].startswith("url-")]


# --- real servers -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("server", [nginx, apache, vsftpd, ftp_server])
def test_a_server_of_the_tree_has_nothing_wrong(server: Server, site: Site, tmp_path: Path) -> None:
    with server(site.folder / "u1", tmp_path) as running:
        program = asking(site, f"{running.url}/redhat", f"{running.url}/redhat/")
        assert found(program) == found(program, "--deep") == []
        assert any(HDLIST in line for line in running.log())
        assert running.transfers("tar-1-1.noarch.rpm")


def test_a_tree_with_repodata_has_nothing_wrong(work: Path, rpm: Builder, tmp_path: Path) -> None:
    rocky = repodata_site(work / "master", [rpm("bash", "1")], [rpm("bash", "2")])
    with nginx(rocky.folder / "u1", tmp_path) as running:
        program = asking(rocky, f"{running.url}/rocky")
        assert found(program, "--deep") == []
        assert any("repodata/repomd.xml" in line for line in running.log())


def test_a_server_that_gives_no_parts_is_told(site: Site, tmp_path: Path) -> None:
    with python_server(site.folder / "u1", tmp_path) as running:
        assert [code for code, _ in found(asking(site, f"{running.url}/redhat"))] == ["url-no-parts"]
    with nginx(site.folder / "u1", tmp_path, more="max_ranges 0;") as running:
        assert [code for code, _ in found(asking(site, f"{running.url}/redhat"))] == ["url-no-parts"]


def test_nginx_with_an_alias_that_can_be_got_round_is_told(site: Site, tmp_path: Path) -> None:
    wrong, right = (f"location /{name} {{ alias {site.tree}/; }}" for name in ("install", "install/"))
    with nginx(tmp_path, tmp_path, more=wrong) as running:
        assert found(asking(site, f"{running.url}/install")) == [("url-above", f"{running.url}/install../redhat/{HDLIST}")]
    with nginx(tmp_path, tmp_path, more=right) as running:
        assert found(asking(site, f"{running.url}/install")) == []


def test_a_server_whose_root_is_far_above_the_tree_is_told(site: Site, tmp_path: Path) -> None:
    (site.folder / "payroll").write_text("everybody's")
    with nginx(site.folder, tmp_path) as running:
        url = f"{running.url}/u1/redhat"
        told = asking(site, url)("check")
        assert (
            f"warning: {running.url}/mirrorsync.toml: gives {site.config}, and so all in {site.folder} that the server may read" in told.out
        )
    with nginx(Path("/"), tmp_path) as running:
        url = f"{running.url}{site.tree}"
        places = [place for code, place in found(asking(site, url)) if code == "url-above"]
        assert f"{running.url}/etc/os-release" in places


# --- servers that give something else ---------------------------------------------------------------------------------------


@contextmanager
def copied(site: Site, change: Callable[[Path], object]) -> Iterator[Mirrorsync]:
    """The program, whose tree's URL leads to a copy of it that was changed so."""
    program = asking(site, f"http://{LOOPBACK}:9/")
    copy = site.folder / "copy/redhat"
    shutil.copytree(site.tree, copy)
    change(copy)
    with http_server(copy.parent) as server:
        site.config.write_text(site.config.read_text().replace(f"http://{LOOPBACK}:9/", f"{server.url}/redhat"))
        yield program


def overwrite(name: str, content: bytes) -> Callable[[Path], object]:
    return lambda root: (root / name).write_bytes(content)


def change_last_byte(name: str) -> Callable[[Path], object]:
    def change(root: Path) -> None:
        content = (root / name).read_bytes()
        (root / name).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))

    return change


def remove(name: str) -> Callable[[Path], object]:
    return lambda root: (root / name).unlink()


@pytest.mark.parametrize(
    ("change", "code", "name"),
    [
        (overwrite(HDLIST, b"short"), "url-differs", HDLIST),
        (change_last_byte(HDLIST), "url-differs", HDLIST),
        (remove(HDLIST), "url-missing", HDLIST),
        (remove(INITRD), "url-missing", INITRD),
        (overwrite(INITRD, b"another"), "url-differs", INITRD),
        (remove(TAR), "url-missing", TAR),
        (overwrite(TAR, b"another"), "url-differs", TAR),
    ],
)
def test_what_the_server_has_otherwise_is_told(change: Callable[[Path], object], code: str, name: str, site: Site) -> None:
    with copied(site, change) as program:
        told = program("check")
        assert told.code == 4
        [(seen, place)] = set(found(program))
        assert (seen, place.endswith(f"/redhat/{name}")) == (code, True)


def test_a_large_file_is_read_whole_by_a_deep_check_only(site: Site) -> None:
    (site.tree / INITRD).write_bytes(bytes(3 << 20))
    with copied(site, change_last_byte(INITRD)) as program:
        assert found(program) == []
        [(code, place)] = found(program, "--deep")
    assert (code, place.endswith(INITRD)) == ("url-differs", True)


def test_an_update_tells_it_too(site: Site) -> None:
    with copied(site, remove(HDLIST)) as program:
        told = program("update")
    assert (told.code, "nodes cannot fetch it: 404 Not Found; look at the server" in told.out) == (4, True)


def test_a_server_that_is_down_is_told_once(site: Site) -> None:
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        url = f"http://{LOOPBACK}:{taken.getsockname()[1]}/redhat"
        program = asking(site, url)
        told = program("check")
    assert f"error: {url}: nodes cannot install from it: Connection refused; look at the server" in told.out
    assert found(program) == [("url-unreachable", url)]


def test_a_server_that_asks_for_a_password_is_told(site: Site) -> None:
    with http_server(site.folder / "u1") as server:
        server.behaviour.credentials = ("cluster", "secret")
        assert found(asking(site, f"{server.url}/redhat")) == [("url-unreachable", f"{server.url}/redhat")]


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: nonsense\r\n\r\n", b"\x00\xff\n", b"HTTP/1.1 999 Odd\r\n\r\n"]
)
def test_a_server_that_speaks_no_http_is_a_line(answer: bytes, site: Site) -> None:
    with socket.create_server((LOOPBACK, 0)) as listener:
        over = threading.Event()

        def serve() -> None:
            while not over.is_set():
                connection, _ = listener.accept()
                with connection:
                    connection.recv(4096)
                    connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        program = asking(site, f"http://{LOOPBACK}:{listener.getsockname()[1]}/redhat")
        codes = {code for code, _ in found(program)}
        over.set()
        socket.create_connection(listener.getsockname()).close()
        thread.join()
    assert codes and codes <= {"url-unreachable", "url-missing", "url-differs"}


# --- the .repo file ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def key() -> Iterator[SigningKey]:
    with signing_key("Distributor") as made:
        yield made


@pytest.fixture
def signed(work: Path, rpm: Builder, key: SigningKey) -> Site:
    """A tree with its distributor's key file, whose packages are signed."""
    rocky = repodata_site(work / "master", [rpm("bash", "1")], [rpm("bash", "2")])
    for folder in (rocky.tree, rocky.mirror):
        key.sign(sorted(folder.glob("Packages/*.rpm")))
        shutil.rmtree(folder / "repodata")
        subprocess.run(["createrepo_c", "-q", str(folder)], check=True, capture_output=True)
    shutil.copy(key.public, rocky.tree / "RPM-GPG-KEY-Distributor")
    return rocky


def with_keys(site: Site, key: SigningKey, more: str = "") -> Mirrorsync:
    updates = f'url = "{site.mirror.as_uri()}/"\nkind = "repodata"\nkeys = ["{key.public}"]'
    return configured(site.folder, site.tree, updates, layout="repodata", more=more)


def test_dnf_installs_what_the_tree_has_by_its_repo_file_and_nothing_unsigned(
    signed: Site, key: SigningKey, rpm: Builder, tmp_path: Path
) -> None:
    if shutil.which("dnf") is None:
        pytest.skip("dnf is not installed")
    with nginx(signed.folder / "u1", tmp_path) as running:
        program = with_keys(signed, key, f'urls = ["{running.url}/rocky"]')
        assert program("update").code == 0
        repos = tmp_path / "yum.repos.d"
        repos.mkdir()
        assert program("repofile", "rocky", "-o", f"{repos}/rocky.repo").code == 0
        assert installed(tmp_path / "first", repos, "bash") == "bash-2-1"
        shutil.copy(rpm("zsh", "1"), signed.tree / "Packages")
        subprocess.run(["createrepo_c", "-q", "--update", str(signed.tree)], check=True, capture_output=True)
        with pytest.raises(subprocess.CalledProcessError) as refused:
            installed(tmp_path / "second", repos, "zsh")
    assert "is not signed" in refused.value.stderr


def installed(root: Path, repos: Path, name: str) -> str:
    """What of a package is there once dnf has put it into a new root."""
    for log in (root / "log", root / "var/log"):
        log.mkdir(parents=True)
    settings = {"reposdir": repos, "cachedir": root / "cache", "logdir": "/var/log", "persistdir": "/var/lib/dnf"}
    options = [f"--setopt={option}={value}" for option, value in settings.items()]
    command = ["dnf", "-y", "--noplugins", f"--installroot={root}", "--releasever=9", "--forcearch=x86_64", *options, "install", name]
    subprocess.run(command, check=True, capture_output=True, text=True)
    query = ["rpm", "--root", str(root), "-q", "--qf", "%{name}-%{version}-%{release}", name]
    return subprocess.run(query, check=True, capture_output=True, text=True).stdout


def test_the_repo_file_is_one_section_that_others_read(signed: Site, key: SigningKey) -> None:
    program = with_keys(signed, key, 'urls = ["http://10.1.0.1/rocky/", "http://10.1.0.2/rocky"]')
    parser = configparser.ConfigParser()
    parser.read_string(program("repofile", "rocky").out)
    assert dict(parser["rocky"]) == {
        "name": "rocky",
        "baseurl": "http://10.1.0.1/rocky\nhttp://10.1.0.2/rocky",
        "enabled": "1",
        "gpgcheck": "1",
        "gpgkey": "http://10.1.0.1/rocky/RPM-GPG-KEY-Distributor",
    }


def test_a_key_file_with_a_stranger_s_key_in_it_is_not_named(signed: Site, key: SigningKey) -> None:
    with signing_key("Stranger") as stranger:
        (signed.tree / "RPM-GPG-KEY-Distributor").write_text(key.public.read_text() + stranger.public.read_text())
        shutil.copy(stranger.public, signed.tree / "RPM-GPG-KEY-Stranger")
    refused = with_keys(signed, key)("repofile", "rocky", "--url", "http://10.1.0.1/rocky")
    assert (refused.code, "it has no key file (RPM-GPG-KEY*) with none but keys" in refused.err, refused.out) == (2, True, "")
    given = with_keys(signed, key)("repofile", "rocky", "--url", "http://10.1.0.1/rocky", "--gpgkey", "file:///etc/pki/rpm-gpg/K")
    assert "gpgcheck=1\ngpgkey=file:///etc/pki/rpm-gpg/K\n" in given.out


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ("redhat", "dnf and yum need repodata/repomd.xml, which this tree does not have"),
        ("other", "no tree is called 'other'"),
        ("redhat --url file:///u1/redhat", "is no folder that nodes install from"),
        ("redhat --url nonsense", "has not one of the schemes"),
        ("redhat --url http://10.1.0.1/x?y", "is no folder that nodes install from"),
    ],
)
def test_what_nodes_could_not_use_is_refused(options: str, problem: str, site: Site) -> None:
    refused = site.program()("repofile", *options.split())
    assert (refused.code, problem in refused.err, refused.out) == (2, True, "")


def test_without_a_url_it_says_where_to_write_one(signed: Site, key: SigningKey) -> None:
    refused = with_keys(signed, key)("repofile", "rocky")
    assert (refused.code, "add urls to [trees.rocky], or give --url" in refused.err) == (2, True)


def test_it_is_not_written_into_a_tree(signed: Site, key: SigningKey) -> None:
    program = with_keys(signed, key, 'urls = ["http://10.1.0.1/rocky"]')
    assert program("repofile", "rocky", "-o", f"{signed.tree}/rocky.repo").code == 2
    assert not (signed.tree / "rocky.repo").exists()
