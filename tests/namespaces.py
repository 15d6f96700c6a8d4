"""Whether namespaces can be made here: root alone is not enough where a container or a service keeps its capabilities."""

import os
import shutil
import subprocess
from functools import cache

_SECONDS = 60


@cache
def obstacle(*kinds: str) -> str:
    """What keeps namespaces of these kinds ("mount", "net", "pid") from being made, '' where nothing does."""
    if os.geteuid() != 0:
        return "only root can make namespaces"
    if shutil.which("unshare") is None:
        return "not installed: unshare"
    flags = [f"--{kind}" for kind in kinds]
    fork = ["--fork"] if "pid" in kinds else []
    tried = subprocess.run(["unshare", *flags, *fork, "true"], capture_output=True, check=False, timeout=_SECONDS)
    return "" if tried.returncode == 0 else f"this machine lets root make no namespaces ({', '.join(kinds)})"
