"""Tracking in Weights & Biases; the only file that imports wandb, and only when a run is tracked.

Nothing here asks a question, and nothing here stops a run or holds it up: whatever wandb raises becomes one
line, waiting is bounded, and `metrics.jsonl` stays the record of truth.
"""

import os
import shutil
import tempfile
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any, Literal

from glimpse.config.experiment import TrackOptions
from glimpse.runs.kept_stderr import kept_from_terminal
from glimpse.runs.local_paths import config_without_folders, without_folders
from glimpse.runs.metric_names import GROUPS, STEP
from glimpse.runs.tracker import Tracker

if TYPE_CHECKING:
    import wandb

INIT_TIMEOUT = 20.0
"""Seconds after which a server that does not answer is given up and the run becomes an offline one."""
FINISH_TIMEOUT = 30.0
"""Seconds for what is still to be sent when training is over; counted for checkpoints, then for the rest."""
REQUEST_TIMEOUT = 10.0
"""Seconds for a single request."""
RETRIES = 3
"""How often a request is made again; wandb takes 0 for its default of 20."""

Mode = Literal["online", "offline"]


class WandbTracker(Tracker):
    """Tracker of a run in Weights & Biases, online or offline."""

    active = True

    def __init__(self, tracked: "wandb.Run", run: Path, say: Callable[[str], None], offline: bool = False) -> None:
        """Track with what `wandb.init` returned for the run in folder `run`; `say` prints a line."""
        super().__init__(tracked.id)
        self._offline = offline
        # The folder's path is sent with an artifact. Only offline must it be in the run's, since it is sent later.
        self._staging = run.absolute() / "wandb" if offline else Path(tempfile.mkdtemp(prefix="wandb-"))
        self.url = tracked.url or None
        self.folder = Path(tracked.dir).parent
        """Where wandb writes the run, and what `wandb sync` takes."""
        self._tracked, self._run, self._say = tracked, run, say
        self._failed: set[str] = set()
        self._artifacts: SimpleQueue[tuple[wandb.Artifact, list[str]] | None] = SimpleQueue()
        self._sender = Thread(target=self._send_artifacts, name="wandb-artifacts", daemon=True)
        self._sender.start()

    def log(self, row: Mapping[str, float]) -> None:
        """Send a row of metrics."""
        with self._guard("metrics"):
            if self._offline and (step := int(row[STEP])) >= self._tracked.step:
                # A resumed run begins a file of its own: by wandb's own count, which starts at 0 in it, its rows
                # would take the place of those in the first.
                self._tracked.log(dict(row), step=step, commit=True)
            else:
                self._tracked.log(dict(row))

    def log_image(self, name: str, path: Path, caption: str) -> None:
        """Send a picture or an animation."""
        with self._guard("pictures"):
            import wandb

            if path.suffix == ".gif":  # wandb.Image shows the first frame only.
                self._tracked.log({name: wandb.Video(str(path), caption=caption, format="gif")})
            elif path.suffix == ".svg":  # wandb.Image knows pixels only, and Html no caption.
                self._tracked.log({name: wandb.Html(path.read_text(encoding="utf-8"))})
            else:
                self._tracked.log({name: wandb.Image(str(path), caption=caption)})

    def log_checkpoint(
        self, folder: Path, step: int, metadata: Mapping[str, Any], aliases: Sequence[str] = ("latest",)
    ) -> None:
        """Copy the checkpoint now and send it from a thread."""
        with self._guard("checkpoints"):
            import wandb

            artifact = wandb.Artifact(f"model-{self.run_id}", "model", metadata={**metadata, "step": step})
            os.environ["WANDB_DATA_DIR"] = str(self._staging)
            for path in _shared_files(folder, self._run):
                if path.name == "config.yaml":
                    with artifact.new_file(path.name, encoding="utf-8") as file:
                        file.write(config_without_folders(path.read_text(encoding="utf-8")))
                else:
                    artifact.add_file(str(path), skip_cache=True)
            self._artifacts.put((artifact, list(aliases)))

    def finish(self, summary: Mapping[str, float] | None = None, exit_code: int = 0) -> None:
        """Send the rest and close the run."""
        self._artifacts.put(None)
        self._sender.join(FINISH_TIMEOUT)
        with self._guard("the end of the run"):
            try:
                self._tracked.summary.update(dict(summary or {}))
                self._tracked.finish(exit_code=exit_code)
            except TimeoutError:
                self._say(f"wandb: not everything was sent in time; `wandb sync {self.folder}` sends it")
                return
            except Exception:
                _give_up_process()
                raise
        if not self._offline:
            shutil.rmtree(self._staging, ignore_errors=True)

    def _send_artifacts(self) -> None:
        """Upload artifacts from a thread: wandb asks the server first, and waits long if it is away."""
        while (item := self._artifacts.get()) is not None:
            with self._guard("checkpoints"):
                artifact, aliases = item
                self._tracked.log_artifact(artifact, aliases=aliases)

    @contextmanager
    def _guard(self, what: str) -> Iterator[None]:
        """Turn whatever wandb raises into a line, once for each kind of upload."""
        try:
            yield
        except Exception as error:
            if what not in self._failed:
                self._failed.add(what)
                self._say(f"wandb: {what} could not be sent: {_in_a_line(error)}")


def start_tracking(
    options: TrackOptions,
    run: Path,
    name: str,
    config: Mapping[str, Any],
    run_id: str | None,
    say: Callable[[str], None],
) -> Tracker:
    """Start or resume tracking: online if that works, else offline, else not at all. Raises nothing.

    Args:
        options: Mode, project, group and tags.
        run: The run's folder; wandb writes into its folder `wandb`.
        name: Name of the run there.
        config: The run's config.
        run_id: The id of the run that is resumed; None for a new one.
        say: Prints a line: where the run can be seen, or why it cannot.
    """
    reasons: list[str] = []
    for attempt in _attempts(options, run.absolute(), reasons):
        try:
            tracked = _begin(options, attempt, run.absolute(), name, config, run_id)
        except Exception as error:
            reasons.append(_in_a_line(error))
        else:
            tracker = WandbTracker(tracked, run, say, offline=attempt == "offline")
            why = f" ({reasons[0]})" if reasons else ""
            offline = f"offline{why}; `wandb sync {tracker.folder}` sends the run"
            say(f"wandb: {tracker.url or offline}")
            return tracker
    if reasons:
        say(f"wandb: nothing is tracked there ({reasons[-1]})")
    return Tracker(run_id)


def _attempts(options: TrackOptions, run: Path, reasons: list[str]) -> tuple[Mode, ...]:
    """Return the modes to try, none where tracking is switched off; `reasons` gets why it is not online.

    In `auto`, wandb's own settings decide: WANDB_DISABLED, WANDB_MODE, and what `wandb offline` and `wandb disabled`
    wrote into its files.
    """
    mode: str = options.mode
    if mode == "auto":
        switched_off = os.environ.get("WANDB_DISABLED", "").lower() in ("true", "1", "t", "yes", "y", "on")
        mode = "disabled" if switched_off else os.environ.get("WANDB_MODE", "")
    if not mode:
        try:
            mode = _mode_in_files(run)
        except Exception as error:
            reasons.append(f"its settings cannot be read: {_in_a_line(error)}")
            mode = "offline"
    if mode == "disabled":
        return ()
    return ("offline",) if mode in ("offline", "dryrun") else ("online", "offline")


def _mode_in_files(run: Path) -> str:
    """Return the mode that wandb's settings have, which it reads once in a process; raises whatever wandb raises."""
    import wandb

    _keep_to_itself(run)
    with kept_from_terminal():
        settings = wandb.setup(wandb.Settings(silent=True)).settings
        written = settings.read_system_settings().all().get("mode", settings.mode)
    if written != settings.mode and settings.mode == "online":  # wandb ignores files with a mistake anywhere in them.
        raise ValueError(f"mode = {written} is not followed, see {settings.settings_system}")
    return str(settings.mode)


def _keep_to_itself(run: Path) -> None:
    """Set what can be given to wandb by variables only.

    Without them wandb reports on itself, even offline, and writes copies of checkpoints and its log into the home
    folder.
    """
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
    os.environ["WANDB_DATA_DIR"] = os.environ["WANDB_CACHE_DIR"] = str(run / "wandb")


def _begin(
    options: TrackOptions, mode: Mode, run: Path, name: str, config: Mapping[str, Any], run_id: str | None
) -> "wandb.Run":
    """Start wandb's process and the run in it; raises whatever wandb raises."""
    _keep_to_itself(run)
    import wandb

    settings = _settings(mode)
    with kept_from_terminal():
        before = wandb.setup(wandb.Settings(silent=True)).settings.mode
        wandb.setup(settings)
    try:
        if mode == "online" and not wandb.login(verify=False, prompt=False):
            raise LookupError("no key was found in WANDB_API_KEY or from `wandb login`")
        tracked = wandb.init(
            project=options.project,
            entity=options.entity,
            group=options.group,
            tags=options.tags,
            name=name,
            config=without_folders(dict(config)),
            dir=run,
            id=run_id,
            resume="allow",
            settings=settings,
        )
    finally:
        wandb.setup(wandb.Settings(mode=before))  # For the next run of this process.
    # wandb's own step must grow and drops the rows of a resumed run that do not; a field may do as it likes.
    tracked.define_metric(STEP)
    for group in GROUPS:
        tracked.define_metric(f"{group}*", step_metric=STEP)
    return tracked


def _settings(mode: Mode) -> "wandb.Settings":
    """Return wandb's settings: bounded waits, a silent console, nothing sent about the machine and its user."""
    import wandb

    return wandb.Settings(
        mode=mode,
        reinit="create_new",
        init_timeout=INIT_TIMEOUT,
        finish_timeout=FINISH_TIMEOUT,
        finish_timeout_raises=True,
        # Before `finish_timeout` counts, wandb waits for each checkpoint's requests; with its 20 retries that
        # takes many minutes if the server is away.
        x_graphql_timeout_seconds=REQUEST_TIMEOUT,
        x_graphql_retry_max=RETRIES,
        x_graphql_retry_wait_max_seconds=5,
        silent=True,
        console="off",
        disable_git=True,
        disable_code=True,
        disable_job_creation=True,
        save_code=False,
        label_disable=True,
        program="glimpse",
        host="",
        x_disable_meta=True,
        x_disable_machine_info=True,
        x_save_requirements=False,
        symlink=False,
    )


def _shared_files(folder: Path, run: Path) -> list[Path]:
    """Return the files of a checkpoint that are uploaded: weights, manifest, and the run's config and meaning."""
    weights = sorted(folder.glob("*.safetensors"))
    if not weights:
        raise FileNotFoundError(f"{folder} holds no *.safetensors")
    others = [folder / "manifest.json", run / "config.yaml", run / "meaning.json"]
    return weights + [path for path in others if path.is_file()]


def _give_up_process() -> None:
    """End wandb's process after it has failed, without the error that would be printed when this process ends."""
    import wandb

    with suppress(Exception, SystemExit):
        wandb.teardown()


def _in_a_line(error: Exception) -> str:
    """Shorten an error to a line."""
    return textwrap.shorten(str(error) or type(error).__name__, 200)
