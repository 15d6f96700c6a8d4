"""Yum's .repo files, as distributors ship them."""

import pytest

from mirrorsync.errors import ConfigError
from mirrorsync.upstream.yumrepo import RepoSection, parse_repo, substitute

VARIABLES = {"releasever": "9", "basearch": "x86_64", "arch": "x86_64", "contentdir": "pub/rocky", "infra": "stock", "rltype": ""}

ROCKY = """\
# rocky.repo

[baseos]
name=Rocky Linux $releasever - BaseOS
mirrorlist=https://mirrors.rockylinux.org/mirrorlist?arch=$basearch&repo=BaseOS-$releasever$rltype
#baseurl=http://dl.rockylinux.org/$contentdir/$releasever/BaseOS/$basearch/os/
gpgcheck=1
enabled=1
countme=1
metadata_expire=6h
gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-Rocky-9

[baseos-debug]
name=Rocky Linux $releasever - BaseOS - Debug
mirrorlist=https://mirrors.rockylinux.org/mirrorlist?arch=$basearch&repo=BaseOS-$releasever-debug$rltype
gpgcheck=1
enabled=0
gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-Rocky-9
"""
FEDORA = """\
[updates]
name=Fedora $releasever - $basearch - Updates
#baseurl=http://download.example/pub/fedora/linux/updates/$releasever/Everything/$basearch/
metalink=https://mirrors.fedoraproject.org/metalink?repo=updates-released-f$releasever&arch=$basearch
enabled=1
repo_gpgcheck=0
type=rpm
gpgcheck=1
gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-fedora-$releasever-$basearch
skip_if_unavailable=False
"""
RHEL = """\
[rhel-9-for-x86_64-baseos-rpms]
name = Red Hat Enterprise Linux 9 for x86_64 - BaseOS (RPMs)
baseurl = https://cdn.redhat.com/content/dist/rhel9/$releasever/x86_64/baseos/os
enabled = 1
gpgcheck = 1
gpgkey = file:///etc/pki/rpm-gpg/RPM-GPG-KEY-redhat-release
sslverify = 1
sslcacert = /etc/rhsm/ca/redhat-uep.pem
sslclientkey = /etc/pki/entitlement/1234-key.pem
sslclientcert = /etc/pki/entitlement/1234.pem
metadata_expire = 86400
enabled_metadata = 1
"""


def parse(text: str) -> tuple[RepoSection, ...]:
    return parse_repo(text, source="x.repo", variables=VARIABLES)


def one(lines: str) -> RepoSection:
    [section] = parse(f"[x]\nbaseurl=http://a.example/x\n{lines}")
    return section


def problems(text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as raised:
        parse(text)
    return raised.value.problems


def test_rockys_file_is_read_with_its_variables() -> None:
    baseos, debug = parse(ROCKY)
    assert (baseos.id, baseos.name, baseos.enabled, debug.enabled) == ("baseos", "Rocky Linux 9 - BaseOS", True, False)
    assert baseos.list_url == baseos.mirrorlist == "https://mirrors.rockylinux.org/mirrorlist?arch=x86_64&repo=BaseOS-9"
    assert (baseos.baseurls, baseos.gpgcheck, baseos.gpgkeys) == ((), True, ("file:///etc/pki/rpm-gpg/RPM-GPG-KEY-Rocky-9",))
    assert baseos.mirror.url == baseos.mirrorlist


def test_fedoras_metalink_is_the_list() -> None:
    [updates] = parse(FEDORA)
    assert updates.list_url == "https://mirrors.fedoraproject.org/metalink?repo=updates-released-f9&arch=x86_64"
    assert (updates.repo_gpgcheck, updates.skip_if_unavailable) == (False, False)


def test_an_entitled_repository_is_a_mirror_with_its_certificates() -> None:
    [section] = parse(RHEL)
    mirror = section.mirror
    assert mirror.url == "https://cdn.redhat.com/content/dist/rhel9/9/x86_64/baseos/os"
    assert (mirror.ca, mirror.client_cert) == ("/etc/rhsm/ca/redhat-uep.pem", "/etc/pki/entitlement/1234.pem")
    assert mirror.client_key == "/etc/pki/entitlement/1234-key.pem"


def test_lists_go_over_lines_commas_and_blanks() -> None:
    [section] = parse("[x]\nbaseurl = http://a.example/x\n          ftp://b.example/x, file:///c\n; note\ngpgkey=http://k/1 file:///k/2\n")
    assert section.baseurls == ("http://a.example/x", "ftp://b.example/x", "file:///c")
    assert section.gpgkeys == ("http://k/1", "file:///k/2")


def test_excludes_of_both_spellings_are_united() -> None:
    section = one("exclude=kernel* foo\nexcludepkgs=bar,baz-1.*\nincludepkgs=bash\n")
    assert (section.excludes, section.includes) == (("kernel*", "foo", "bar", "baz-1.*"), ("bash",))


def test_a_percent_sign_is_no_interpolation() -> None:
    assert one("password=a%(b)s%\nusername=me\n").password == "a%(b)s%"


@pytest.mark.parametrize(
    ("lines", "rate"),
    [
        ("", None),
        ("throttle=0", None),
        ("throttle=500k", 512_000),
        ("throttle=1.5M", 1_572_864),
        ("throttle=50%\nbandwidth=2M", 1_048_576),
        ("throttle=50%", None),
        ("bandwidth=2M", None),
    ],
)
def test_throttle_is_a_rate_or_a_share_of_the_bandwidth(lines: str, rate: int | None) -> None:
    assert one(lines).max_rate == rate


@pytest.mark.parametrize(("line", "proxy"), [("", None), ("proxy=_none_", ""), ("proxy=", ""), ("proxy=http://p:3128", "http://p:3128")])
def test_no_proxy_is_told_apart_from_nothing_said(line: str, proxy: str | None) -> None:
    assert one(line).proxy == proxy


def test_hotfixes_and_availability_are_kept() -> None:
    section = one("module_hotfixes=true\nskip_if_unavailable=yes\nrepo_gpgcheck=on\n")
    assert (section.module_hotfixes, section.skip_if_unavailable, section.repo_gpgcheck) == (True, True, True)


def test_main_is_no_repository() -> None:
    assert parse("[main]\ncachedir=/var/cache\n") == ()


def test_a_password_does_not_show_in_what_is_printed() -> None:
    assert "hunter2" not in repr(one("password=hunter2\nproxy=http://u:hunter2@p\n"))


def test_every_fault_of_a_file_is_told_with_its_section() -> None:
    text = "[a]\nname=A\n[b]\nbaseurl=http://b/$os\nsslverify=0\nenabled=perhaps\nthrottle=fast\n[c]\nenabled=0\nsslverify=0\n"
    assert problems(text) == (
        "x.repo: [a] has no baseurl, mirrorlist or metalink; give one, or enabled=0",
        "x.repo: [b] enabled=perhaps is neither 1 nor 0",
        "x.repo: [b] throttle=fast is not a number of bytes a second, such as 500k",
        "x.repo: [b] sslverify=0 is refused, for anybody could answer then; name the server's authority in sslcacert",
        "x.repo: [b] baseurl: $os has no value here; set it, or write the value",
    )


@pytest.mark.parametrize("text", ["baseurl=http://a\n", "[a]\nnonsense\n", "[a]\nbaseurl=x\n[a]\nbaseurl=y\n", "<html>\n"])
def test_what_is_no_repo_file_is_one_line(text: str) -> None:
    [problem] = problems(text)
    assert problem.startswith("x.repo: ")
    assert "\n" not in problem


def test_a_nul_which_no_file_s_name_may_have_is_refused_by_its_line() -> None:
    assert problems("[a]\nbaseurl=http://a\ngpgkey=/keys/\0x\n") == ("x.repo: line 3 has a NUL character in it; take it out",)


def test_a_byte_order_mark_is_nothing() -> None:
    assert [section.id for section in parse("\ufeff[a]\nbaseurl=http://a/\n")] == ["a"]


def test_variables_are_replaced_in_both_forms_and_unknown_ones_stay() -> None:
    assert substitute("$releasever/${basearch}/$RELEASEVER/$unknown/${none}/$", VARIABLES) == "9/x86_64/9/$unknown/${none}/$"
