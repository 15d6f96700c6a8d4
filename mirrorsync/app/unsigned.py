"""Update mirrors that are believed without a signature, which every report says."""

from mirrorsync.app.site import Site
from mirrorsync.model.finding import Finding, Severity

_WHAT = "its packages need not be signed: whoever controls the mirror, or the way to it, decides what nodes install"
_REMEDY = 'name its keys and set signatures = "require" where it signs'


def not_signed(site: Site) -> tuple[Finding, ...]:
    """A note for each such mirror of the tree."""
    return tuple(Finding(Severity.NOTE, "not-signed", mirror, _WHAT, _REMEDY) for mirror in dict.fromkeys(site.unsigned))
