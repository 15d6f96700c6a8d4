"""Mail handed to this machine's own mail server, by the command that every one of them calls sendmail."""

import subprocess
from pathlib import Path

from mirrorsync.errors import DeliveryError

_SECONDS = 60.0
_LONGEST = 300  # characters of its complaint that are told
_FINAL = (64, 65, 67, 68)  # sysexits.h: usage, data, no such user, no such host


def send(program: Path, sender: str, recipient: str, message: bytes, *, seconds: float = _SECONDS) -> None:
    """Hand a message with CRLF line ends over. Raises DeliveryError, in words.

    The recipient is an argument of its own: what the message says in its header decides nothing.
    """
    command = [str(program), "-oi", "-f", sender, "--", recipient]
    try:
        done = subprocess.run(command, input=message.replace(b"\r\n", b"\n"), capture_output=True, check=False, timeout=seconds)
    except subprocess.TimeoutExpired as error:
        raise DeliveryError(f"{program} took longer than {seconds:.0f} s") from error
    except OSError as error:
        raise DeliveryError(f"{program} cannot be run: {error.strerror}") from error
    if done.returncode:
        words = " ".join((done.stderr or done.stdout).decode(errors="replace").split())
        said = f": {words[:_LONGEST]}" if words else ""
        raise DeliveryError(f"{program} ended with {done.returncode}{said}", final=done.returncode in _FINAL)
