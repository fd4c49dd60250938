# ---
# jupyter:
#   jupytext:
#     cell_markers: '"""'
# ---

# %% [markdown]
r"""# 3. Hard and soft attention, and what gradient each gets.

Soft attention reads everything and weighs it. *Hard* attention reads one thing and ignores the rest: it costs less, it
says exactly what an answer is based on, and it is how eyes work. Xu et al. (2015, "Show, attend and tell", below: *the
paper*) put both into one model for pictures. The forward pass differs in a line; what differs much is the gradient:
soft attention is differentiated, hard attention is *reinforced*. Between them lies top-k, which reads the $k$ highest
scores.

We work out all three gradients by hand, train the three on texts in which one known word decides, and then do the same
in glimpse, where they differ in one line of a config.
"""

# %%
import io
import tempfile
from contextlib import redirect_stdout
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import glimpse
from glimpse.agents import policy_gradient
from glimpse.agents.attention import normalisers
from glimpse.config.files import load_experiment
from glimpse.envs.text.planted import planted
from glimpse.training.train import train_command

torch.set_num_threads(1)
torch.manual_seed(0)

# %% [markdown]
r"""
## One line, three gradients

Let $a_1, \ldots, a_L$ be what may be read, $e_i$ their scores, $\alpha = \mathrm{softmax}(e)$, and $\ell$ the loss of
an answer from a context.

**Soft** reads the mean $z = \sum_i \alpha_i a_i$ (section 4.2 of the paper, equation 13), and backpropagation gives

$$
\frac{\partial \ell(z)}{\partial e_i} = \alpha_i\, \nabla \ell(z)^\top (a_i - z).
$$

**Hard** draws a position, $s \sim \alpha$, and reads $z = a_s$ (section 4.1, equations 8 and 9). The draw has no
gradient. What is minimised is the expected loss $\sum_i \alpha_i\, \ell(a_i)$ (a bound, equation 10), and its gradient
is

$$
\frac{\partial}{\partial e_i} \sum_j \alpha_j\, \ell(a_j)
= \alpha_i \left(\ell(a_i) - \sum_j \alpha_j\, \ell(a_j)\right)
= \mathbb{E}_s\left[ \frac{\partial \log \alpha_s}{\partial e_i} (\ell(a_s) - b) \right]
$$

for any baseline $b$. The right side can be estimated by drawing $s$ (equations 11 and 12): REINFORCE.

**Top-k** sets all but the $k$ largest weights to zero, and normalises these. Their scores get the gradient of soft
attention among themselves, and all others get *nothing*.

By hand: three numbers $a = (1, 2, 6)$ with equal scores, and the loss $\ell(z) = z$. Soft:
$\frac13 (1 - 3,\, 2 - 3,\, 6 - 3) = (-\frac23, -\frac13, 1)$. Hard: the same, since a mean of losses is the loss of the
mean when $\ell$ is linear. Top-2 of the first two: $\frac12 (1 - 1.5,\, 2 - 1.5,\, 0) = (-\frac14, \frac14, 0)$. Top-1:
zeros.

With the loss $\ell(z) = (z - 2)^2$ they part. Soft: $\frac13 \cdot 2 (3 - 2) (-2, -1, 3) = (-\frac43, -\frac23, 2)$.
Hard: losses $(1, 0, 16)$ of mean $\frac{17}{3}$ give
$\frac13 (1 - \frac{17}{3},\, 0 - \frac{17}{3},\, 16 - \frac{17}{3}) = (-\frac{14}{9}, -\frac{17}{9}, \frac{31}{9})$.
Soft attention may end at any mixture of mean 2, such as $\frac45 \cdot 1 + \frac15 \cdot 6$. Hard attention has to
choose the 2.
"""

# %%
values = torch.tensor([1.0, 2.0, 6.0])


def linear(z: Tensor) -> Tensor:
    """Return the first loss."""
    return z


def squared(z: Tensor) -> Tensor:
    """Return the second loss."""
    return (z - 2).square()


def top(scores: Tensor, k: int) -> Tensor:
    """Return weights (..., L): a softmax over the k largest scores, zero elsewhere."""
    best = scores.topk(k, -1)
    return torch.zeros_like(scores).scatter(-1, best.indices, best.values.softmax(-1))


for loss, soft_by_hand, hard_by_hand in (
    (linear, [-2 / 3, -1 / 3, 1], [-2 / 3, -1 / 3, 1]),
    (squared, [-4 / 3, -2 / 3, 2], [-14 / 9, -17 / 9, 31 / 9]),
):
    scores = torch.zeros(3, requires_grad=True)
    (soft,) = torch.autograd.grad(loss(scores.softmax(0) @ values), scores)
    (hard,) = torch.autograd.grad(scores.softmax(0) @ loss(values), scores)
    print(f"{loss.__name__:8} soft {soft.tolist()}\n         hard {hard.tolist()}")
    assert torch.allclose(soft, torch.tensor(soft_by_hand)) and torch.allclose(hard, torch.tensor(hard_by_hand))

for k, by_hand in ((2, [-0.25, 0.25, 0.0]), (1, [0.0, 0.0, 0.0])):
    scores = torch.tensor([0.0, -0.0, -1e-9], requires_grad=True)
    (ours,) = torch.autograd.grad(top(scores, k) @ values, scores)
    (theirs,) = torch.autograd.grad(normalisers.topk(scores, k=k) @ values, scores)  # glimpse's
    print(f"top-{k}    {ours.tolist()}")
    assert ours.tolist() == theirs.tolist() == by_hand

# %% [markdown]
r"""
In practice the gradient of hard attention is estimated. Draws are unbiased, but noisy, and a baseline takes much of the
noise away: here it is the expected loss. glimpse's `reinforce` is the same estimate, with rewards instead of losses.
"""

# %%
scores = torch.zeros(3, requires_grad=True)
exact = torch.tensor([-14 / 9, -17 / 9, 31 / 9])
drawn = torch.randint(3, (100_000,))
losses = squared(values)[drawn]
score_function = F.one_hot(drawn, 3) - scores.softmax(0).detach()  # The gradient of log alpha_s.
for name, baseline in (("no baseline", torch.tensor(0.0)), ("the mean as baseline", losses.mean())):
    estimates = score_function * (losses - baseline)[:, None]
    print(f"{name}: mean {[round(x, 2) for x in estimates.mean(0).tolist()]}, variance {estimates.var(0).sum():.1f}")
    assert torch.allclose(estimates.mean(0), exact, atol=0.1)

log_prob = scores.log_softmax(0)[drawn]
(theirs,) = torch.autograd.grad(policy_gradient.reinforce(log_prob[None], (losses.mean() - losses)[None]), scores)
assert torch.allclose(theirs, estimates.mean(0), atol=1e-2)

# %% [markdown]
r"""
## Texts in which one word decides

glimpse's planted texts have 20 words. One, the *mark*, carries the class; the others are drawn at random. So it is
known what a reader should read.
"""

# %%
known, _validation, unseen = planted(1)
numbers = {word: number for number, word in enumerate(sorted({word for text in known.text for word in text.split()}))}
texts, classes = (
    torch.tensor([[numbers[word] for word in text.split()] for text in known.text]),
    torch.tensor(known.label),
)
test_texts = torch.tensor([[numbers[word] for word in text.split()] for text in unseen.text[:1000]])
test_classes, marks = torch.tensor(unseen.label[:1000]), torch.tensor(np.stack(unseen.evidence or [])[:1000])
print(unseen.text[0], "->", int(test_classes[0]))
assert marks.sum(1).unique().tolist() == [1]


class Reader(nn.Module):
    """Word vectors, a score for each word, and a linear layer that answers from the context."""

    def __init__(self, width: int = 32) -> None:
        """Make the layers for four classes."""
        super().__init__()
        self.words, self.hidden = nn.Embedding(len(numbers), width), nn.Linear(width, width)
        self.score, self.answer = nn.Linear(width, 1), nn.Linear(width, 4)

    def forward(self, text: Tensor) -> tuple[Tensor, Tensor]:
        """Return the vectors (B, L, D) and scores (B, L) of texts (B, L)."""
        vectors = self.words(text)
        return vectors, self.score(torch.tanh(self.hidden(vectors)))[..., 0]


def weights_of(scores: Tensor, kind: str) -> Tensor:
    """Return the weights (B, L) of soft attention, of top-k ("top-4"), or of the draws of hard attention."""
    if kind == "hard":
        return F.one_hot(torch.distributions.Categorical(logits=scores).sample(), scores.shape[1]).float()
    return scores.softmax(1) if kind == "soft" else top(scores, int(kind[4:]))


def train(kind: str, entropy: float = 0.1, steps: int = 500) -> tuple[Reader, list[float]]:
    """Train a reader; return it, and its accuracy after each 100 updates."""
    torch.manual_seed(0)
    reader, baseline, curve = Reader(), torch.tensor(0.0), []
    optimiser = torch.optim.Adam(reader.parameters(), 0.01)
    for step in range(1, steps + 1):
        batch = torch.randint(len(texts), (64,))
        vectors, scores = reader(texts[batch])
        weights = weights_of(scores, kind)  # The line in which they differ.
        logits = reader.answer((weights[:, None] @ vectors)[:, 0])
        losses = F.cross_entropy(logits, classes[batch], reduction="none")
        total = losses.mean()
        if kind == "hard":
            log_prob = (weights * scores.log_softmax(1)).sum(1)
            total = total + (log_prob * (losses.detach() - baseline)).mean()
            total = total - entropy * torch.distributions.Categorical(logits=scores).entropy().mean()
            baseline = 0.9 * baseline + 0.1 * losses.detach().mean()
        optimiser.zero_grad()
        total.backward()
        optimiser.step()
        curve += [measure(reader, kind)[0]] if step % 100 == 0 else []
    return reader, curve


@torch.no_grad()
def measure(reader: Reader, kind: str) -> tuple[float, float]:
    """Return the accuracy, and how often the largest weight is the mark's. Hard attention reads the likeliest word."""
    vectors, scores = reader(test_texts)
    weights = weights_of(scores, "top-1" if kind == "hard" else kind)
    right = reader.answer((weights[:, None] @ vectors)[:, 0]).argmax(1) == test_classes
    found = marks.gather(1, scores.argmax(1, keepdim=True))
    return float(right.float().mean()), float(found.float().mean())


kinds = ["soft", "top-4", "top-1", "hard"]
trained = {kind: train(kind) for kind in kinds}
measured = {kind: measure(reader, kind) for kind, (reader, _) in trained.items()}
for kind, (right, found) in measured.items():
    print(f"{kind:6} right {right:.0%}, the mark has the largest weight in {found:.0%}")
with torch.no_grad():
    chosen = trained["hard"][0](test_texts)[1].argmax(1, keepdim=True)
    by_class = [float(marks.gather(1, chosen)[test_classes == number].float().mean()) for number in range(4)]
print("hard attention reads the mark, by class:", *(f"{share:.0%}" for share in by_class))
figure, axis = plt.subplots(figsize=(5, 2.6))
for kind, (_, curve) in trained.items():
    axis.plot(range(100, 501, 100), curve, label=kind)
axis.set(xlabel="updates", ylabel="right answers", ylim=(0, 1.05))
axis.legend(loc="center left", bbox_to_anchor=(1, 0.5))
plt.show()
assert min(measured["soft"]) > 0.9 and measured["hard"][0] > 0.9
assert measured["top-1"][0] < 0.5 and measured["top-1"][0] < measured["top-4"][0] < measured["soft"][0]

# %% [markdown]
r"""
*Soft* learns at once: each word's score hears of each text. *Hard* needs more updates, since it learns only of the
words that it drew; in the end it answers from one word of twenty. *Top-1* learns nothing: a softmax over one score is
1, whatever the score, and its gradient is zero. *Top-4* learns in part: what is not among the first four is never
tried. Hard attention *explores*, and that is what its noise is good for.

One thing is odd: hard attention is nearly always right, and yet reads the mark of one class in only half of the texts.
It found a code: where no mark of the other classes is there, any word means this one. The answer is right and the
reason is not, which no accuracy shows. In glimpse `agent.held` prevents it: the reader is frozen before the selector
learns.

## Ours: one line

In glimpse hard attention that keeps words is the agent `rationale` (Lei, Barzilay and Jaakkola, 2016): a selector draws
for each word whether it is kept, at a cost, and a reader answers from the kept words alone. The reader of this config
has one layer in which no word sees another one, and a pooling by attention. `agent.name=reader` takes the selector
away: soft attention over all words. Another line makes the pooling top-1.
"""

# %%
CONFIG = """
task: {name: text, data: planted, vectors: none}
agent:
  name: rationale
  selector: {kind: pooled, width: 64}
  estimator: {kind: reinforce, copies: 4, baseline: leave_one_out}
  random_until: 0.3  # At first the reader learns from random words.
  encoder:
    kind: transformer
    width: 32
    layers: 1
    feed_forward: 32
    attention: {kind: multi_head, heads: 1}
    mask: {kind: window, width: 0}
    positions: none
    dropout: 0.0
    pooling: {kind: attention, query: learned, score: {kind: additive, normaliser: softmax}}
  embedding_width: 32
  dropout: 0.0
train: {steps: 150, batch: 64, learning_rate: 0.01, evaluate_every: 150, precision: float32}
evaluate: {batch: 500, precision: float32}
track: {mode: disabled}
threads: 1
"""
LINES = {
    "hard": [],
    "soft": ["agent.name=reader"],
    "top-1": ["agent.name=reader", "agent.encoder.pooling.score.normaliser={kind: topk, k: 1}"],
}
folder = Path(tempfile.mkdtemp())
(folder / "planted-one.yaml").write_text(CONFIG)
rows = {}
for name, overrides in LINES.items():
    with redirect_stdout(io.StringIO()):  # Without the lines of progress, which differ from run to run.
        train_command(load_experiment(folder / "planted-one.yaml", overrides), folder / name, resume=False)
    answers = glimpse.load(folder / name).predict(unseen.text[:200])
    right = np.mean([answer.label == str(label) for answer, label in zip(answers, unseen.label, strict=False)])
    read = np.array([[token.kept and bool(token.weight) for token in answer.tokens] for answer in answers])
    on_mark = np.mean([max(answer.tokens, key=lambda token: token.weight).text.startswith("m") for answer in answers])
    rows[name] = float(right), float(read.mean()), float(on_mark)
    print(f"{name:6} right {right:.0%}, reads {read.mean():.0%} of the words, largest weight at the mark {on_mark:.0%}")
assert rows["hard"][0] > 0.95 and rows["hard"][1] < 0.15 and rows["soft"][0] > 0.95 and rows["soft"][1] == 1
assert rows["top-1"][0] < 0.5

# %% [markdown]
r"""
The same result: soft and hard find the mark, hard from about a tenth of the words, and top-1 stays at chance. On
pictures the line is `agent.attention=soft` or `hard` of the agent `grid`; in translation, `agent.attention=hard` of
`luong`.

## Exercises

1. The paper adds an entropy bonus to hard attention (section 4.1, equation 12 and below). Take it away. What goes
   wrong?
2. Top-1 has no gradient. Repair it: read the top word in the forward pass, but let the backward pass see a softmax
   (*straight through*).
3. Sparsemax (Martins and Astudillo, 2016) projects the scores onto the simplex: $p_i = \max(0, e_i - \tau)$ with $\tau$
   such that they add up to 1. Compute it for $e = (1, 0.6, -1)$. Which words get a gradient?

## Answers

1. The policy commits to words before the reader has seen all marks: a word that is never drawn never gets better. The
   bonus keeps draws alive.
"""

# %%
without_entropy = measure(train("hard", entropy=0.0)[0], "hard")
print(f"hard attention without entropy bonus: right {without_entropy[0]:.0%}, with it {measured['hard'][0]:.0%}")
assert without_entropy[0] < measured["hard"][0]

# %% [markdown]
r"""
2. Weights that are `top` in value and `softmax` in gradient:
   $w = \mathrm{softmax}(e) + [\mathrm{top}(e) - \mathrm{softmax}(e)]$, with no gradient through the bracket. It is
   biased: it is the gradient of an answer that was not given. By hand, for $a = (1, 2, 6)$ and equal scores, it is that
   of soft attention at another context: for a linear loss, exactly that of soft attention.
"""


# %%
def straight_through(scores: Tensor) -> Tensor:
    """Return weights (..., L) of top-1, with the gradient of a softmax."""
    soft = scores.softmax(-1)
    return soft + (top(scores, 1) - soft).detach()


scores = torch.zeros(3, requires_grad=True)
(gradient,) = torch.autograd.grad(linear(straight_through(scores) @ values), scores)
print("value", (straight_through(scores) @ values).item(), "gradient", gradient.tolist())
assert torch.allclose(gradient, torch.tensor([-2 / 3, -1 / 3, 1.0]))

# %% [markdown]
r"""
3. With two words in the support, $\tau = (1 + 0.6 - 1) / 2 = 0.3$, and $p = (0.7, 0.3, 0)$; the third stays out, as
   $-1 < 0.3$. Inside the support the Jacobian is $I - \frac12 \mathbb{1} \mathbb{1}^\top$; the third word gets nothing,
   as with top-k. But sparsemax decides by itself how many it reads, and a word just outside may come in when the
   others' scores fall.
"""

# %%
scores = torch.tensor([1.0, 0.6, -1.0], requires_grad=True)
weights = normalisers.sparsemax(scores)
(gradient,) = torch.autograd.grad(weights @ values, scores)
print("weights", [round(x, 3) for x in weights.tolist()], "gradient", gradient.tolist())
assert torch.allclose(weights, torch.tensor([0.7, 0.3, 0.0]))
assert torch.allclose(gradient, torch.tensor([-0.5, 0.5, 0.0]))
