"""A file system in memory, for what is synced again and again where no sync is to be waited for."""

import os
import shutil
from pathlib import Path

_MEMORY = Path("/dev/shm")
_ROOM = 1 << 30  # bytes


def memory() -> Path | None:
    """Its folder; None where there is none, or none with room."""
    usable = _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK)
    return _MEMORY if usable and shutil.disk_usage(_MEMORY).free > _ROOM else None
