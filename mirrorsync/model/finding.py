"""One thing that is wrong, where it is, and what to do about it."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """`ERROR`: a node's install fails or may be wrong; `WARNING`: it will, or someone should look."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """`code` is a stable short word for programs; the rest is for a person."""

    severity: Severity
    code: str
    where: str
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.severity}: {self.where}: {self.what}; {self.remedy}"
