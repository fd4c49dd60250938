"""What a report tells of a run that reads texts: what its agent does on the validation split.

The test set is for measuring only, so none of its texts is shown.
"""

from dataclasses import dataclass

from glimpse.agents.attention.masks import MaskOptions
from glimpse.agents.text_options import ReaderOptions
from glimpse.evaluation.replay import evenly
from glimpse.reporting.run_record import Record
from glimpse.reporting.text.accounts import Account, account, reader_of
from glimpse.reporting.text.mask_drawing import encoder_masks
from glimpse.reporting.text.text_survey import TextSurvey, survey_texts
from glimpse.reporting.text.token_drawings import MOST_TOKENS

_MOST_READ = 10_000
_MISTAKES = 12
_DETAILED = 2
"""Texts, of one pair or of two examples."""
_SHORT = range(4, 25)
"""Lengths at which a matrix of tokens can be read."""


@dataclass(frozen=True)
class TextContents(Record):
    """Everything that the page tells.

    classes: what can be answered; none where a score is asked for.
    scores: the lowest and the highest score, where one is asked for.
    found: the answers on the validation split.
    shown: some texts, evenly spread over the split.
    mistakes: wrong answers, the most confident first; or the scores that are farthest off.
    detailed: a few short texts, with the weights of pairs of tokens.
    """

    classes: tuple[str, ...]
    scores: tuple[float, float] | None
    found: TextSurvey
    shown: list[Account]
    mistakes: list[Account]
    detailed: list[Account]

    @property
    def divided(self) -> bool:
        """Whether documents are read sentence by sentence."""
        return any(text.sentences is not None for one in self.shown for text in one.texts)

    @property
    def document(self) -> Account:
        """Of the texts that are shown the shortest one with three sentences or more, if there is one."""
        return min(self.shown, key=lambda one: (len(one.texts[0].lengths) < 3, len(one.texts[0].words)))

    @property
    def has_hops(self) -> bool:
        """Whether there are several attentions side by side."""
        return any(text.hops is not None for one in self.detailed for text in one.texts)

    @property
    def has_pairs(self) -> bool:
        """Whether tokens read tokens."""
        return any(text.pairs for one in self.detailed for text in one.texts)

    @property
    def directed(self) -> bool:
        """Whether tokens read those before them and those after them apart."""
        return any("forward" in text.pairs for one in self.detailed for text in one.texts)

    @property
    def masks(self) -> list[MaskOptions]:
        """What tokens may read of each other, where that is not everything."""
        agent = self.trained.experiment.agent
        return encoder_masks(agent) if isinstance(agent, ReaderOptions) else []

    @property
    def mask_size(self) -> int:
        """Of how many tokens a mask is drawn: as many as the first text in detail has, if they are not too many."""
        return max(8, min(MOST_TOKENS, len(self.detailed[0].texts[0].words)))


def gather_texts(record: Record, texts: int) -> TextContents:
    """Have the run's agent read the validation split; `texts` of it are shown."""
    agent, world = reader_of(record.trained)
    options = record.trained.experiment.evaluate
    found = survey_texts(agent, world, evenly(world.examples, _MOST_READ), options)
    chosen = evenly(world.examples, texts)
    shown = [account(agent, world, options, number) for number in chosen]
    short = [number for number in chosen if int(world.lengths[number]) in _SHORT] or [int(world.lengths.argmin())]
    few = _DETAILED // len(shown[0].texts)
    detailed = [account(agent, world, options, number, need_pairs=True) for number in short[:few]]
    worst = found.confidence * found.wrong if world.scores is None else found.miss
    order = sorted((worst > 0).nonzero()[0].tolist(), key=lambda number: -worst[number])
    mistakes = [account(agent, world, options, int(found.example[number])) for number in order[:_MISTAKES]]
    # Read alone, a text may be rounded otherwise, which turns an answer that hung by a hair.
    mistakes = [one for one in mistakes if one.miss > 0]
    return TextContents(
        **vars(record),
        classes=world.classes,
        scores=world.scores,
        found=found,
        shown=shown,
        mistakes=mistakes,
        detailed=detailed,
    )
