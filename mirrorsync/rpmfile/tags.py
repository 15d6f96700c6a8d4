"""The rpm header tags and value kinds that are read here, by rpm's own names (rpm's rpmtag.h)."""

from enum import IntEnum


class Tag(IntEnum):
    """Numbers of header tags."""

    IMAGE = 61
    SIGNATURES = 62
    IMMUTABLE = 63
    I18NTABLE = 100
    NAME = 1000
    VERSION = 1001
    RELEASE = 1002
    EPOCH = 1003
    BUILDTIME = 1006
    SIZE = 1009
    ARCH = 1022
    OLDFILENAMES = 1027
    FILESIZES = 1028
    FILEUIDS = 1031
    FILEGIDS = 1032
    FILEFLAGS = 1037
    FILEUSERNAME = 1039
    FILEGROUPNAME = 1040
    SOURCERPM = 1044
    PROVIDENAME = 1047
    REQUIREFLAGS = 1048
    REQUIRENAME = 1049
    REQUIREVERSION = 1050
    NOSOURCE = 1051
    NOPATCH = 1052
    CHANGELOGTIME = 1080
    CHANGELOGNAME = 1081
    CHANGELOGTEXT = 1082
    OBSOLETENAME = 1090
    SOURCEPACKAGE = 1106
    PROVIDEFLAGS = 1112
    PROVIDEVERSION = 1113
    OBSOLETEFLAGS = 1114
    OBSOLETEVERSION = 1115
    DIRINDEXES = 1116
    BASENAMES = 1117
    DIRNAMES = 1118


class Kind(IntEnum):
    """How a tag's values are stored."""

    CHAR = 1
    INT8 = 2
    INT16 = 3
    INT32 = 4
    INT64 = 5
    STRING = 6
    BINARY = 7
    STRINGS = 8
    I18N = 9
