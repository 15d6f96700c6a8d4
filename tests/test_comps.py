"""Which package names comps and kickstart files ask for."""

from pathlib import Path

import pytest

from mirrorsync.errors import TreeError
from mirrorsync.model.choices import Layout
from mirrorsync.tree.comps import comps_names, kickstart_names, listed_names

TEXT = b"""4

1 Base {
  bash
  i386: lilo
  !i386: elilo
  (lang ja): Canna
  (lang ja and arch !i386): kon2
  ? X Window System {
    xterm
  }
}

ia64: 0 --hide Itanium {
  salinfo
}

0 X Window System {
  @ Base
  XFree86   # the server
}
"""

XML = b"""<comps><group><id>base</id><packagelist>
<packagereq type="mandatory">bash</packagereq><packagereq type="optional">zsh</packagereq></packagelist></group></comps>"""

KICKSTART = """install
%packages --ignoremissing
@ Base
bash
-sendmail
kernel-smp
glibc.i686
kde*
# a comment
%post
wget http://example.com/
"""


def test_conditions_on_the_architecture_hold_for_the_trees_own() -> None:
    assert comps_names(TEXT, ("i386",)) == {"bash", "lilo", "Canna", "xterm", "XFree86"}
    assert comps_names(TEXT, ("ia64",)) == {"bash", "elilo", "Canna", "kon2", "xterm", "XFree86", "salinfo"}


def test_xml_names_packages_of_every_type() -> None:
    assert comps_names(XML, ("i386",)) == {"bash", "zsh"}


@pytest.mark.parametrize("content", [b"<comps><group>", b'<!DOCTYPE c [<!ENTITY a "b">]><comps>&a;</comps>'])
def test_xml_that_is_broken_or_declares_entities_is_refused(content: bytes) -> None:
    with pytest.raises(TreeError):
        comps_names(content, ("i386",))


def test_a_kickstart_names_packages_but_not_groups_globs_or_exclusions() -> None:
    assert kickstart_names(KICKSTART) == {"bash", "kernel-smp", "glibc"}


def test_comps_count_in_the_rhl_layout_and_kickstarts_in_both(tmp_path: Path) -> None:
    (tmp_path / "RedHat/base").mkdir(parents=True)
    (tmp_path / "RedHat/base/comps").write_bytes(TEXT)
    kickstart = tmp_path / "ks.cfg"
    kickstart.write_text(KICKSTART)
    assert "XFree86" in listed_names(tmp_path, Layout.REDHAT, ("i386",), (kickstart,))
    assert listed_names(tmp_path, Layout.REPODATA, ("i386",), (kickstart,)) == {"bash", "kernel-smp", "glibc"}


def test_a_kickstart_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(TreeError, match=r"missing\.cfg"):
        listed_names(tmp_path, Layout.REDHAT, ("i386",), (tmp_path / "missing.cfg",))
