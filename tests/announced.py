"""Advisories written for tests, in the forms in which distributors mailed theirs."""

RULE = "-" * 69
DOUBLE = "=" * 69

ERRATA_1999 = f"""{RULE}
                   Red Hat, Inc. Errata Advisory

Synopsis:               New tar fixes restoring of long names
Advisory ID:            RHBA-1999:017-01
Issue date:             1999-06-04
Updated on:
Keywords:               tar
Cross references:
{RULE}

1. Topic:

tar forgot names of more than 100 characters.

2. Bug IDs fixed:

2931 3120

3. Relevant releases/architectures:

Red Hat Linux 6.0, all architectures

4. Obsoleted by:

5. Conflicts with:

6. RPMs required:

Intel:
  ftp://updates.example/6.0/i386/
tar-1.12-8.i386.rpm

Alpha:
  ftp://updates.example/6.0/alpha/
tar-1.12-8.alpha.rpm

Source packages:
tar-1.12-8.src.rpm

7. Problem description:

8. Solution:

For each RPM for your particular architecture, run:
rpm -Uvh <filename>

9. Verification:

MD5 sum                           Package Name
--------------------------------------------------------------------------
0123456789abcdef0123456789abcdef  i386/tar-1.12-8.i386.rpm
"""

SECURITY_2002 = f"""{RULE}
                   Red Hat, Inc. Red Hat Security Advisory

Synopsis:          Updated tar packages fix a hole that lets archives
                   write anywhere
Advisory ID:       RHSA-2002:096-24
Issue date:        2002-05-13
Updated on:        2002-09-27
Product:           Red Hat Linux
Keywords:          tar symlink
Cross references:
Obsoletes:
CVE Names:         CAN-2002-0399 CAN-2001-1267,
                   CVE-2001-1268
{RULE}

1. Topic:

Old versions of tar, like tar-1.12-8.i386.rpm, follow links.

2. Relevant releases/architectures:

Red Hat Linux 7.2 - i386, ia64
Red Hat Linux 7.3 - i386

3. Problem description:

Archives may name files outside of the folder. See
1. Topic above, and CAN-2002-1216 for a second way.

4. Solution:

5. Bug IDs fixed  (http://bugzilla.example/ for more info):

64783 - tar follows links
 70066 - and again: with .. in them

6. RPMs required:

Red Hat Linux 7.2:

SRPMS:
ftp://updates.example/7.2/en/os/SRPMS/tar-1.13.25-4.7.1.src.rpm

i386:
ftp://updates.example/7.2/en/os/i386/tar-1.13.25-4.7.1.i386.rpm

Red Hat Linux 7.3:

i386:
ftp://updates.example/7.3/en/os/i386/tar-1.13.25-4.7.1.i386.rpm
ftp://updates.example/7.3/en/os/i386/tar%2Bdoc-1.13.25-4.7.1.noarch.rpm

7. Verification:

MD5 sum                          Package Name
--------------------------------------------------------------------------
11111111111111111111111111111111 7.2/en/os/SRPMS/tar-1.13.25-4.7.1.src.rpm
22222222222222222222222222222222 7.2/en/os/i386/tar-1.13.25-4.7.1.i386.rpm
33333333333333333333333333333333 7.3/en/os/i386/tar-1.13.25-4.7.1.i386.rpm
44444444444444444444444444444444 7.3/en/os/i386/tar+doc-1.13.25-4.7.1.noarch.rpm

8. References:

http://cve.example/cvename.cgi?name=CAN-2002-0399
http://online.example/archive/1/196445.

9. Contact:

Copyright(c) 2002
"""

ENTERPRISE_2006 = f"""{RULE}
                   Red Hat Security Advisory

Synopsis:          Important: tar security update
Advisory ID:       RHSA-2006:0232-01
Advisory URL:      https://rhn.example/errata/RHSA-2006-0232.html
Issue date:        2006-03-01
CVE Names:         CVE-2006-0300
{RULE}

1. Summary:

An updated tar package that fixes a buffer overflow bug is now available.

2. Details:

The GNU tar program saves many files together in one archive.

3. Package List:

Enterprise Linux AS version 4:

SRPMS:
aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa  tar-1.14-9.RHEL4.src.rpm

i386:
bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb  tar-1.14-9.RHEL4.i386.rpm
"""

LEGACY_2005 = f"""{RULE}
               Fedora Legacy Update Advisory

Synopsis:          Updated tar packages fix security issues
Advisory ID:       FLSA:152833-2
Issue date:        2005-07-15
Product:           Red Hat Linux, Fedora Core
Keywords:          Bugfix
CVE Names:         CAN-2005-1918
{RULE}

1. Topic:

Updated tar packages.

6. RPMs required:

Red Hat Linux 7.3:
SRPM:
http://download.example/redhat/7.3/updates/SRPMS/tar-1.13.25-5.legacy.src.rpm

i386:
http://download.example/redhat/7.3/updates/i386/tar-1.13.25-5.legacy.i386.rpm

7. Verification:

SHA1 sum                                 Package Name
---------------------------------------------------------------------

cccccccccccccccccccccccccccccccccccccccc
redhat/7.3/updates/i386/tar-1.13.25-5.legacy.i386.rpm
"""

CENTOS_2009 = """From centos-announce-bounces@centos.example Tue Jul 28 23:12:00 2009
From: Somebody <somebody@centos.example>
To: centos-announce@centos.example
Subject: [CentOS-announce] CESA-2009:1180 Important CentOS 4 {arch} bind
	- security update
Date: Tue, 28 Jul 2009 23:11:58 +0100
Message-ID: <{arch}@centos.example>
Content-Type: text/plain; charset=us-ascii

CentOS Errata and Security Advisory 2009:1180 Important

Upstream details at : https://rhn.example/errata/RHSA-2009-1180.html

The following updated files have been uploaded and are currently
syncing to the mirrors: ( md5sum Filename )

{arch}:
dddddddddddddddddddddddddddddddd  bind-9.2.4-30.el4_8.4.{arch}.rpm

Source:
eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee  bind-9.2.4-30.el4_8.4.src.rpm

--
Somebody

"""

FEDORA_2004 = f"""From: Somebody <somebody@fedora.example>
To: fedora-announce-list@fedora.example
Date: Mon, 17 May 2004 10:00:00 -0400
Subject: [SECURITY] Fedora Core 1 Update: tar-1.13.25-13

{RULE}
Fedora Update Notification
FEDORA-2004-123
2004-05-17
{RULE}

Product     : Fedora Core 1
Name        : tar
Version     : 1.13.25
Release     : 13
Summary     : A GNU file archiving program.
Description :
The GNU tar program saves many files together in one archive.

{RULE}
Update Information:

Archives can no longer write anywhere.
{RULE}
References:

  [ 1 ] Bug #89661 - tar follows links
{RULE}
This update can be downloaded from:
  http://download.example/pub/fedora/linux/core/updates/1/

ffffffffffffffffffffffffffffffff  SRPMS/tar-1.13.25-13.src.rpm
99999999999999999999999999999999  i386/tar-1.13.25-13.i386.rpm
{RULE}
"""


def mailed(text: str, subject: str = "[RHSA-2002:096-24] Updated tar packages", more: str = "") -> str:
    """The text as a mail; `more` are further fields."""
    return f"From: security@distributor.example\nSubject: {subject}\nDate: Fri, 27 Sep 2002 09:00 -0400\n{more}\n{text}"


def signed(text: str) -> str:
    """The text clearsigned: lines that begin with a dash are escaped by one."""
    escaped = "".join(f"- {line}" if line.startswith("-") else line for line in text.splitlines(keepends=True))
    return (
        f"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA1\n\n{escaped}\n"
        "-----BEGIN PGP SIGNATURE-----\nVersion: GnuPG v1.0.7\n\niD8DBQE9\n-----END PGP SIGNATURE-----\n"
    )
