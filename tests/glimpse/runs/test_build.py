"""Tests of environments and agents made from a config."""

from pathlib import Path

import pytest

from glimpse.cli.command_line import main


@pytest.mark.parametrize("attention", ["local", "dot", "scaled_dot", "location"])
def test_parts_that_do_not_fit_are_refused(attention: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """RNNsearch's keys are wider than its queries: attentions that need equal widths are refused before a step."""
    words = ["copy-bahdanau", f"agent.attention={attention}", "track.mode=disabled", "--run", str(tmp_path / "run")]
    assert main(["train", *words]) == 2
    assert f"error: agent: {attention} attention needs keys as wide as queries" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
