# ---
# jupyter:
#   jupytext:
#     cell_markers: '"""'
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
"""# 10. Hierarchical attention, its pictures, and what they do not explain.

A hierarchical attention network (HAN; Yang et al., 2016) reads a document as people do: words make sentences,
sentences make a document, and at both levels attention weighs the parts. Its pictures, red for sentences and blue for
words, are what made it popular.

We write a table of reviews **whose deciding word we know**, train small HANs on it with `glimpse train` in seconds,
compute their answer and weights by hand, and draw them. Then we ask the weights what we already know. Two HANs that
differ in nothing but the seed give the same answers, and opposite pictures.
"""

# %%
import contextlib
import csv
import io
import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

import glimpse
from glimpse.agents.attention.context_vector import word_colour
from glimpse.cli.command_line import main

Floats = NDArray[np.float64]
plt.rcParams.update({"figure.dpi": 64, "font.size": 9})

# %% [markdown]
"""
## Reviews with a known reason

Each review has one sentence about what **we** found, one about what **somebody else** found, and a few that say
nothing. What we found decides, and it is one word: its adjective. The others' adjective is drawn independently, so
that it must not be counted. An agent has to find out that *we* matters.
"""

# %%
GOOD = ("wonderful", "lovely", "excellent", "charming", "superb")
BAD = ("awful", "dreadful", "poor", "dirty", "terrible")
THINGS = ("room", "breakfast", "staff", "pool", "view", "bed", "food", "bath")
OTHERS = ("a friend", "the guide", "my neighbour")
IDLE = ("we came by train on {}.", "it rained all {}.", "our stay lasted until {}.", "the hotel was full on {}.")
DAYS = ("monday", "tuesday", "friday", "sunday")


class Review(NamedTuple):
    """Review as sentences, each with what it is: `own`, `other` or `idle`; and the right answer."""

    sentences: tuple[str, ...]
    kinds: tuple[str, ...]
    label: str

    @property
    def text(self) -> str:
        """The review as a text."""
        return " ".join(self.sentences)

    def without(self, kind: str) -> "Review":
        """Return the review without its sentence of a kind."""
        kept = [number for number, one in enumerate(self.kinds) if one != kind]
        return Review(tuple(self.sentences[n] for n in kept), tuple(self.kinds[n] for n in kept), self.label)


def write_review(chance: random.Random) -> Review:
    """Write a review."""
    ours, theirs = (chance.choice((GOOD, BAD)) for _ in range(2))
    parts = [
        ("own", f"we found the {chance.choice(THINGS)} {chance.choice(ours)}."),
        ("other", f"{chance.choice(OTHERS)} found the {chance.choice(THINGS)} {chance.choice(theirs)}."),
        *(("idle", chance.choice(IDLE).format(chance.choice(DAYS))) for _ in range(chance.randint(1, 3))),
    ]
    chance.shuffle(parts)
    return Review(tuple(text for _, text in parts), tuple(kind for kind, _ in parts), "good" if ours is GOOD else "bad")


chance = random.Random(0)
folder = tempfile.TemporaryDirectory()
table = Path(folder.name) / "reviews.csv"
with table.open("w", newline="", encoding="utf-8") as file:
    writer = csv.writer(file)
    writer.writerow(["review", "stars"])
    for _ in range(1000):
        review = write_review(chance)
        writer.writerow([review.text, review.label])
held_out = [write_review(chance) for _ in range(60)]
for review in held_out[:3]:
    print(f"{review.label:4} | {review.text}")

# %% [markdown]
r"""
## The network

With $h_{it}$ the state of word $t$ in sentence $i$, from a bidirectional GRU over word vectors, attention over words
is (Yang et al., 2016, equations 5 to 7)

$$u_{it} = \tanh(W_w h_{it} + b_w), \quad
\alpha_{it} = \frac{\exp(u_{it}^\top u_w)}{\sum_t \exp(u_{it}^\top u_w)}, \quad
s_i = \sum_t \alpha_{it} h_{it}$$

The sentences $s_i$ are read by a second GRU, and weighed in the same way (equations 8 to 10); the document's vector
$v$ gives the answer (equation 11):

$$u_i = \tanh(W_s h_i + b_s), \quad \alpha_i = \frac{\exp(u_i^\top u_s)}{\sum_i \exp(u_i^\top u_s)}, \quad
v = \sum_i \alpha_i h_i, \quad p = \mathrm{softmax}(W_c v + b_c)$$

The vectors $u_w$ and $u_s$ are learned, and the same for all texts: a fixed question, "what is informative?". By hand:
if two words have $u^\top u_w$ of $\ln 3$ and $0$, their weights are $3/4$ and $1/4$.

`glimpse train` trains it from the table; the command line is an ordinary function, which we call here. In a shell it
is `glimpse train imdb-han task.data=file:reviews.csv task.text=review task.label=stars ...`.
"""


# %%
def train(name: str, *options: str) -> Any:
    """Train on the table as `glimpse train` does, and return the agent."""
    task = f"task.data=file:{table} task.text=review task.label=stars task.vectors=none task.min_count=1"
    small = "task.max_words=12 task.max_sentences=6 agent.encoder.words.width=16 agent.encoder.sentences.width=16"
    budget = "agent.hidden=0 train.steps=150 train.batch=32 train.learning_rate=1e-2 train.evaluate_every=150"
    others = "train.ema_decay=0.9 threads=1 device=cpu track.mode=disabled"
    run = str(Path(folder.name) / name)
    arguments = [*task.split(), *small.split(), *budget.split(), *others.split(), *options]
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        code = main(["train", "imdb-han", *arguments, "--folder", run])
    assert code == 0
    return glimpse.load(run)


def accuracy(agent: Any, reviews: list[Review]) -> float:
    """Return the share of reviews that an agent answers rightly."""
    answers = agent.predict([review.text for review in reviews])
    return float(np.mean([answer.label == review.label for answer, review in zip(answers, reviews, strict=True)]))


agents = {"seed 1": train("first", "seed=1"), "seed 4": train("second", "seed=4")}
for name, agent in agents.items():
    parameters, right = sum(part.numel() for part in agent.module.parameters()), accuracy(agent, held_out)
    print(f"{name}: {parameters:,} parameters, accuracy on new reviews {right:.2f}")
    assert right > 0.9

# %% [markdown]
"""
## The answer by hand

The equations with the trained weights. `weigh` turns scores into weights; it is an argument so that we can put
something else in its place later. The result is the agent's own answer.
"""


# %%
class Reading(NamedTuple):
    """What a HAN makes of a review: class probabilities (N,), sentence weights (S,), word weights of each sentence."""

    probabilities: Tensor
    sentences: Tensor
    words: list[Tensor]


Weigh = Callable[[Tensor], Tensor]


def softmax(scores: Tensor) -> Tensor:
    """Turn scores (n,) into weights."""
    return scores.exp() / scores.exp().sum()


def pool(level: Any, vectors: Tensor, weigh: Weigh) -> tuple[Tensor, Tensor]:
    """Read vectors (n, E) by a level's GRU, and attend: the pooled state (D,) and the weights (n,)."""
    states = level.states.network(vectors[None])[0][0]  # h, (n, D)
    attention = level.pooling.attention
    u = torch.tanh(states @ attention.hidden.weight.T + attention.hidden.bias)
    weights = weigh(u @ attention.question)
    return weights @ states, weights


@torch.no_grad()
def read(agent: Any, review: Review, weigh_sentences: Weigh = softmax) -> Reading:
    """Read a review by equations 5 to 11."""
    encoder, vocabulary = agent.module.encoder, agent.env.vocabulary
    pooled, words = [], []
    for sentence in review.sentences:
        numbers = torch.tensor(vocabulary.encode([*sentence[:-1].split(), "."]))
        vector, weights = pool(encoder.words, agent.module.embedding(numbers), softmax)
        pooled.append(vector)
        words.append(weights)
    document, sentences = pool(encoder.sentences, torch.stack(pooled), weigh_sentences)
    classifier = agent.module.head.layers[-1]
    return Reading(softmax(classifier.weight @ document + classifier.bias), sentences, words)


assert torch.allclose(softmax(torch.tensor([3.0, 1.0]).log()), torch.tensor([0.75, 0.25]))
for agent in agents.values():
    for review, prediction in zip(held_out[:20], agent.predict([one.text for one in held_out[:20]]), strict=True):
        reading = read(agent, review)
        assert torch.allclose(reading.probabilities, torch.tensor(list(prediction.probabilities.values())), atol=1e-4)
        # The prediction has one number for each word: sqrt(p_s) p_w. Its sum over a sentence is sqrt(p_s).
        colours = torch.cat([p.sqrt() * w for p, w in zip(reading.sentences, reading.words, strict=True)])
        assert torch.allclose(colours, torch.tensor([token.weight for token in prediction.tokens]), atol=1e-4)
print("answers and weights of 20 reviews are those of `predict`")

# %% [markdown]
r"""
## The picture

Yang et al. (2016) colour a sentence by its weight $p_s$, in red, and a word by $\sqrt{p_s}\, p_w$, in blue: important
words of important sentences. The square root keeps words of other sentences visible. By hand: $p_s = 0.25$ and
$p_w = 0.8$ give $0.5 \cdot 0.8 = 0.4$. Here are a good and a bad review, read by both agents. (`glimpse report RUN`
draws the same, and a prediction shows itself in a notebook.)
"""

# %%
assert np.isclose(float(word_colour(torch.tensor([0.25]), torch.tensor([[0.8]]))), 0.4)


def draw(axes: Any, review: Review, reading: Reading) -> None:
    """Draw a review with red boxes for sentences, and words on blue."""
    for row, sentence in enumerate(review.sentences):
        weight, column = float(reading.sentences[row]), 7
        axes.text(0, -row, f"{weight:.2f}", backgroundcolor=(1, 1 - weight, 1 - weight), family="monospace")
        for word, share in zip([*sentence[:-1].split(), "."], reading.words[row], strict=True):
            blue = 1 - weight**0.5 * float(share)
            style = {"boxstyle": "square,pad=0.1", "facecolor": (blue, blue, 1), "edgecolor": "none"}
            axes.text(column, -row, word, family="monospace", bbox=style)
            column += len(word) + 1
    axes.set(xlim=(0, 55), ylim=(-len(review.sentences) + 0.4, 0.6))
    axes.set_axis_off()


examples = [
    next(one for one in held_out if one.label == label and len(one.sentences) == 4 and one.kinds[0] != "own")
    for label in ("good", "bad")
]
figure, panels = plt.subplots(2, 2, figsize=(8.5, 3), layout="constrained")
for row, review in zip(panels, examples, strict=True):
    for axes, (name, agent) in zip(row, agents.items(), strict=True):
        reading = read(agent, review)
        draw(axes, review, reading)
        answer = agent.classes[int(reading.probabilities.argmax())]
        axes.set_title(f"{name} answers {answer} ({float(reading.probabilities.max()):.2f})", fontsize=9)
plt.show()

# %% [markdown]
"""
## Two agents, two pictures

We know the deciding sentence of each review. How much weight does it get?
"""

# %%
readings = {name: [read(agent, review) for review in held_out] for name, agent in agents.items()}


def weight_of(kind: str, name: str, label: str) -> float:
    """Return the mean weight of the sentence of a kind, over the reviews of a class."""
    chosen = [(review, one) for review, one in zip(held_out, readings[name], strict=True) if review.label == label]
    return float(np.mean([float(one.sentences[review.kinds.index(kind)]) for review, one in chosen]))


own = {(name, label): weight_of("own", name, label) for name in agents for label in ("good", "bad")}
print("weight of the deciding sentence    good reviews   bad reviews")
for name in agents:
    print(f"{name:32}{own[name, 'good']:15.2f}{own[name, 'bad']:14.2f}")
first, second = (torch.cat([one.sentences for one in readings[name]]) for name in agents)
correlation = float(torch.corrcoef(torch.stack([first, second]))[0, 1])
pairs = zip(*readings.values(), strict=True)
same = float(np.mean([int(one.sentences.argmax()) == int(other.sentences.argmax()) for one, other in pairs]))
print(f"correlation of the sentence weights of both agents: {correlation:.2f}; same heaviest sentence: {same:.0%}")
for name in agents:
    assert max(own[name, "good"], own[name, "bad"]) > 2 * min(own[name, "good"], own[name, "bad"])
assert own["seed 1", "bad"] > own["seed 1", "good"] and own["seed 4", "good"] > own["seed 4", "bad"]
assert correlation < 0.5

# %% [markdown]
"""
Both are right about nearly everything. Yet one points at the deciding sentence in good reviews and away from it in bad
ones, and the other one does the opposite. (The two seeds were chosen because they differ.) Neither is mistaken. With
two classes it is enough to look for **one** of them and to answer the other where nothing is found; which one is a
matter of the seed. Where nothing is found, the weights have to go somewhere all the same, since they sum to 1.

Someone who saw one agent alone would tell a story about each of its pictures.
"""

# %% [markdown]
r"""
## What the answer depends on

To learn what an answer depends on, change the text and look at the answer. ERASER (DeYoung et al., 2020, equations 1
and 2) removes a rationale $r$ from a text $x$, or everything else, and asks for the probability $m(\cdot)_j$ of the
predicted class $j$:

$$\mathrm{comprehensiveness} = m(x)_j - m(x \setminus r)_j, \quad \mathrm{sufficiency} = m(x)_j - m(r)_j$$

A good rationale has a large first number and a small second one. We take the deciding sentence as $r$, and we also
turn an adjective into its opposite, first ours, then the others'.
"""


# %%
def opposite(review: Review, kind: str) -> Review:
    """Return the review with the adjective of one sentence turned into an opposite one."""
    at = review.kinds.index(kind)
    *words, adjective = review.sentences[at][:-1].split()
    swapped = (BAD if adjective in GOOD else GOOD)[(GOOD + BAD).index(adjective) % 5]
    sentences = list(review.sentences)
    sentences[at] = " ".join([*words, swapped]) + "."
    return Review(tuple(sentences), review.kinds, review.label)


def probability(agent: Any, review: Review, label: str) -> float:
    """Return the probability of a class."""
    return float(read(agent, review).probabilities[agent.classes.index(label)])


def answered(agent: Any, review: Review) -> str:
    """Return the likelier class."""
    return str(agent.classes[int(read(agent, review).probabilities.argmax())])


print("                 comprehensiveness   sufficiency   answers that turn with")
print("                                                    our word   theirs")
removed, turned = {}, {}
for name, agent in agents.items():
    for label in ("good", "bad"):
        chosen = [review for review in held_out if review.label == label]
        before = np.array([probability(agent, one, label) for one in chosen])
        removed[name, label] = float(
            (before - [probability(agent, one.without("own"), label) for one in chosen]).mean()
        )
        alone = [one.without("other").without("idle") for one in chosen]
        enough = float((before - [probability(agent, one, label) for one in alone]).mean())
        given = [answered(agent, one) for one in chosen]
        turns = [
            float(
                np.mean([answered(agent, opposite(one, kind)) != was for one, was in zip(chosen, given, strict=True)])
            )
            for kind in ("own", "other")
        ]
        turned[name, label] = turns
        print(f"{name}, {label:4}{removed[name, label]:22.2f}{enough:14.2f}{turns[0]:15.0%}{turns[1]:9.0%}")
for name in agents:
    assert max(removed[name, "good"], removed[name, "bad"]) > 0.4
    assert all(turned[name, label][0] > 0.9 and turned[name, label][1] < 0.1 for label in ("good", "bad"))

# %% [markdown]
"""
The last two columns are the clear answer, and the same for both agents and both classes: our word decides, theirs does
not. The weights did not show it in half of the reviews.

Comprehensiveness is not free of the same trouble: without the deciding sentence an agent answers what it always
answers when nothing is found, and if that is the right class, nothing changes. It measures the agent, as it is, and
not what a reader of the review would call the reason.

Three more reasons for care:

* **A state is not a word.** $h_{it}$ comes from a GRU that has read the whole sentence, and $h_i$ from one that has
  read all sentences. A weight on a state is not a weight on the word below it.
* **Weights sum to 1.** A picture always has a brightest spot, also where nothing matters. A weight of 0.3 is much
  among forty sentences and little among three.
* **Attention may not be needed at all** (exercise 1).

What the pictures are good for: to find out *how* an agent works, as here; to see at once if it reads the padding, the
author's name or the number of stars; and, with several seeds, how far such a finding goes. If an explanation is
wanted, an agent that *cannot* see what it does not select is a better start: `planted` in the zoo, and notebook 8.
"""

# %% [markdown]
"""
## Exercises

1. Train HN-AVE, which has means in place of attention (`agent.encoder.words.pooling=mean` and the same for sentences).
   How accurate is it? What would its picture show?
2. Take a trained HAN and replace its *sentence weights* by equal ones, without training it again. How many answers
   change, in each class? What does that say about the weights?
3. Write two reviews of your own: one with a word that the agent does not know, and one in which we found nothing. What
   does each agent answer, how surely, and is it right to be so sure?
"""

# %% [markdown]
"""
### Answer 1

With 250 steps it is as accurate. Its picture is flat: each sentence has $1/S$, and each word of it $1/L$. The GRUs'
states carry what is needed to wherever they are averaged. That a HAN's weights are not flat does therefore not show
that they are needed.
"""

# %%
means = train(
    "means", "seed=1", "train.steps=250", "agent.encoder.words.pooling=mean", "agent.encoder.sentences.pooling=mean"
)
right = accuracy(means, held_out)
print(f"HN-AVE: accuracy {right:.2f}")
assert right > 0.85
prediction, count = means.predict(held_out[0].text), len(held_out[0].sentences)
lengths = [len(sentence.split()) + 1 for sentence in held_out[0].sentences]  # words and the full stop
flat = [(1 / count) ** 0.5 / length for length in lengths for _ in range(length)]
assert np.allclose([token.weight for token in prediction.tokens], flat, atol=1e-5)

# %% [markdown]
"""
### Answer 2

If many answers of one class change, the weights matter to the network, although they are no reason that a reader would
accept. Where none changes, the state of every sentence says the same, and it did not matter which one was looked at.
"""


# %%
def equal(scores: Tensor) -> Tensor:
    """Give all parts the same weight, whatever their scores."""
    return torch.full_like(scores, 1 / len(scores))


for name, agent in agents.items():
    for label in ("good", "bad"):
        chosen = [review for review in held_out if review.label == label]
        changed = [
            int(read(agent, one, equal).probabilities.argmax()) != int(read(agent, one).probabilities.argmax())
            for one in chosen
        ]
        print(f"{name}, {label:4} reviews: {np.mean(changed):.0%} of the answers change")

# %% [markdown]
"""
### Answer 3

There is no class for "I do not know". An unknown word has a vector like any other, one that training never used for a
word with a meaning; it may look like the word that an agent looks for, or like nothing. Where nothing is found, each
agent answers the class that it does not look for. Here they contradict each other twice, and are mostly sure.
"""

# %%
unknown = Review(("it rained all monday.", "we found the room splendid."), ("idle", "own"), "good")
nothing = Review(("it rained all monday.", "a friend found the room lovely."), ("idle", "other"), "good")
for review in (unknown, nothing):
    for name, agent in agents.items():
        one = agent.predict(review.text)
        strange = [token.text for token in one.tokens if not token.known]
        print(f"{name}: {one.label} ({one.probability:.2f}), unknown words: {strange} | {review.text}")
        assert strange == (["splendid"] if review is unknown else [])
folder.cleanup()
