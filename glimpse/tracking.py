"""Tracking in Weights & Biases; the only file that imports wandb, and only when a run is tracked.

Nothing here stops a run: whatever wandb raises becomes one line, and `metrics.jsonl` stays the record of truth.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from glimpse.config import TrackOptions

if TYPE_CHECKING:
    import wandb

INIT_TIMEOUT = 20.0
FINISH_TIMEOUT = 30.0


class Tracker(Protocol):
    run_id: str | None
    url: str | None

    def log(self, row: Mapping[str, float]) -> None: ...
    def finish(self, summary: Mapping[str, float] | None = None, exit_code: int = 0) -> None: ...


def _settings(mode):
    import wandb

    return wandb.Settings(
        mode=mode, silent=True, console="off", disable_git=True, program="glimpse", host="", disable_code=True, save_code=False, disable_job_creation=True,
        x_disable_meta=True, x_disable_machine_info=True, x_save_requirements=False, label_disable=True,
        init_timeout=INIT_TIMEOUT, finish_timeout=FINISH_TIMEOUT, login_timeout=5,
    )


def start(options, run, name, config, run_id, say):
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
    os.environ["WANDB_DATA_DIR"] = str(run / "wandb")
    import wandb
    mode = options.mode
    if mode == "auto":
        mode = os.environ.get("WANDB_MODE") or ""
    if mode in ("", "online"):
        wandb.setup(_settings("online"))
        mode = "online" if wandb.login(prompt=False, verify=False) else "offline"
    print("mode", mode)
    try:
        r = wandb.init(project=options.project, dir=str(run), name=name, config=dict(config), id=run_id, resume="allow",
                   reinit="create_new", settings=_settings(mode))
    except Exception as e:
        print("FAIL", type(e), e)
        r = wandb.init(project=options.project, dir=str(run), name=name, config=dict(config), id=run_id, resume="allow",
                   reinit="create_new", settings=_settings("offline"))
    r.define_metric("*", step_metric="step")
    return r
