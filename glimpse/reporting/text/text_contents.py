"""Data for the report of a run that reads whole texts: its agent's answers on the validation split.

Texts of the test set are never shown.
"""

from dataclasses import dataclass, replace

from glimpse.agents.attention.masks import MaskOptions
from glimpse.agents.text.options import ReaderOptions
from glimpse.evaluation.replay import evenly
from glimpse.reporting.report_size import MOST_SHOWN, fewer_note
from glimpse.reporting.run_record import RunRecord
from glimpse.reporting.text.accounts import Account, account, reading_run
from glimpse.reporting.text.mask_drawing import encoder_masks
from glimpse.reporting.text.text_survey import TextSurvey, survey_texts
from glimpse.reporting.text.token_drawings import MOST_TOKENS
from glimpse.reporting.text.token_html import MOST_WORDS

_MOST_READ = 10_000
_MISTAKES = 12
_DETAILED = 2
"""Number of texts shown in detail: one pair, or two examples."""
_SHORT = range(4, 25)
"""Lengths at which a matrix of token pairs is legible."""


@dataclass(frozen=True)
class TextContents(RunRecord):
    """All data of the page.

    classes: names of the classes; empty if the answer is a score.
    scores: lowest and highest score, if the answer is a score.
    found: statistics of the validation split.
    shown: some texts, spread evenly over the split.
    mistakes: wrong answers, the most confident first; or the scores with the largest errors.
    detailed: a few short texts, with the weights of pairs of tokens.
    wanted: number of texts that should be shown.
    most_words: most words of a text that are shown.
    """

    classes: tuple[str, ...]
    scores: tuple[float, float] | None
    found: TextSurvey
    shown: list[Account]
    mistakes: list[Account]
    detailed: list[Account]
    wanted: int
    most_words: int = MOST_WORDS

    @property
    def mode(self) -> str:
        """How the agent read the texts of the page, behind a comma; "" if it samples nothing."""
        return ", greedy" if self.trained.agent.stochastic else ""

    @property
    def fewer_note(self) -> str:
        """A sentence if fewer texts are shown than the split has and were asked for; else ""."""
        return fewer_note(len(self.shown), min(self.wanted, self.trained.env.examples))

    def showing(self, count: int, most_words: int) -> "TextContents":
        """Return the same contents with `count` of the shown texts, spread evenly, and fewer words of each."""
        chosen = [self.shown[number] for number in evenly(len(self.shown), count)]
        return replace(self, shown=chosen, most_words=most_words)

    @property
    def divided(self) -> bool:
        """True if documents are read sentence by sentence."""
        return any(text.sentences is not None for one in self.shown for text in one.texts)

    @property
    def document(self) -> Account:
        """The shortest shown text with three or more sentences, or else the shortest one."""
        return min(self.shown, key=lambda one: (len(one.texts[0].lengths) < 3, len(one.texts[0].words)))

    @property
    def has_hops(self) -> bool:
        """True if the pooling has several hops of attention."""
        return any(text.hops is not None for one in self.detailed for text in one.texts)

    @property
    def has_pairs(self) -> bool:
        """True if tokens attend to tokens."""
        return any(text.pairs for one in self.detailed for text in one.texts)

    @property
    def directed(self) -> bool:
        """True if tokens attend separately to earlier and to later tokens."""
        return any("forward" in text.pairs for one in self.detailed for text in one.texts)

    @property
    def masks(self) -> list[MaskOptions]:
        """The attention masks of the encoder, without full ones."""
        agent = self.trained.experiment.agent
        return encoder_masks(agent) if isinstance(agent, ReaderOptions) else []

    @property
    def mask_size(self) -> int:
        """The number of tokens for which masks are drawn: the length of the first detailed text, within limits."""
        return max(8, min(MOST_TOKENS, len(self.detailed[0].texts[0].words)))


def gather_texts(record: RunRecord, texts: int) -> TextContents:
    """Let the run's agent read the validation split; `texts` of its texts are shown."""
    agent, env = reading_run(record.trained)
    options = record.trained.experiment.evaluate
    found = survey_texts(agent, env, evenly(env.examples, _MOST_READ), options)
    chosen = evenly(env.examples, min(texts, MOST_SHOWN))
    shown = [account(agent, env, options, number) for number in chosen]
    short = [number for number in chosen if int(env.lengths[number]) in _SHORT] or [int(env.lengths.argmin())]
    few = _DETAILED // len(shown[0].texts)
    detailed = [account(agent, env, options, number, need_pairs=True) for number in short[:few]]
    worst = found.confidence * found.wrong if env.scores is None else found.miss
    order = sorted((worst > 0).nonzero()[0].tolist(), key=lambda number: -worst[number])
    mistakes = [account(agent, env, options, int(found.example[number])) for number in order[:_MISTAKES]]
    # Rounding differs with the batch size, which may turn a close answer.
    mistakes = [one for one in mistakes if one.miss > 0]
    return TextContents(
        **vars(record),
        classes=env.classes,
        scores=env.scores,
        found=found,
        shown=shown,
        mistakes=mistakes,
        detailed=detailed,
        wanted=texts,
    )
