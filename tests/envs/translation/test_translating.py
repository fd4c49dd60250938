"""The translation environment: observations, rewards, and sentence BLEU."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from glimpse.envs.errors import DataError
from glimpse.envs.translation.options import TranslationOptions
from glimpse.envs.translation.sentence_bleu import sentence_bleu
from glimpse.envs.translation.translating import Translating
from glimpse.envs.translation.translation_data import load_translations


def options(**given: Any) -> TranslationOptions:
    """Make options of random strings that are reversed."""
    sizes = {"strings": 50, "longest": 5, "max_tokens": 6}
    asked = {"name": "translate", "data": "reverse", **sizes, "tokenizer": "words"}
    return TranslationOptions.model_validate({**asked, **given})


def bleu(given: list[int], true: list[int]) -> float:
    """Compute BLEU of one sentence."""
    width = max(len(given), len(true), 1)
    tokens = [torch.tensor([[*one, *[0] * (width - len(one))]]) for one in (given, true)]
    lengths = torch.tensor([len(given)]), torch.tensor([len(true)])
    return float(sentence_bleu(tokens[0], lengths[0], tokens[1], lengths[1]))


def test_bleu_by_hand() -> None:
    """One is added to the counts of n-grams of n > 1."""
    assert bleu([4, 5, 6, 7], [4, 5, 6, 7]) == pytest.approx(1)
    assert bleu([8], [8]) == pytest.approx(1)
    assert bleu([8, 8], [4, 5]) == bleu([], [4, 5]) == 0
    # 3 of 4 tokens, (1 + 1) of (3 + 1) pairs, (0 + 1) of (2 + 1), (0 + 1) of (1 + 1).
    assert bleu([4, 5, 9, 7], [4, 5, 6, 7]) == pytest.approx((3 / 4 * 2 / 4 * 1 / 3 * 1 / 2) ** 0.25)
    # Token 4 is in the reference twice, so it counts twice; the reference is longer by two: exp(1 - 5 / 3).
    clipped = (2 / 3 * (1 + 1) / (2 + 1) * 1 / 2 * 1) ** 0.25
    assert bleu([4, 4, 4], [4, 4, 5, 6, 7]) == pytest.approx(clipped * 2.718281828 ** (1 - 5 / 3))


def test_bleu_of_a_batch_is_that_of_each_sentence() -> None:
    """Tokens after the ends are ignored."""
    generator = torch.Generator().manual_seed(0)
    given, true = (torch.randint(4, 7, (40, 9), generator=generator) for _ in range(2))
    lengths = [torch.randint(0, 10, (40,), generator=generator) for _ in range(2)]
    lengths[1].clamp_(min=1)
    together = sentence_bleu(given, lengths[0], true, lengths[1])
    for row in range(40):
        alone = bleu(given[row, : lengths[0][row]].tolist(), true[row, : lengths[1][row]].tolist())
        assert float(together[row]) == pytest.approx(alone, abs=1e-6)


def test_an_episode_has_one_step() -> None:
    """The reference, as label, has reward 1; a second action has none."""
    env = Translating(options(), Translating.load_data(options(), "train"))
    assert env.examples == 50 == len(env.texts.source)
    example = torch.tensor([3, 7])
    seen = env.reset(example, example, copies=2)
    source, target = (tokens.encode(texts) for tokens, texts in zip(env.languages, env.texts, strict=True))
    assert [row[row > 0].tolist() for row in seen["source"]] == [source[n] for n in (3, 3, 7, 7)]
    label: Tensor = env.label
    assert [row[row > 0].tolist() for row in label] == [target[n] for n in (3, 3, 7, 7)] and label.shape == (4, 7)
    given = label.clone()
    given[1] = 3
    given[2, (label[2] > 0).sum() :] = 5  # After the end.
    step = env.step({"target": given})
    torch.testing.assert_close(step.reward, torch.tensor([1.0, 0, 1, 1]))
    assert step.terminated.all() and not env.step({"target": label}).reward.any()
    assert env.frame(0, []).shape == (240, 640, 3)


def test_long_sentences_are_left_out_or_cut(tmp_path: Path) -> None:
    """Training leaves them out; evaluation cuts them."""
    (tmp_path / "a.en").write_text("a b c d e f g h\n" + "a b\n" * 30)
    (tmp_path / "a.de").write_text("a b c d e f g h\n" + "b a\n" * 30)
    asked = options(data=f"file:{tmp_path}/a", validation=f"file:{tmp_path}/a", shared=False)
    train, validation = load_translations(asked, "train"), load_translations(asked, "validation")
    assert len(train.texts.source) == len(train.lengths) == 30 and len(validation.lengths) == 31
    assert validation.lengths.max() == 7 and validation.source.batch(torch.tensor([0])).tokens[0, -1] == 3
    assert len(validation.texts.target[0].split()) == 8
    with pytest.raises(DataError, match="no training pair is as short as task.max_tokens, 1"):
        load_translations(options(data=f"file:{tmp_path}/a", max_tokens=1), "train")


def test_texts_can_be_lower_cased(tmp_path: Path) -> None:
    """The option changes sources and references."""
    (tmp_path / "a.en").write_text("A Dog\n" * 10)
    (tmp_path / "a.de").write_text("Ein Hund\n" * 10)
    data = load_translations(options(data=f"file:{tmp_path}/a", lower=True), "test")
    assert (data.texts.source[0], data.texts.target[0]) == ("a dog", "ein hund")


def test_clauses_as_words_name_the_option(tmp_path: Path) -> None:
    """Chinese sentences need subwords; a perfect translation has the reward 1 either way."""
    for language, text in (("en", "good day"), ("zh", "\u4eca\u5929\u5f88\u597d\u3002")):
        (tmp_path / f"x.{language}").write_text(f"{text}\n" * 12, encoding="utf-8")
    asked = {"name": "translate", "data": f"file:{tmp_path}/x", "target": "zh", "max_tokens": 9}
    for tokenizer, words in (("words", "the zh sentences are written without spaces"), ("subwords", "")):
        read = TranslationOptions.model_validate({**asked, "tokenizer": tokenizer})
        env = Translating(read, load_translations(read, "train", root=str(tmp_path)))
        assert env.suggested_option().startswith(words) and bool(words) == bool(env.suggested_option())
        env.reset(torch.arange(2), torch.arange(2))
        assert env.step({"target": env.label}).reward.tolist() == pytest.approx([1, 1])
