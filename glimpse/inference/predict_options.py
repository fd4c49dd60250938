"""Options of predictions."""

from pydantic import Field

from glimpse.agents.options import Options
from glimpse.envs.data.user_paths import user_path
from glimpse.errors import UserError


class PredictOptions(Options):
    """How an agent acts on the user's own inputs."""

    greedy: bool = Field(True, description="The most likely actions; otherwise sampled ones.")
    rollouts: int = Field(1, ge=1, le=10_000, description="Sampled rollouts M whose probabilities are averaged.")
    batch: int = Field(100, ge=1, le=100_000, description="Inputs that are answered at once.")
    seed: int = Field(0, ge=0, lt=2**63, description="Seed of initial locations, canvases and sampled actions.")
    budget: int | None = Field(None, ge=1, le=1000, description="Looks after which a picture is answered, at most.")
    threshold: float | None = Field(
        None,
        ge=0,
        le=1e6,
        description="Look on only while the looks to come are worth at least so much, in nats of cross-entropy, as an "
        "anytime agent predicts.",
    )
    documents: str | None = Field(None, min_length=1, description="Folder of documents that questions are about.")
    n_best: int = Field(1, ge=1, le=1000, description="Translations of each sentence.")


def check_search_options(options: PredictOptions) -> None:
    """Check the options of an agent that searches documents.

    Raises:
        UserError: if there is no folder of documents, or one of them has no effect.
    """
    if options.documents is None:
        raise UserError(
            "the run searches documents: name their folder with --documents FOLDER (in Python documents='FOLDER')"
        )
    if not user_path(options.documents, "--documents").is_dir():
        raise UserError(f"documents should be a folder of documents, got {options.documents}")
    if not options.greedy or options.rollouts > 1 or "seed" in options.model_fields_set:
        raise UserError("an agent that searches documents is asked greedily: leave greedy, rollouts and seed out")
