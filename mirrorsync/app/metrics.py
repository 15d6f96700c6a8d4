"""How all trees stand, as a file for Prometheus's textfile collector."""

from datetime import datetime
from pathlib import Path

from mirrorsync.app.standing import present_standing
from mirrorsync.app.telling import outbox_of
from mirrorsync.config.schema import Config
from mirrorsync.files import write_file
from mirrorsync.report.prometheus import metrics_text


def write_metrics(config: Config, file: Path, now: datetime) -> None:
    """Write the file in one step, readable for everybody. Raises OSError."""
    standings = [present_standing(config, name, now) for name in sorted(config.trees)]
    write_file(file, metrics_text(standings, len(outbox_of(config).waiting()), now).encode())
