"""Tests of environments and agents made from a config."""

from pathlib import Path

import pytest
import torch

from glimpse.cli.command_line import main
from glimpse.runs.build import set_product_precision


@pytest.mark.parametrize("attention", ["local", "dot", "scaled_dot", "location"])
def test_parts_that_do_not_fit_are_refused(attention: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """RNNsearch's keys are wider than its queries: attentions that need equal widths are refused before a step."""
    words = ["copy-bahdanau", f"agent.attention={attention}", "track.mode=disabled", "--run", str(tmp_path / "run")]
    assert main(["train", *words]) == 2
    assert f"error: agent: {attention} attention needs keys as wide as queries" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("precision", "rounds"), [("auto", "tf32"), ("bfloat16", "tf32"), ("float32", "ieee")])
def test_a_gpu_rounds_factors_unless_float32_is_asked_for(precision: str, rounds: str) -> None:
    """The setting is the GPU's alone: on a CPU nothing changes."""
    products = torch.backends.cuda.matmul
    before = products.fp32_precision
    try:
        set_product_precision(precision, torch.device("cpu"))
        assert products.fp32_precision == before
        set_product_precision(precision, torch.device("cuda"))
        assert products.fp32_precision == rounds
    finally:
        products.fp32_precision = before


def test_a_gpu_of_apple_is_refused_with_the_reason(capsys: pytest.CaptureFixture[str]) -> None:
    """In a config and on the command line, exit 2."""
    for words in (["train", "digits-ram", "device=mps"], ["bench", "--device", "mps"]):
        assert main(words) == 2
        printed = " ".join(capsys.readouterr().err.split())
        assert "Apple's GPUs are not used, since nothing here has been tried on one" in printed and "'cpu'?" in printed
