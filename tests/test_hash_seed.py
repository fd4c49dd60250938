"""Results do not depend on the order of Python's sets, which another process may have otherwise."""

import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

_SCRIPT = """
import sys
from pathlib import Path

import torch

from glimpse.envs.text.options import WholeTextOptions
from glimpse.envs.text.text_data import load_text, load_vectors
from glimpse.envs.translation.subwords import learn_subwords
from glimpse.reporting.text.text_survey import _spreads

folder = Path(sys.argv[1])
# Classes: labels that are equal as numbers, the first of which is that of most rows.
for name in ("a.csv", "a.jsonl"):
    options = WholeTextOptions.model_validate(
        {"name": "text", "data": f"file:{folder / name}", "vectors": f"file:{folder / 'v.txt'}", "vocabulary": "all"}
    )
    data = load_text(options, "train", root=str(folder))
    vectors = load_vectors(options, root=str(folder))
    print(data.classes, data.labels.tolist(), data.vocabulary.words, vectors.vectors.sum(1).tolist())
# Subwords of equal frequency.
texts = ["low lower lowest", "new newer newest", "wide wider widest", "abc bca cab"]
for kind in ("subwords", "words"):
    print(sorted(learn_subwords(texts, kind, 40).vocabulary.items()))
# Columns of a report.
weights = {name: torch.rand(2, 3) for name in ("hops", "sentences", "tokens", "words")}
weights["hops"] = torch.ones(2, 2, 3)
print(list(_spreads(weights, torch.ones(2, 3))))
"""


def test_two_processes_with_other_hash_seeds_agree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Classes, vocabularies, vectors, subwords and the columns of a report have one order."""
    labels = ["1", "01", "001", "2", "02", "0002", "0", "00", "-0"]
    rows = [(f"w{number % 7} v{number % 5} odd{number}", labels[number % len(labels)]) for number in range(40)]
    (tmp_path / "a.csv").write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in rows))
    (tmp_path / "a.jsonl").write_text("".join(f'{{"text": "{text}", "label": "{label}"}}\n' for text, label in rows))
    (tmp_path / "v.txt").write_text("".join(f"w{number} {number} 1\n" for number in range(9)))
    here = io.StringIO()
    with contextlib.redirect_stdout(here):  # This process is one of the two.
        monkeypatch.setattr(sys, "argv", ["-c", str(tmp_path)])
        exec(_SCRIPT, {})
    other = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    environment = {**os.environ, "PYTHONHASHSEED": other, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", _SCRIPT, str(tmp_path)]
    root = Path(__file__).parents[1]
    done = subprocess.run(command, env=environment, cwd=root, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert here.getvalue() == done.stdout
    assert done.stdout.startswith("('-0', '0', '00', '001', '01', '1', '0002', '02', '2')")
