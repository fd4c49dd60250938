"""Trained agents in Python: `glimpse.load(RUN).predict(INPUT)`."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, cast

import torch
from pydantic import ValidationError

from glimpse.config.experiment import Experiment
from glimpse.envs import ENVIRONMENTS
from glimpse.errors import UserError
from glimpse.families import Family, family_of, family_part, inputs_taken
from glimpse.inference.predict_options import PredictOptions, check_search_options
from glimpse.runs.kept_data import env_of_run
from glimpse.runs.memory import reporting_memory_errors
from glimpse.runs.run_source import find_run
from glimpse.runs.trained_run import TrainedRun, open_run


class LoadedAgent:
    """Trained agent that answers inputs of the user's own.

    module: the agent, an `nn.Module` in evaluation mode; its class is the one that was trained.
    env: its batched environment, without examples where the run can be used without its data.
    experiment: the run's config.
    """

    def __init__(self, trained: TrainedRun) -> None:
        """Wrap a run that was read back; see `load`."""
        self._trained = trained
        self.module: Any = trained.agent
        self.env: Any = trained.env
        self.experiment: Experiment = trained.experiment

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in order; none where no class is predicted."""
        return tuple(getattr(self.env.meaning(), "classes", ()))

    @property
    def takes(self) -> str:
        """What an input is: `pictures`, `texts` or `questions`. Raises UserError if the run takes no inputs."""
        return _predicting_family(self._trained).takes

    @property
    def reads_pairs(self) -> bool:
        """Whether an input is a pair of texts."""
        return len(getattr(self.env.meaning(), "shapes", ())) > 1

    def env_of_split(self, split: Literal["validation", "test"]) -> Any:
        """Return the batched environment that shows a split of the run's data; see `glimpse.make_env`."""
        trained = self._trained
        return env_of_run(trained.experiment, trained.folder, split, trained.env.device, _warn)

    def predict(self, inputs: Any, **options: Any) -> Any:
        """Answer one input, or a list of them.

        Args:
            inputs: what the run's task takes. Pictures: a path, a Pillow image, a NumPy array (H, W) or (H, W, C), or a
                tensor (H, W) or (C, H, W). Texts: a string, or a tuple of two where the run reads pairs. Translation: a
                sentence. Search in documents: a question, with their folder as the option `documents`. A list of these
                is answered in batches.
            **options: see `PredictOptions`: greedy (True), rollouts, batch, seed, budget, threshold, documents, n_best.

        Returns:
            A prediction, or a list of them for a list: `ImagePrediction`, `TextPrediction`, `QuestionPrediction` or
            `TranslationPrediction`.

        Raises:
            UserError: if an option or an input does not fit, or the run takes no inputs of its user.
        """
        chosen = self.check_options(**options)
        several = isinstance(inputs, list)
        given: Sequence[Any] = inputs if several else [inputs]
        with reporting_memory_errors("Lower batch, or give fewer inputs at once"), torch.no_grad():
            predict = family_part(_predicting_family(self._trained).predictor)
            found = predict(self._trained, given, chosen) if given else []
        return found if several else found[0]

    def check_options(self, **options: Any) -> PredictOptions:
        """Return the options of `predict`; raises UserError if one is unknown, wrong, or not for what the run takes."""
        chosen = _read_options(options)
        if self.takes != "pictures" and (chosen.budget is not None or chosen.threshold is not None):
            raise UserError(f"budget and threshold are for runs that look at pictures; this one takes {self.takes}")
        if self.takes == "questions":
            check_search_options(chosen)
        elif chosen.documents is not None:
            raise UserError(f"documents are for runs that search them; this one takes {self.takes}")
        return chosen

    def __repr__(self) -> str:
        """Return a line that names agent, task and run."""
        experiment = self.experiment
        return f"<{experiment.agent_title} on {experiment.task_title}, {self._trained.folder.path}>"


def load(source: str | Path, device: str | None = None) -> LoadedAgent:
    """Load the trained agent of a run, with the weights that were best on validation data.

    Neither its config file nor its data are needed.

    Args:
        source: folder of the run; or an agent of the zoo (`glimpse zoo`), or `hf:OWNER/NAME`; see `find_run`.
        device: "cpu", "cuda" or "auto" instead of the config's.

    Raises:
        UserError: if there is no run, or it cannot be read.
        DataError: if the run's environment cannot be made without its data, and they cannot be had.
    """
    threads = torch.get_num_threads()
    try:
        return LoadedAgent(open_run(find_run(source), None, device, _warn))
    finally:
        torch.set_num_threads(threads)


def _warn(line: str) -> None:
    """Pass on what a command would print."""
    warnings.warn(line, stacklevel=4)


def _predicting_family(trained: TrainedRun) -> Family:
    """Return the family of a run, if it has a function that predicts."""
    task = trained.experiment.task.name
    if not inputs_taken(task):
        fit = ", ".join(name for name in ENVIRONMENTS if inputs_taken(name))
        raise UserError(
            f"the task {task!r} takes no inputs of your own, as {fit} do; use glimpse evaluate and glimpse report"
        )
    return family_of(task)


def _read_options(given: dict[str, Any]) -> PredictOptions:
    """Check the options of a call."""
    documents = given.get("documents")
    if isinstance(documents, Path):
        given = {**given, "documents": str(documents)}
    elif documents is not None and not (isinstance(documents, str) and documents):
        raise UserError(
            f"documents should be the path of a folder of documents, got {documents!r}: name it with "
            "--documents FOLDER (in Python documents='FOLDER')"
        )
    if "rollouts" in given and "greedy" not in given:
        given = {**given, "greedy": False}
    try:
        return PredictOptions.model_validate(given)
    except ValidationError as problem:
        first = problem.errors(include_url=False)[0]
        known = ", ".join(PredictOptions.model_fields)
        key = ".".join(str(part) for part in cast("tuple[Any, ...]", first["loc"]))
        raise UserError(f"predict: {key}: {first['msg']} (got {first['input']!r}); options are {known}") from None
