"""hdlist and hdlist2, the package index of Red Hat Linux 7.1 to 9, RHEL 2.1 to 4 and FC1 to FC4: written and read.

Both files are rpm headers one after the other, a pair of records for each package: hdlist has what the installer needs to
choose and order packages, hdlist2 the file lists it reads later. Nothing names the pairs but their position; tag 1000004,
equal in both, lets the installer notice files that do not belong together.
"""

from mirrorsync.tree.hdlist.pair import assemble, matcher_base
from mirrorsync.tree.hdlist.reading import HdlistEntry, read_hdlist, read_pair
from mirrorsync.tree.hdlist.record import HdlistRecord, make_record

__all__ = ["HdlistEntry", "HdlistRecord", "assemble", "make_record", "matcher_base", "read_hdlist", "read_pair"]
