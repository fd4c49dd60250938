"""Options of training, tracking, evaluation and prediction, for the pages that describe them."""

from pathlib import Path

from pydantic import BaseModel

from docs.generator.option_tables import options_page
from docs.generator.page_links import link_of_part
from docs.generator.written_pages import complete_page
from glimpse.config.experiment import DataOptions, EvaluateOptions, Experiment, TrackOptions, TrainOptions
from glimpse.inference.predict_options import PredictOptions

_PARTS = {"task", "agent", "train", "evaluate", "data", "track"}


def complete_experiment_pages(source: Path) -> None:
    """Complete the pages on training, on evaluation and on programming with tables of their options."""
    sections: dict[str, type[BaseModel]] = {"train": TrainOptions, "track": TrackOptions, "data": DataOptions}
    texts = ["### Of the run\n", options_page(Experiment, {}, link_of_part, without=_PARTS)]
    for name, model in sections.items():
        texts += [f"### `{name}`\n", options_page(model, {}, link_of_part)]
    complete_page(source, "training", "", "\n".join(texts))
    complete_page(source, "evaluation", "", f"### `evaluate`\n\n{options_page(EvaluateOptions, {}, link_of_part)}")
    complete_page(source, "api", "", options_page(PredictOptions, {}, link_of_part))
