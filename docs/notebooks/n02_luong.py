# ---
# jupyter:
#   jupytext:
#     cell_markers: '"""'
# ---

# %% [markdown]
r"""# 2. Global and local attention: Luong's variants.

Notebook 1 built the attention of Bahdanau et al. (2015). Luong, Pham and Manning (2015, "Effective approaches to
attention-based neural machine translation", below: *the paper*) asked two questions. How should a state of the decoder
be compared with those of the source: must it be a hidden layer, or is a product enough? And must each step read *all*
of the source? Their answers are scores with one matrix or none, from which the Transformer's grew, and *local*
attention, which reads a window around a position that it chooses.

We write all of them, check them by hand and against glimpse, and see on a small task when a window is enough.
"""

# %%
import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glimpse.agents.attention.local import LocalAttention
from glimpse.agents.attention.mechanisms import make_attention
from glimpse.agents.attention.multiplicative import GeneralScore
from glimpse.agents.attention.options import (
    AdditiveOptions,
    DotOptions,
    GeneralOptions,
    LinearConcatOptions,
    LocalOptions,
    LocationOptions,
    MechanismOptions,
)

torch.set_num_threads(1)
torch.manual_seed(0)

# %% [markdown]
r"""
## Global attention

The decoder's *current* state $h_t$ (Bahdanau: the one before) is compared with all states $\bar{h}_s$ of the source.
The weights are a softmax of the scores (equation 7 of the paper), the context is the weighted mean, and both together
give the output (equations 5 and 6):

$$
a_t(s) = \frac{\exp \mathrm{score}(h_t, \bar{h}_s)}{\sum_{s'} \exp \mathrm{score}(h_t, \bar{h}_{s'})}, \qquad
c_t = \sum_s a_t(s)\, \bar{h}_s, \qquad
\tilde{h}_t = \tanh(W_c [c_t; h_t]), \qquad
p(y_t) = \mathrm{softmax}(W_s \tilde{h}_t).
$$

The scores (section 3.1), and one that does not look at the source at all (location, equation 8):

$$
\mathrm{score}(h_t, \bar{h}_s) =
\begin{cases}
h_t^\top \bar{h}_s & \text{dot} \\
h_t^\top W_a \bar{h}_s & \text{general} \\
v_a^\top \tanh(W_a [h_t; \bar{h}_s]) & \text{concat}
\end{cases}
\qquad\qquad
a_t = \mathrm{softmax}(W_a h_t) \quad \text{location}
$$

*Concat* is Bahdanau's score: $W_a [h_t; \bar{h}_s]$ is $W h_t + U \bar{h}_s$, with $W$ and $U$ the halves of $W_a$.
"""


# %%
def dot(query: Tensor, keys: Tensor) -> Tensor:
    """Return scores (B, M, S) of queries (B, M, D) and keys (B, S, D)."""
    return query @ keys.transpose(1, 2)


def general(query: Tensor, keys: Tensor, w: Tensor) -> Tensor:
    """Do the same with a matrix w (D, D) between them."""
    return query @ w @ keys.transpose(1, 2)


def concat(query: Tensor, keys: Tensor, w: Tensor, v: Tensor) -> Tensor:
    """Do the same by a hidden layer w (N, 2 D) of both, and v (N,)."""
    pairs = torch.cat(torch.broadcast_tensors(query[:, :, None], keys[:, None]), -1)  # (B, M, S, 2 D)
    return torch.tanh(pairs @ w.T) @ v


def location(query: Tensor, keys: Tensor, w: Tensor) -> Tensor:
    """Do the same by a row of w (longest, D) for each position, whatever its key."""
    return (query @ w.T)[..., : keys.shape[1]]


def read(scores: Tensor, keys: Tensor) -> tuple[Tensor, Tensor]:
    """Return contexts (B, M, D) and weights (B, M, S)."""
    weights = scores.softmax(-1)
    return weights @ keys, weights


# %% [markdown]
r"""
By hand: $h_t = (1, 2)$ and $\bar{h} = (1, 0), (0, 1), (1, 1)$ have the dot products $1, 2, 3$. With
$e + e^2 + e^3 = 30.193$ the weights are $0.0900, 0.2447, 0.6652$, and the context is
$(0.0900 + 0.6652,\; 0.2447 + 0.6652) = (0.7553, 0.9100)$.
"""

# %%
hand_query, hand_keys = torch.tensor([[[1.0, 2.0]]]), torch.tensor([[[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]])
context, weights = read(dot(hand_query, hand_keys), hand_keys)
print("weights", [round(value, 4) for value in weights.flatten().tolist()])
print("context", [round(value, 4) for value in context.flatten().tolist()])
assert torch.allclose(weights.flatten(), torch.tensor([0.0900, 0.2447, 0.6652]), atol=1e-4)
assert torch.allclose(context.flatten(), torch.tensor([0.7553, 0.9100]), atol=1e-4)
assert torch.equal(general(hand_query, hand_keys, torch.eye(2)), dot(hand_query, hand_keys))

# %% [markdown]
"""
glimpse makes each from options, which are what a config writes under `agent.attention`. We take over its random
weights, and compare contexts and weights.
"""

# %%
B, M, S, D = 3, 5, 7, 8
query, keys = torch.randn(B, M, D), torch.randn(B, S, D)


def weights_of(mechanism: nn.Module) -> list[Tensor]:
    """Return the weights of a mechanism's layers, by the names of these."""
    return [weight for _, weight in sorted(mechanism.state_dict().items())]


def agrees(options: MechanismOptions, scores: Tensor, mechanism: nn.Module) -> None:
    """Check that a mechanism of glimpse gives the contexts and weights of our scores."""
    theirs, (context, weights) = mechanism(query, keys, keys), read(scores, keys)
    assert torch.allclose(theirs.context, context, atol=1e-5) and torch.allclose(theirs.weights, weights, atol=1e-5)
    print(f"{options.kind:9} agrees with glimpse")


agrees(DotOptions(), dot(query, keys), make_attention(DotOptions(), D))
mechanism = make_attention(GeneralOptions(), D)
agrees(GeneralOptions(), general(query, keys, weights_of(mechanism)[0].T), mechanism)
mechanism = make_attention(AdditiveOptions(kind="concat"), D)
u, v, w = weights_of(mechanism)  # score.key, score.out, score.query
agrees(AdditiveOptions(kind="concat"), concat(query, keys, torch.cat([w, u], 1), v[0]), mechanism)
mechanism = make_attention(LocationOptions(length=20), D)
agrees(LocationOptions(), location(query, keys, weights_of(mechanism)[0]), mechanism)

# %% [markdown]
r"""
## Local attention

Local attention (section 3.2) chooses a position $p_t$ for each step, and reads the window $[p_t - D, p_t + D]$; here
$D$ is half its width. *local-m*, monotone: $p_t = t$. *local-p*, predicted (equation 9, with $S$ the length of the
source):

$$
p_t = S \cdot \mathrm{sigmoid}(v_p^\top \tanh(W_p h_t)).
$$

How can $p_t$ be learned? Moving a window that cuts sharply has no gradient. The paper multiplies the weights with a
Gaussian around $p_t$ (equation 10), of which $p_t$ is a parameter:

$$
a_t(s) = \mathrm{align}(h_t, \bar{h}_s) \exp\left(-\frac{(s - p_t)^2}{2 \sigma^2}\right), \qquad \sigma = \frac{D}{2}.
$$

It is halfway between soft attention, which reads everything, and hard attention, which reads one place and needs a
policy gradient (notebook 3).
"""


# %%
def local(scores: Tensor, keys: Tensor, position: Tensor, half_width: int, gaussian: bool) -> tuple[Tensor, Tensor]:
    """Return contexts and weights of local attention, for positions p_t (B, M, 1)."""
    offset = torch.arange(keys.shape[1]) - position
    weights = scores.masked_fill(offset.abs() > half_width, -torch.inf).softmax(-1)
    if gaussian:
        weights = weights * torch.exp(-offset.square() / (2 * (half_width / 2) ** 2))
    return weights @ keys, weights


def predicted(query: Tensor, length: int, w: Tensor, v: Tensor) -> Tensor:
    """Return p_t (B, M, 1), equation 9."""
    return length * torch.sigmoid(torch.tanh(query @ w.T) @ v.T)


# The Gaussian by hand: D = 4, so sigma = 2, around p = 5. With equal scores the weights are 1/9 times exp(-k^2 / 8).
_, weights = local(torch.zeros(1, 1, 11), torch.zeros(1, 11, 1), torch.full((1, 1, 1), 5.0), 4, gaussian=True)
print([round(value, 4) for value in (9 * weights).flatten().tolist()])
assert torch.allclose(9 * weights[0, 0, 5:], torch.tensor([1, 0.8825, 0.6065, 0.3247, 0.1353, 0]), atol=1e-4)

# v_p = 0 predicts the middle of the source.
assert predicted(query, 11, torch.randn(D, D), torch.zeros(1, D)).unique().tolist() == [5.5]

# Both kinds against glimpse, with a window that is smaller than the source.
for centre in ("monotone", "predicted"):
    theirs = LocalAttention(GeneralScore(D, D), D, half_width=2, centre=centre)
    learned = theirs.state_dict()
    scores = general(query, keys, learned["score.weight.weight"].T)
    steps = torch.arange(M, dtype=torch.float32)[None, :, None]
    position = steps
    if centre == "predicted":
        position = predicted(query, S, learned["predict.0.weight"], learned["predict.2.weight"])
    context, weights = local(scores, keys, position, 2, gaussian=centre == "predicted")
    attended = theirs(query, keys, keys)
    assert torch.allclose(attended.context, context, atol=1e-5) and torch.allclose(attended.weights, weights, atol=1e-5)
    print(f"local, {centre}: agrees with glimpse; a row of weights sums to at most {float(weights.sum(-1).max()):.2f}")
assert weights.sum(-1).max() < 1  # local-p does not normalise again after the Gaussian.

# %% [markdown]
r"""
## When is a window enough?

The smallest translator of the paper's kind: LSTMs that read and write, without input feeding (section 3.3), so that all
steps attend at once. The tasks are to *copy* a sequence and to *reverse* it. Only one line differs between the runs:
the options of attention, with $D = 2$, so that a window has at most five of up to twelve tokens.
"""

# %%
SYMBOLS, WIDTH, LONGEST = 20, 48, 12


class Translator(nn.Module):
    """LSTM encoder of both directions, LSTM decoder, and an attention."""

    def __init__(self, options: MechanismOptions) -> None:
        """Make the networks."""
        super().__init__()
        self.embedding = nn.Embedding(SYMBOLS + 1, WIDTH)  # 0 stands before the first token.
        self.encoder = nn.LSTM(WIDTH, WIDTH // 2, batch_first=True, bidirectional=True)
        self.decoder = nn.LSTM(WIDTH, WIDTH, batch_first=True)
        self.attention = make_attention(options, WIDTH)
        self.combine, self.output = nn.Linear(2 * WIDTH, WIDTH, bias=False), nn.Linear(WIDTH, SYMBOLS + 1)

    def forward(self, source: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits (B, M, symbols) of a known target (B, M), and the weights (B, M, S)."""
        states, last = self.encoder(self.embedding(source))
        first = tuple(part.transpose(0, 1).reshape(1, len(source), WIDTH) for part in last)
        hidden, _ = self.decoder(self.embedding(F.pad(target[:, :-1], (1, 0))), first)
        context, weights = self.attention(hidden, states, states)
        return self.output(torch.tanh(self.combine(torch.cat([context, hidden], 2)))), weights  # Equations 5 and 6.


def draw(task: str, count: int, length: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw sequences (B, L) of different symbols, and what should be written."""
    source = torch.rand(count, SYMBOLS, generator=generator).argsort(1)[:, :length] + 1
    return source, source.flip(1) if task == "reverse" else source


def train(task: str, options: MechanismOptions, steps: int = 250) -> Translator:
    """Train on batches of 32 sequences, of one length each, 4 to 12."""
    torch.manual_seed(0)
    translator, generator = Translator(options), torch.Generator().manual_seed(1)
    optimiser = torch.optim.Adam(translator.parameters(), 0.01)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.05, steps)
    for _ in range(steps):
        source, target = draw(task, 32, int(torch.randint(4, LONGEST + 1, (1,), generator=generator)), generator)
        optimiser.zero_grad()
        F.cross_entropy(translator(source, target)[0].flatten(0, 1), target.flatten()).backward()
        nn.utils.clip_grad_norm_(translator.parameters(), 1.0)
        optimiser.step()
        schedule.step()
    return translator


@torch.no_grad()
def accuracy(translator: Translator, task: str) -> float:
    """Return the fraction of right tokens in 200 sequences of the largest length."""
    source, target = draw(task, 200, LONGEST, torch.Generator().manual_seed(2))
    return float((translator(source, target)[0].argmax(2) == target).float().mean())


kinds = {
    "global": GeneralOptions(),
    "local-m": LocalOptions(centre="monotone", half_width=2),
    "local-p": LocalOptions(centre="predicted", half_width=2),
}
reversing = {name: train("reverse", options) for name, options in kinds.items()}
right = {name: accuracy(translator, "reverse") for name, translator in reversing.items()}
copied = accuracy(train("copy", kinds["local-m"]), "copy")
print("reverse:", ", ".join(f"{name} {value:.0%}" for name, value in right.items()))
print(f"copy: local-m {copied:.0%}")
assert copied > 0.95 and min(right["global"], right["local-p"]) > 0.9 > right["local-m"] + 0.1

# %%
figure, axes = plt.subplots(1, 3, figsize=(7.5, 2.6))
source, target = draw("reverse", 1, LONGEST, torch.Generator().manual_seed(3))
with torch.no_grad():
    for axis, (name, translator) in zip(axes, reversing.items(), strict=True):
        axis.imshow(translator(source, target)[1][0], cmap="Greys", vmin=0, vmax=1)
        axis.set(title=name, xlabel="read", xticks=[], yticks=[])
axes[0].set_ylabel("written")
plt.show()

# %% [markdown]
r"""
A window that moves with the writer is enough to copy, and cannot be enough to reverse: what is needed lies outside of
it, except in the middle. (It does better than nothing, since the LSTM carries some of the sequence: the bottleneck of
notebook 1.) The predicted window learned to run backwards, through the Gaussian's gradient alone. In the paper local-p
was best on English-German, and local-m close to it, since the order of words is nearly the same. In glimpse all are one
line of a config: `glimpse train multi30k-luong-general agent.attention='{kind: local, centre: predicted}'`.

## Exercises

1. Show that local attention without the Gaussian is global attention as soon as the window covers the source.
2. Take the Gaussian away from local-p. Which gradient reaches $v_p$? And does the Gaussian's gradient push $p_t$
   towards tokens that help?
3. Some versions of the paper print concat as $w_a^\top [h_t; \bar{h}_s]$, without the hidden layer. What is wrong with
   that score?

## Answers

1. With $D \geq S$ no token is further from $p_t$ than $D$, so that nothing is masked.
"""

# %%
wide = LocalAttention(GeneralScore(D, D), D, half_width=S, centre="predicted", gaussian=False)
everything = read(wide.score(query, keys), keys)
assert torch.allclose(wide(query, keys, keys).context, everything[0], atol=1e-5)
print("a window that covers the source is global attention")

# %% [markdown]
r"""
2. None: the window's borders are steps. With the Gaussian, let the loss be minus the weight of the last token. Its
   gradient with respect to $p_t$ is negative wherever that token is in the window, so that gradient descent moves $p_t$
   to the right. Outside the window there is no gradient: a prediction that is far off is not repaired by a token that
   it does not read.
"""


# %%
def push(position: float, gaussian: bool) -> float:
    """Return the gradient of minus the last token's weight with respect to p_t."""
    p = torch.tensor([[[position]]], requires_grad=True)
    _, weights = local(torch.zeros(1, 1, S), torch.zeros(1, S, 1), p, 2, gaussian)
    gradient = torch.autograd.grad(-weights[0, 0, -1], p, allow_unused=True)[0] if weights.requires_grad else None
    return 0.0 if gradient is None else float(gradient)


inside, outside = S - 2.5, S - 5.0
print(f"with the Gaussian {push(inside, True):.3f} inside and {push(outside, True):.1f} outside of the window")
print(f"without it {push(inside, False):.1f}")
assert push(inside, True) < 0 and push(outside, True) == 0 == push(inside, False)

# %% [markdown]
r"""
3. It is $w_1^\top h_t + w_2^\top \bar{h}_s$. The first term is the same for all $s$, and a softmax does not change when
   a constant is added to all scores: the weights do not depend on the decoder at all. (glimpse has it as
   `linear_concat`, for comparison.)
"""

# %%
linear = make_attention(LinearConcatOptions(), D)
first, second = linear(query, keys, keys).weights, linear(torch.randn(B, M, D), keys, keys).weights
assert torch.allclose(first, second, atol=1e-6)
print("other queries, the same weights")
