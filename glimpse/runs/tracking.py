"""Tracking in Weights & Biases; the only file that imports wandb, and only when a run is tracked.

Nothing here asks a question, and nothing here stops a run or holds it up: whatever wandb raises becomes one
line, waiting is bounded, and `metrics.jsonl` stays the record of truth.
"""

import os
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any, Literal

from glimpse.config.experiment import TrackOptions

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


class Tracker:
    """Tracker that sends nothing, and base class of those that do.

    active: whether anything is tracked.
    """

    active = False

    def __init__(self, run_id: str | None = None) -> None:
        """Keep the id of a resumed run for later resumes."""
        self.run_id = run_id
        """Id to keep in the checkpoint: a resumed run continues under it."""
        self.url: str | None = None
        """Address of the run's page; None where it has none."""

    def log(self, row: Mapping[str, float]) -> None:
        """Send a row of metrics; its `step` is what they are plotted over. NaN passes."""

    def log_image(self, name: str, path: Path, caption: str) -> None:
        """Send a picture (PNG or SVG) or an animation (GIF); it belongs to the last logged step."""

    def log_checkpoint(
        self, folder: Path, step: int, metadata: Mapping[str, Any], aliases: Sequence[str] = ("latest",)
    ) -> None:
        """Send a checkpoint's weights (safetensors), config and manifest; never a pickle.

        Args:
            folder: The checkpoint. Its files are copied at once, so it may be deleted afterwards.
            step: Number of updates made.
            metadata: What is shown beside the weights.
            aliases: Names that this version takes over from earlier ones.
        """

    def finish(self, summary: Mapping[str, float] | None = None, exit_code: int = 0) -> None:
        """Send the rest and close the run; an exit code other than 0 marks it as failed."""


class WandbTracker(Tracker):
    """Tracker of a run in Weights & Biases, online or offline."""

    active = True

    def __init__(self, tracked: "wandb.Run", run: Path, say: Callable[[str], None]) -> None:
        """Track with what `wandb.init` returned for the run in folder `run`; `say` prints a line."""
        super().__init__(tracked.id)
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
            for path in _shared_files(folder, self._run):
                artifact.add_file(str(path), skip_cache=True)
            self._artifacts.put((artifact, list(aliases)))

    def finish(self, summary: Mapping[str, float] | None = None, exit_code: int = 0) -> None:
        """Send the rest and close the run."""
        self._artifacts.put(None)
        self._sender.join(FINISH_TIMEOUT)
        with self._guard("the end of the run"):
            self._tracked.summary.update(dict(summary or {}))
            try:
                self._tracked.finish(exit_code=exit_code)
            except TimeoutError:
                self._say(f"wandb: not everything was sent in time; `wandb sync {self.folder}` sends it")

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
    mode = options.mode if options.mode != "auto" else os.environ.get("WANDB_MODE", "")
    if mode == "disabled":
        return Tracker(run_id)
    attempts: tuple[Mode, ...] = ("offline",) if mode in ("offline", "dryrun") else ("online", "offline")
    reasons = []
    for attempt in attempts:
        try:
            tracked = _begin(options, attempt, run.absolute(), name, config, run_id)
        except Exception as error:
            reasons.append(_in_a_line(error))
        else:
            tracker = WandbTracker(tracked, run, say)
            why = f" ({reasons[0]})" if reasons else ""
            offline = f"offline{why}; `wandb sync {tracker.folder}` sends the run"
            say(f"wandb: {tracker.url or offline}")
            return tracker
    say(f"wandb: nothing is tracked there ({reasons[-1]})")
    return Tracker(run_id)


def _begin(
    options: TrackOptions, mode: Mode, run: Path, name: str, config: Mapping[str, Any], run_id: str | None
) -> "wandb.Run":
    """Start wandb's process and the run in it; raises whatever wandb raises."""
    # These can be given in no other way. Without them wandb reports on itself, even offline, and writes copies
    # of checkpoints and its log into the home folder.
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
    os.environ["WANDB_DATA_DIR"] = os.environ["WANDB_CACHE_DIR"] = str(run / "wandb")
    import wandb

    settings = _settings(mode)
    wandb.setup(settings)
    if mode == "online" and not wandb.login(verify=False, prompt=False):
        raise LookupError("no key was found in WANDB_API_KEY or from `wandb login`")
    tracked = wandb.init(
        project=options.project,
        entity=options.entity,
        group=options.group,
        tags=options.tags,
        name=name,
        config=dict(config),
        dir=run,
        id=run_id,
        resume="allow",
        settings=settings,
    )
    # wandb's own step must grow and drops the rows of a resumed run that do not; a field may do as it likes.
    tracked.define_metric("*", step_metric="step")
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
    )


def _shared_files(folder: Path, run: Path) -> list[Path]:
    """Return the files of a checkpoint that are uploaded: weights, manifest, and the run's config and meaning."""
    weights = sorted(folder.glob("*.safetensors"))
    if not weights:
        raise FileNotFoundError(f"{folder} holds no *.safetensors")
    others = [folder / "manifest.json", run / "config.yaml", run / "meaning.json"]
    return weights + [path for path in others if path.is_file()]


def _in_a_line(error: Exception) -> str:
    """Shorten an error to a line."""
    return textwrap.shorten(str(error) or type(error).__name__, 200)
