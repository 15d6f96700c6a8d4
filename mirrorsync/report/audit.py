"""Where packages came from, as plain text: one told at length, several as a table."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from mirrorsync.model.audit import Audited, AuditOutcome, Signature, Signing
from mirrorsync.report.text import aligned, finding_lines, size_text


def audit_lines(outcome: AuditOutcome) -> Iterator[str]:
    """What is known of the packages that were asked for: of all, or of one that was named, its whole story."""
    yield from finding_lines(outcome.findings)
    if outcome.asked is None:
        yield f"{outcome.tree}: {len(outcome.packages)} packages listed"
        yield from (f"  {line}" for line in aligned([_row(package) for package in outcome.packages]))
        return
    for package in outcome.packages:
        yield f"{outcome.tree}: {package.nevra}: {package.standing}"
        yield from (f"  {line}" for line in aligned(list(_facts(package))))
    if not outcome.packages and not outcome.findings:
        yield f"{outcome.tree}: {outcome.asked}: never recorded: no generation had it; `mirrorsync audit --all` names what is there"


def _facts(package: Audited) -> Iterator[tuple[str, str]]:
    came, received = package.provenance, package.provenance.received
    if package.path:
        yield "file", f"{package.path}, {size_text(package.size)}" if package.size is not None else package.path
    if package.sha256:
        yield "sha256", package.sha256
    yield "came", came.coming.value
    if came.generation:
        yield "with", f"generation {came.generation.number}, {came.generation.published:%Y-%m-%d %H:%M:%S} UTC"
        yield "by", f"{came.generation.run}, {came.generation.by or 'nobody knows whose'}"
    if received:
        yield "from", received.source or "not known"
        yield "announced", f"its {received.announced} digest, by metadata" if received.announced else "no digest: a bare directory"
    yield "signature", _signature_text(package.signature)
    if received and received.advisories:
        yield "errata", " ".join(received.advisories)
    if came.listed_in:
        yield "listed in", f"generation{'s' if came.listed_in[1:] else ''} {spans(came.listed_in)}"
    if package.unclear:
        yield "unclear", package.unclear


def _row(package: Audited) -> tuple[str, ...]:
    came, received = package.provenance, package.provenance.received
    source = received.source or "from a place not known" if received else came.coming.value
    number = f"generation {came.generation.number}" if came.generation else "generation ?"
    errata = " ".join(received.advisories) if received else ""
    return package.nevra, package.standing, number, _signature_text(package.signature), source, errata


def _signature_text(signature: Signature) -> str:
    match signature.signing:
        case Signing.AT_ARRIVAL | Signing.NOW:
            return f"{signature.signer}, {signature.signing}" + (f"; {signature.remark}" if signature.remark else "")
        case Signing.UNPINNED:
            return f"{signature.signing}: {signature.signer}"
        case Signing.DAMAGED:
            return f"{signature.signing}: {signature.remark}"
        case _:
            return signature.signing


def spans(numbers: Sequence[int]) -> str:
    """Numbers in ascending order with runs drawn together: "1 to 3, 5"."""
    runs = [[number for _, number in run] for _, run in groupby(enumerate(numbers), key=lambda item: item[1] - item[0])]
    return ", ".join(f"{run[0]} to {run[-1]}" if run[1:] else str(run[0]) for run in runs)
