"""What hdlist adds to rpm's tags, leaves out of a package's header and keeps in hdlist2."""

from enum import IntEnum

from mirrorsync.rpmfile.tags import Tag


class HdlistTag(IntEnum):
    """Tags that only hdlist has."""

    FILENAME = 1000000
    FILESIZE = 1000001
    DISC = 1000002
    ORDER = 1000003
    MATCHER = 1000004


# Signature tags by the number rpm 4.0.4 gives them when it merges them into the main header.
SIGNATURE_TAGS = {1000: 257, 1001: 258, 1002: 259, 1003: 260, 1004: 261, 1005: 262, 1006: 263, 1007: 1046}
SIGNATURES_AS_THEY_ARE = range(256, 1000)

FILE_TAGS = (Tag.FILESIZES, 1030, 1035, 1036, Tag.FILEFLAGS, 1097, Tag.DIRINDEXES, Tag.BASENAMES, Tag.DIRNAMES)

LEFT_OUT = frozenset(
    (
        61,
        62,
        63,
        257,
        259,
        262,
        1006,
        1007,
        1010,
        1011,
        1012,
        1014,
        1015,
        1023,
        1024,
        1025,
        1026,
        1033,
        1034,
        1039,
        1040,
        1041,
        1042,
        1043,
        1045,
        1064,
        1065,
        1066,
        1067,
        1068,
        1079,
        1080,
        1081,
        1082,
        1085,
        1086,
        1087,
        1088,
        1094,
        1095,
        1096,
        1122,
        1124,
        1125,
        1126,
    )
)
