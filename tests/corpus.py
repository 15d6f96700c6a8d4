"""Where the corpus of real packages, lists and metadata lies, for the tests that use it."""

from pathlib import Path

import pytest

CORPUS = Path(__file__).resolve().parents[2] / "shared" / "corpus"
needs_corpus = [pytest.mark.corpus, pytest.mark.skipif(not CORPUS.is_dir(), reason=f"the corpus is not at {CORPUS}")]
