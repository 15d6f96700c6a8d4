"""`mirrorsync hdlist`: genhdlist's options in, both lists out."""

from pathlib import Path

import click

from mirrorsync.app.hdlist import Change, HdlistOptions, HdlistOutcome, rebuild_hdlist
from mirrorsync.cli.context import Call, Verbosity, json_option
from mirrorsync.cli.output import print_document, print_lines
from mirrorsync.errors import ExitCode
from mirrorsync.report.text import finding_lines

_FILE = click.Path(path_type=Path, dir_okay=False)
_FOLDER = click.Path(path_type=Path, file_okay=False)
_LARGEST_MATCHER = 0x7FFF_0000  # below 2**31, with room to count up


@click.command("hdlist")
@click.argument("discs", metavar="DIR...", nargs=-1, required=True, type=_FOLDER)
@click.option("--withnumbers", "with_numbers", is_flag=True, help="Give one DIR a disc, in order: every package tells its disc's number.")
@click.option("--fileorder", "file_order", type=_FILE, help="A file naming packages in the order to install them, as pkgorder prints it.")
@click.option("--hdlist", type=_FILE, help="Where to write hdlist; hdlist2 goes beside it. Default: base/hdlist of the first DIR.")
@click.option("--productpath", "product_path", default="RedHat", show_default=True, help="The folder below DIR that holds RPMS and base.")
@click.option("--skip-damaged", is_flag=True, help="Leave unreadable packages out; without it they keep the lists as they are.")
@click.option("--matcher", type=click.IntRange(0, _LARGEST_MATCHER), help="The first package's pairing number. Default: from the packages.")
@json_option
@click.pass_context
def hdlist(  # noqa: PLR0913  click hands over each option as an argument
    context: click.Context,
    *,
    discs: tuple[Path, ...],
    with_numbers: bool,
    file_order: Path | None,
    hdlist: Path | None,
    product_path: str,
    skip_damaged: bool,
    matcher: int | None,
    as_json: bool,
) -> None:
    """Make RedHat/base/hdlist and hdlist2 anew for the packages in DIR/RedHat/RPMS.

    Takes genhdlist's options. Both files are written whole before either replaces the old one. Exit code 4, and nothing
    replaced, where a package cannot be read; 4 too where one name is there twice for one architecture.
    """
    options = HdlistOptions(hdlist, file_order, product_path, with_numbers=with_numbers, skip_damaged=skip_damaged, matcher=matcher)
    outcome = rebuild_hdlist(discs, options)
    print_lines(finding_lines(outcome.findings), err=True)
    call = context.find_object(Call)
    if as_json:
        print_document(_document(outcome))
    elif outcome.exit_code is not ExitCode.DONE or call is None or call.verbosity is not Verbosity.QUIET:
        print_lines([_line(outcome)])
    context.exit(outcome.exit_code)


def _line(outcome: HdlistOutcome) -> str:
    remedy = "; mend the packages named above, or give --skip-damaged" if outcome.change is Change.REFUSED else ""
    return f"{outcome.hdlist} and hdlist2: {outcome.change}: {outcome.packages} packages{remedy}"


def _document(outcome: HdlistOutcome) -> dict[str, object]:
    findings = [
        {"severity": finding.severity.value, "code": finding.code, "where": finding.where, "what": finding.what, "remedy": finding.remedy}
        for finding in outcome.findings
    ]
    return {
        "schema": "mirrorsync-hdlist-1",
        "exit_code": int(outcome.exit_code),
        "hdlist": str(outcome.hdlist),
        "packages": outcome.packages,
        "change": outcome.change.name.lower(),
        "findings": findings,
    }
