"""How trees stand as metrics: read again by Prometheus's own parser, and by a real node exporter."""

import dataclasses
import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from mirrorsync.model.pending import Urgency
from mirrorsync.report.prometheus import metrics_text
from tests.mailservers import free_port
from tests.standings import NASTY, NOW, TODAY, never_updated, redhat73, rocky, usual_site

EXPORTER = shutil.which("prometheus-node-exporter") or shutil.which("node_exporter")


def values(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """By metric and labels."""
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    found = {(sample.name, tuple(sorted(sample.labels.items()))): sample.value for sample in samples}
    assert len(found) == len(samples), "a value is there twice"
    return found


def test_each_pending_erratum_is_counted_once_by_tree_type_and_severity() -> None:
    standings, _ = usual_site()
    found = values(metrics_text(standings, 0, NOW))
    counted = {frozenset(labels): value for (name, labels), value in found.items() if name == "mirrorsync_pending_errata"}
    informed = [standing for standing in standings if standing.informed]
    assert len(counted) == len(informed) * 5 * 5 < len(standings) * 5 * 5
    for standing in informed:
        for urgency in Urgency:
            mine = {("tree", standing.tree), ("severity", urgency.word)}
            expected = sum(1 for erratum in standing.pending if erratum.urgency is urgency)
            assert sum(value for labels, value in counted.items() if mine <= labels) == expected


def test_ages_are_told_by_timestamps_that_keep_their_meaning() -> None:
    standing, _ = rocky()
    found = values(metrics_text([standing], 3, NOW))
    oldest = min(erratum.advisory.issued for erratum in standing.pending if erratum.urgency is Urgency.CRITICAL and erratum.advisory.issued)
    name = "mirrorsync_pending_errata_oldest_issued_timestamp_seconds"
    issued = found[name, (("severity", "critical"), ("tree", standing.tree))]
    assert (NOW.timestamp() - issued) // 86400 == (TODAY - oldest).days
    late = sum(value for (name, labels), value in found.items() if name == "mirrorsync_overdue_errata")
    assert late == sum(1 for erratum in standing.pending if erratum.overdue(TODAY)) > 0
    assert found["mirrorsync_undelivered_messages", ()] == 3
    assert standing.succeeded
    assert found["mirrorsync_last_success_timestamp_seconds", (("tree", standing.tree),)] == standing.succeeded.timestamp()


def test_a_tree_that_was_never_updated_has_no_value_where_there_is_none() -> None:
    standing, _ = never_updated()
    names = {name for name, _ in values(metrics_text([standing], 0, NOW))}
    assert "mirrorsync_packages" in names
    assert not {name for name in names if "generation" in name or "last_" in name or "errata" in name}


@pytest.mark.parametrize("name", NASTY)
def test_no_name_from_outside_breaks_the_format(name: str) -> None:
    standing = dataclasses.replace(redhat73()[0], tree=name)
    text = metrics_text([standing], 0, NOW)
    assert {dict(labels).get("tree", name) for _, labels in values(text)} == {name}


@contextmanager
def exporter(folder: Path) -> Iterator[str]:
    """The URL of a node exporter's metrics that has the folder's files and nothing else."""
    assert EXPORTER
    url = f"127.0.0.1:{free_port()}"
    words = ["--collector.disable-defaults", "--collector.textfile", f"--collector.textfile.directory={folder}"]
    with subprocess.Popen([EXPORTER, f"--web.listen-address={url}", *words], stderr=subprocess.PIPE) as process:
        try:
            yield f"http://{url}/metrics"
        finally:
            process.terminate()


def fetched(url: str) -> str:
    for _ in range(100):
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return str(answer.read().decode())
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the exporter does not answer")


@pytest.mark.skipif(EXPORTER is None, reason="no node exporter is installed")
def test_a_real_node_exporter_serves_them(tmp_path: Path) -> None:
    standings, _ = usual_site()
    text = metrics_text(standings, 0, NOW)
    (tmp_path / "mirrorsync.prom").write_text(text)
    os.utime(tmp_path / "mirrorsync.prom", (NOW.timestamp(), NOW.timestamp()))
    with exporter(tmp_path) as url:
        served = values(fetched(url))
    own = values(text)
    assert {key: served.get(key) for key in own} == own
    assert served["node_textfile_scrape_error", ()] == 0
