# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
r"""# 7. Structured, relative, distance-based and directional attention.

Plain attention is one look-up that is blind to order. Four papers each changed one thing: several vectors instead of
one (structured; Lin et al., 2017), scores that know the offset of two tokens (relative; Shaw et al., 2018), scores that
fall with the distance (Im and Cho, 2017), and a mask with a direction, with weights for each feature (DiSAN; Shen et
al., 2018).

You will see for each

- its equation, worked by hand on three or four tokens, and the same numbers from the library's module;
- what does not change its result (order, shift, mirror image), which says what it is blind to;
- and, at the end, one table: tasks that some of them learn in a second, and the others not at all.

Three exercises follow, with answers that run.
"""

# %%
from collections.abc import Callable

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glimpse.agents.attention import options as o
from glimpse.agents.attention.directional import Token2Token
from glimpse.agents.attention.distance import Distance, distances
from glimpse.agents.attention.masks import DIRECTIONS, Backward, Causal, DiagonalDisabled, Forward, Pattern, Window
from glimpse.agents.attention.mechanisms import make_attention
from glimpse.agents.attention.multi_head import MultiHead
from glimpse.agents.attention.relative import Relative, offsets
from glimpse.agents.attention.structured import Structured, penalty

torch.set_num_threads(1)
torch.manual_seed(0)

# %% [markdown]
r"""
## Masks with a direction

Rows attend, columns are attended to. DiSAN's masks leave out the token itself; a gate brings it back in. Patterns
combine with `&`, `|` and `~`. In the pictures below, the last two are not masks but what two mechanisms add to a score:
the clipped offset selects a learned vector (relative), and a penalty grows with the distance (distance-based).
"""

# %%
print((Window(width=1) & Causal()).draw(5))
assert int(Window(width=1)(7, 7).sum()) == 19  # by hand: 7 on the diagonal, 6 on each side
assert torch.equal(DiagonalDisabled()(6, 6), (Forward() | Backward())(6, 6))

patterns: dict[str, Pattern] = {
    "forward": Forward(),
    "backward": Backward(),
    "diagonal_disabled": DiagonalDisabled(),
    "window of 2": Window(width=2),
}
figure, axes = plt.subplots(1, 6, figsize=(9, 1.9), dpi=70)
for axis, (title, pattern) in zip(axes, patterns.items(), strict=False):
    axis.imshow(pattern(8, 8).float(), cmap="Blues", vmin=0, vmax=1.4)
    axis.set_title(title, fontsize=8)
axes[4].imshow(offsets(8, 8, clip=2) - 2, cmap="coolwarm")
axes[4].set_title("offset, clip 2", fontsize=8)
axes[5].imshow(-1.5 * distances(8, 8), cmap="viridis")
axes[5].set_title("-1.5 x distance", fontsize=8)
for axis in axes:
    axis.set_xticks([])
    axis.set_yticks([])
figure.tight_layout()
plt.show()

# %% [markdown]
r"""
## Structured: several vectors

A text becomes $r$ vectors, or hops, each with weights of its own (Lin et al., 2017, equations 6 and 7):

$$A = \mathrm{softmax}\big(W_2 \tanh(W_1 H^\top)\big), \qquad M = A H$$

A penalty keeps hops from reading the same words (equation 8): $P = \lVert A A^\top - I \rVert_F^2$.

By hand, $r = 2$ hops on three words with $A$ of rows $(0.5, 0.5, 0)$ and $(0, 0.5, 0.5)$: $A A^\top$ has $0.5$ on the
diagonal and $0.25$ beside it, so that $P = 2 \cdot 0.5^2 + 2 \cdot 0.25^2 = 0.625$. It is 0 for hops that read one word
each, all different, and $r (r - 1) = 6$ for three hops on the same word.
"""

# %%
structured = Structured(width=6, hidden=5, hops=2)
text = torch.randn(2, 4, 6)  # (B, n, D)
first, second = (layer.weight for layer in structured.score if isinstance(layer, nn.Linear))
with torch.no_grad():
    matrix = (second @ (first @ text.mT).tanh()).softmax(-1)  # A, (B, r, n)
    found = structured(None, text, text)
    assert torch.allclose(found.context, matrix @ text, atol=1e-6)
    shuffled = text[:, torch.tensor([2, 0, 3, 1])]
    assert torch.allclose(structured(None, shuffled, shuffled).context, found.context, atol=1e-6)
print("equal from scratch and by the library; the order of the words changes nothing")

overlapping = torch.tensor([[[0.5, 0.5, 0.0], [0.0, 0.5, 0.5]]])
for title, reading, expected in (
    ("overlapping", overlapping, 0.625),
    ("one word each", torch.eye(3)[None, :2], 0.0),
    ("all on one word", torch.tensor([[[0.0, 1.0, 0.0]] * 3]), 6.0),
    ("uniform, r = 2, n = 4", torch.full((1, 2, 4), 0.25), 1.25),
):
    print(f"{title:22} penalty {penalty(reading).item():.3f}")
    assert abs(penalty(reading).item() - expected) < 1e-6

# %% [markdown]
r"""
## Relative: the offset counts

Scores and values get a learned vector for the offset $j - i$, clipped to $[-k, k]$ (Shaw et al., 2018, equations 3 and
4):

$$e_{ij} = \frac{q_i^\top (k_j + a^K_{ij})}{\sqrt{d}}, \qquad z_i = \sum_j \alpha_{ij} (v_j + a^V_{ij}), \qquad
a_{ij} = w_{\mathrm{clip}(j - i, -k, k)}$$

By hand with $d = 2$, $k = 1$, all maps the identity, tokens $(1, 0), (0, 1), (1, 1)$; vectors of the keys
$(0.1, 0.2)$ for "before", $(0, 0)$ for "itself" and $(0.3, -0.1)$ for "after". The first token's scores are
$(1,\; 0 + 0.3,\; 1 + 0.3) / \sqrt 2 = (0.7071, 0.2121, 0.9192)$, its weights $(0.3514, 0.2142, 0.4344)$. Plain
attention would give the first and the third token equal weights.
"""

# %%
relative = Relative(width=2, heads=1, clip=1)
maps = relative.heads
with torch.no_grad():
    for linear in (maps.query, maps.key, maps.value, maps.out):
        linear.weight.copy_(torch.eye(2))
        linear.bias.zero_()
    relative.key_table.copy_(torch.tensor([[0.1, 0.2], [0.0, 0.0], [0.3, -0.1]]))
    relative.value_table.copy_(torch.tensor([[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]]))
    three = torch.tensor([[[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]])
    found = relative(three, three, three)
assert found.weights is not None
print("weights of the first token", found.weights[0, 0, 0].numpy().round(6))
print("outputs\n", found.context[0].numpy().round(6))
assert torch.allclose(found.weights[0, 0, 0], torch.tensor([0.351383, 0.214198, 0.434419]), atol=1e-6)
expected_context = torch.tensor([[0.785802, 1.297234], [0.827168, 1.145522], [1.274691, 0.725309]])
assert torch.allclose(found.context[0], expected_context, atol=1e-6)


def relative_from_scratch(module: Relative, x: Tensor) -> Tensor:
    """Compute relative attention of tokens x (n, D) with one head, pair by pair."""
    maps, k = module.heads, module.clip
    q, key, v = maps.query(x), maps.key(x), maps.value(x)
    rows = []
    for i in range(len(x)):
        row = [min(max(j - i, -k), k) + k for j in range(len(x))]
        scores = torch.stack([q[i] @ (key[j] + module.key_table[row[j]]) for j in range(len(x))]) / x.shape[1] ** 0.5
        weights = scores.softmax(0)
        rows.append(
            sum((weights[j] * (v[j] + module.value_table[row[j]]) for j in range(len(x))), torch.zeros_like(x[0]))
        )
    mixed: Tensor = maps.out(torch.stack(rows))
    return mixed


larger = Relative(width=6, heads=1, clip=2)
plain = MultiHead(6, 1)
plain.heads.load_state_dict(larger.heads.state_dict())
long = torch.randn(1, 9, 6)
with torch.no_grad():
    context = larger(long, long, long).context
    assert torch.allclose(context[0], relative_from_scratch(larger, long[0]), atol=1e-5)
    # A shift of the whole text changes nothing: tokens 2 to 8, alone, read as they do under a mask of these tokens.
    inner = torch.arange(9) >= 2
    alone, masked = larger(long[:, 2:], long[:, 2:], long[:, 2:]).context, larger(long, long, long, inner[None, None])
    assert torch.allclose(alone, masked.context[:, 2:], atol=1e-5)
    # Without the tables it is plain attention.
    larger.key_table.zero_()
    larger.value_table.zero_()
    assert torch.allclose(larger(long, long, long).context, plain(long, long, long).context, atol=1e-6)
print("equal from scratch; no shift of the text changes it; tables of zeros make it plain attention")

# %% [markdown]
r"""
## Distance-based: near counts more

The score falls by $\alpha$ for each token of distance, and each direction has an attention of its own (Im and Cho,
2017, the masked attention of their encoder; $\alpha = 1.5$):

$$\alpha_{ij} = \mathrm{softmax}_j\Big(\frac{q_i^\top k_j}{\sqrt{d}} + M^{\text{dir}}_{ij} - \alpha\, |i - j|\Big)$$

By hand, for the fourth token forward and with equal content: distances 3, 2 and 1, so that the weights are in
proportion $e^{-4.5}, e^{-3}, e^{-1.5}$, which is $(0.0391, 0.1753, 0.7856)$. A step further away divides a weight by
$e^{1.5} = 4.48$. Nothing is learned for it, and it works at any length; but far tokens are nearly out of reach.
"""

# %%
four = torch.randn(1, 4, 2)
by_alpha = {
    1.5: [0.039113, 0.175290, 0.785597, 0.0],
    1.0: [0.090031, 0.244728, 0.665241, 0.0],
    0.0: [1 / 3] * 3 + [0.0],
}
for alpha, expected_row in by_alpha.items():
    near = Distance(width=2, heads=1, alpha=alpha, direction="forward")
    with torch.no_grad():
        near.heads.query.weight.zero_()  # equal content
        weights = near(four, four, four).weights
    assert weights is not None
    print(f"alpha {alpha}: weights of the fourth token {weights[0, 0, 3].numpy().round(6)}")
    assert torch.allclose(weights[0, 0, 3], torch.tensor(expected_row), atol=1e-6)

near = Distance(width=6, heads=1, alpha=1.5, direction="diagonal_disabled")
with torch.no_grad():
    q, key, v = near.heads.query(long), near.heads.key(long), near.heads.value(long)
    scores = q @ key.mT / 6**0.5 - 1.5 * distances(9, 9)
    scores = scores.masked_fill(~DIRECTIONS["diagonal_disabled"](9, 9), float("-inf"))
    scratch = near.heads.out(scores.softmax(-1) @ v)
    assert torch.allclose(near(long, long, long).context, scratch, atol=1e-6)
    # It is blind to mirror images: what matters is how far, not on which side.
    mirrored = near(long.flip(1), long.flip(1), long.flip(1)).context.flip(1)
    assert torch.allclose(mirrored, near(long, long, long).context, atol=1e-5)
print("equal from scratch; in both directions at once it cannot tell left from right")

# %% [markdown]
r"""
## Directional: before or after, feature by feature

DiSAN scores a pair of tokens with a whole vector, one score for each feature, and normalises each by itself (Shen et
al., 2018, "DiSAN", section 3.1):

$$f_{ij} = c \tanh\big((W_1 h_i + W_2 h_j + b) / c\big) + M^{\text{dir}}_{ij}, \qquad
s_i = \sum_j \mathrm{softmax}_j(f_{ij}) \odot h_j, \qquad c = 5$$

By hand with one feature, $h = (1, 2, 3)$ and weights of 1. Forward, the third token reads the first two: scores
$5 \tanh(4/5) = 3.3202$ and $5 \tanh(1) = 3.8080$, weights $0.3804$ and $0.6196$, $s = 1.6196$. Backward, the first
token reads the last two: $5 \tanh(3/5) = 2.6852$ and $3.3202$, weights $0.3464$ and $0.6536$, $s = 2.6536$. Forward,
the first token has nothing to read, and $s = 0$.
"""

# %%
numbers = torch.tensor([[[1.0], [2.0], [3.0]]])
for direction, reader, expected_weights, expected_s in (
    ("forward", 2, [0.380415, 0.619585, 0.0], 1.619585),
    ("backward", 0, [0.0, 0.346392, 0.653608], 2.653608),
    ("forward", 0, [0.0, 0.0, 0.0], 0.0),
):
    one = Token2Token(1, direction)
    with torch.no_grad():
        one.query.weight.fill_(1)
        one.key.weight.fill_(1)
        found = one(numbers, numbers, numbers)
    assert found.weights is not None
    own, s = found.weights[0, reader, :, 0], found.context[0, reader, 0].item()
    print(f"{direction:8} token {reader + 1}: weights {own.numpy().round(6)}, s {s:.6f}")
    assert torch.allclose(own, torch.tensor(expected_weights), atol=1e-6) and abs(s - expected_s) < 1e-5

forward, backward = Token2Token(6, "forward"), Token2Token(6, "backward")
backward.load_state_dict(forward.state_dict())
with torch.no_grad():
    h, d = forward.query(long)[:, :, None], forward.key(long)[:, None]
    cells = (5 * ((h + d) / 5).tanh()).masked_fill(~Forward()(9, 9)[..., None], float("-inf"))  # (B, n, n, D)
    scratch = (cells[:, 1:].softmax(2) * long[:, None]).sum(2)
    found = forward(long, long, long)
    assert torch.allclose(found.context[:, 1:], scratch, atol=1e-5)
    turned = forward(long.flip(1), long.flip(1), long.flip(1)).context.flip(1)
    assert torch.allclose(turned, backward(long, long, long).context, atol=1e-5)
print("equal from scratch; forward on the reversed text is backward, reversed")
assert found.weights is not None
favourites = found.weights[0, 8].argmax(0)  # of the last token: which token each feature reads most
print("the last token's features read most of tokens", (favourites + 1).tolist())
assert len(favourites.unique()) > 1

# %% [markdown]
r"""
## What each can do that the others cannot

One layer of attention reads a text of made-up words, and a linear map answers from the context at the word `?`, whose
place is drawn. No positions are added. Four questions with two answers each, so that guessing gives 0.5:

- **order**: is the mark before `?` or after it?
- **previous**: of which class is the word directly before `?`? (All words have a class.)
- **nearest**: marks of both classes are in the text; which is nearer to `?`, on any side?
- **far**: of which class is the one mark, 16 to 23 words before `?`?
"""

# %%
WIDTH, DISTRACTORS = 16, 8
ASK, MARK = DISTRACTORS, DISTRACTORS + 1  # the word `?`; words MARK and MARK + 1 are marks of class 0 and 1
Examples = tuple[Tensor, Tensor, Tensor]  # words (B, n), places of `?` (B,), classes (B, answers)


def ask_order(count: int, draw: torch.Generator) -> Examples:
    """Make texts with a mark before or after the question."""
    words, row = torch.randint(DISTRACTORS, (count, 12), generator=draw), torch.arange(count)
    ask, mark = torch.rand(count, 12, generator=draw).argsort(1)[:, :2].T
    words[row, ask], words[row, mark] = ASK, MARK
    return words, ask, (mark < ask).long()[:, None]


def ask_previous(count: int, draw: torch.Generator) -> Examples:
    """Make texts of marks alone, and ask for the class of the one directly before the question."""
    words, row = MARK + torch.randint(2, (count, 12), generator=draw), torch.arange(count)
    ask = torch.randint(1, 12, (count,), generator=draw)
    label = words[row, ask - 1] - MARK
    words[row, ask] = ASK
    return words, ask, label[:, None]


def ask_nearest(count: int, draw: torch.Generator) -> Examples:
    """Make texts with a mark of each class at different distances from the question."""
    words, row = torch.randint(DISTRACTORS, (count, 12), generator=draw), torch.arange(count)
    places = torch.rand(2 * count, 12, generator=draw).argsort(1)[:, :3]
    apart = (places[:, 1:] - places[:, :1]).abs()
    places = places[apart[:, 0] != apart[:, 1]][:count]
    ask, zero, one = places.T
    words[row, ask], words[row, zero], words[row, one] = ASK, MARK, MARK + 1
    return words, ask, ((one - ask).abs() < (zero - ask).abs()).long()[:, None]


def ask_far(count: int, draw: torch.Generator) -> Examples:
    """Make longer texts with one mark, at least 16 words before the question at the end."""
    words, row = torch.randint(DISTRACTORS, (count, 24), generator=draw), torch.arange(count)
    label = torch.randint(2, (count,), generator=draw)
    words[row, torch.randint(8, (count,), generator=draw)] = MARK + label
    words[:, -1] = ASK
    return words, torch.full((count,), 23), label[:, None]


class Asked(nn.Module):
    """Word vectors, one layer of attention, and answers from the context at one word."""

    def __init__(self, options: o.MechanismOptions) -> None:
        """Make the networks."""
        super().__init__()
        self.embedding, self.attention = nn.Embedding(MARK + 2, WIDTH), make_attention(options, WIDTH)
        self.out = nn.Linear(WIDTH, 2)

    def forward(self, words: Tensor, ask: Tensor) -> Tensor:
        """Compute logits (B, 1, 2)."""
        x = self.embedding(words)
        context = self.attention(x, x, x, need_weights=False).context
        logits: Tensor = self.out(context[torch.arange(len(words)), ask])
        return logits[:, None]


def accuracy(model: nn.Module, make: Callable[[int, torch.Generator], Examples], updates: int = 80) -> float:
    """Train a model with Adam (Kingma and Ba, 2015, algorithm 1, with a rate of 0.02), and return its accuracy."""
    draw, weights = torch.Generator().manual_seed(0), list(model.parameters())
    moments = [(torch.zeros_like(weight), torch.zeros_like(weight)) for weight in weights]
    for step in range(1, updates + 1):
        words, ask, label = make(48, draw)
        loss = F.cross_entropy(model(words, ask).flatten(0, 1), label.flatten())
        slopes = torch.autograd.grad(loss, weights)
        with torch.no_grad():
            for weight, slope, (mean, square) in zip(weights, slopes, moments, strict=True):
                mean.lerp_(slope, 0.1)
                square.lerp_(slope.square(), 0.01)
                weight.sub_(0.02 * mean / (1 - 0.9**step) / ((square / (1 - 0.99**step)).sqrt() + 1e-8))
    words, ask, label = make(1000, draw)
    with torch.no_grad():
        return float((model(words, ask).argmax(-1) == label).float().mean())


mechanisms: dict[str, o.MechanismOptions] = {
    "multi_head": o.MultiHeadOptions(heads=2),
    "relative, k = 2": o.RelativeOptions(heads=2, clip=2),
    "distance, full": o.DistanceOptions(heads=2, direction="full"),
    "distance, forward": o.DistanceOptions(heads=2, direction="forward"),
    "token2token, forward": o.Token2TokenOptions(direction="forward"),
}
tasks = {"order": ask_order, "previous": ask_previous, "nearest": ask_nearest, "far": ask_far}
reached = torch.zeros(len(mechanisms), len(tasks))
readers: dict[str, Asked] = {}  # of the task `previous`
print(f"{'':22}" + "".join(f"{task:>10}" for task in tasks))
for i, (name, chosen) in enumerate(mechanisms.items()):
    for j, (task, make) in enumerate(tasks.items()):
        torch.manual_seed(0)
        model = Asked(chosen)
        reached[i, j] = accuracy(model, make)
        readers |= {name: model} if task == "previous" else {}
    print(f"{name:22}" + "".join(f"{share:10.2f}" for share in reached[i].tolist()))

learned = torch.tensor([[0, 0, 0, 1], [1, 1, 0, 1], [0, 0, 1, 0], [1, 1, 0, 0], [1, 0, 0, 1]], dtype=torch.bool)
assert (reached[learned] > 0.95).all() and (reached[~learned] < 0.85).all()

# %%
figure, axis = plt.subplots(figsize=(5.2, 2.6), dpi=70)
axis.imshow(reached, cmap="Greens", vmin=0.4, vmax=1.6, aspect="auto")
axis.set_xticks(range(len(tasks)), list(tasks))
axis.set_yticks(range(len(mechanisms)), list(mechanisms))
for i, row in enumerate(reached.tolist()):
    for j, share in enumerate(row):
        axis.text(j, i, f"{share:.2f}", ha="center", va="center", fontsize=9)
axis.set_title("accuracy after 80 updates; guessing gives 0.5", fontsize=9)
figure.tight_layout()
plt.show()

# %% [markdown]
r"""
The weights of the word `?` in one text of the task *previous*, after training; means over heads and features. Where the
word before `?` has nearly all of the weight, the question is answered.
"""

# %%
words, ask, _ = ask_previous(100, torch.Generator().manual_seed(3))
words, ask = words[ask == 7][:1], ask[ask == 7][:1]
rows = torch.empty(len(readers), 12)
for number, model in enumerate(readers.values()):
    with torch.no_grad():
        x = model.embedding(words)
        cells = model.attention(x, x, x).weights  # (B, heads, n, n), or (B, n, n, features)
    rows[number] = (cells[0].mean(-1) if cells.shape[-1] == WIDTH else cells[0].mean(0))[ask[0]]
figure, axis = plt.subplots(figsize=(6.5, 2.4), dpi=70)
axis.imshow(rows, cmap="Blues", vmin=0, vmax=1, aspect="auto")
axis.set_xticks(range(12), ["?" if word == ASK else str(word - MARK) for word in words[0].tolist()])
axis.set_yticks(range(len(readers)), list(readers), fontsize=8)
figure.tight_layout()
plt.show()
before = rows[:, ask[0] - 1]
print({name: round(weight, 2) for name, weight in zip(readers, before.tolist(), strict=True)})
assert before[[1, 3]].min() > before[[0, 2, 4]].max()

# %% [markdown]
r"""
Every task is too much for some mechanism, and every mechanism has a task that is too much for it.

- `multi_head` sees a bag of words: it finds the far mark, and knows no order.
- `relative` knows before from after and counts to $k$; beyond, two distances are one to it (nearest).
- `distance` in both directions ranks by distance alone: it is the only one to answer *nearest*, cannot tell the sides,
  and does not reach 16 words away, where the penalty is 24.
- With a direction, `distance` also knows before from after, and "directly before" is the nearest word there.
- `token2token` knows the side at any distance, since no distance enters its scores; the words on that side are a bag
  again (previous).

Encoders combine them: the distance-based network and DiSAN read in both directions, and a Transformer adds sinusoids.

## Several vectors

Structured attention pools. A text of 12 words has three marks of different kinds with eight values each, and all three
values are asked for. Word vectors are narrow, four numbers, so that one pooled vector is too small for three values.
More hops are more room.
"""

# %%
KINDS, VALUES = 3, 8


def ask_values(count: int, draw: torch.Generator) -> Examples:
    """Make texts with a mark of each kind, and ask for the value of each; the place is not used."""
    words = torch.randint(DISTRACTORS, (count, 12), generator=draw)
    places = torch.rand(count, 12, generator=draw).argsort(1)[:, :KINDS]
    label = torch.randint(VALUES, (count, KINDS), generator=draw)
    words[torch.arange(count)[:, None], places] = DISTRACTORS + VALUES * torch.arange(KINDS) + label
    return words, places[:, 0], label


class Pooled(nn.Module):
    """Word vectors, structured pooling, and three answers from all hops."""

    def __init__(self, hops: int) -> None:
        """Make the networks."""
        super().__init__()
        self.embedding, self.pooling = nn.Embedding(DISTRACTORS + KINDS * VALUES, 4), Structured(4, 16, hops)
        self.out = nn.Linear(4 * hops, KINDS * VALUES)

    def forward(self, words: Tensor, ask: Tensor) -> Tensor:
        """Compute logits (B, kinds, values)."""
        x = self.embedding(words)
        logits: Tensor = self.out(self.pooling(None, x, x).context.flatten(1))
        return logits.view(-1, KINDS, VALUES)


pooled = {}
for hops in (1, 3):
    torch.manual_seed(0)
    pooled[hops] = Pooled(hops)
    share = accuracy(pooled[hops], ask_values, updates=200)
    print(f"{hops} hop{'s' * (hops > 1)}: {share:.2f} of the values are named rightly; guessing gives 0.125")
    assert share > 0.85 if hops == 3 else share < 0.75
words, _, _ = ask_values(1, torch.Generator().manual_seed(5))
with torch.no_grad():
    x = pooled[3].embedding(words)
    shown = pooled[3].pooling(None, x, x).weights
assert shown is not None
names = ["." if word < DISTRACTORS else f"kind {(word - DISTRACTORS) // VALUES + 1}" for word in words[0].tolist()]
figure, axis = plt.subplots(figsize=(6, 1.6), dpi=70)
axis.imshow(shown[0], cmap="Blues", vmin=0, vmax=1)
axis.set_xticks(range(12), names, fontsize=7)
axis.set_yticks(range(3), ["hop 1", "hop 2", "hop 3"], fontsize=8)
figure.tight_layout()
plt.show()

# %% [markdown]
r"""
## In a config

```sh
glimpse train sst2-transformer "agent.encoder.attention={kind: relative, clip: 8}" --folder runs/relative
glimpse train sst2-transformer "agent.encoder.attention={kind: distance, direction: backward}" --folder runs/distance
glimpse train sst2-structured "agent.encoder.pooling={kind: structured, hops: 5, penalty: 0.1}" --folder runs/hops
glimpse masks '{kind: any_of, masks: [{kind: window, width: 1}, {kind: global}]}'
```

## Exercises

1. One hop, $r = 1$. What does the penalty (equation 8 of Lin et al.) want then? Compute it for uniform weights on four
   words.
2. Clip at $k = 0$. What is left of relative attention? Predict weights and context from plain attention's.
3. For which $\alpha$ does the nearest of infinitely many earlier words get a weight of 0.9, with equal content? Compare
   with a text of 50 words.

### Answer 1

$A A^\top$ is the number $\lVert a \rVert^2$, and $P = (\lVert a \rVert^2 - 1)^2$. It is 0 only if one weight is 1: the
penalty sharpens a single hop too, though there is no other hop to be told apart from. For four uniform weights it is
$(1/4 - 1)^2 = 0.5625$.
"""

# %%
uniform = penalty(torch.full((1, 1, 4), 0.25)).item()
peaked = penalty(torch.tensor([[[0.97, 0.01, 0.01, 0.01]]])).item()
print(f"uniform {uniform}, nearly one-hot {peaked:.4f}")
assert uniform == 0.5625 and peaked < 0.01

# %% [markdown]
r"""
### Answer 2

Every offset is clipped to 0, so that $q_i^\top a^K$ is the same for all keys of a row and cancels in the softmax: the
weights are plain attention's. Each value has the same $a^V$ added, and the weights add up to 1: the context is plain
attention's plus $a^V$, before the output map.
"""

# %%
no_offsets = Relative(width=6, heads=1, clip=0)
plain.heads.load_state_dict(no_offsets.heads.state_dict())
with torch.no_grad():
    found, known = no_offsets(long, long, long), plain(long, long, long)
    moved = known.context + no_offsets.value_table @ plain.heads.out.weight.T
assert found.weights is not None and known.weights is not None
print(f"largest difference of the weights {(found.weights - known.weights).abs().max():.1e}", end=", ")
print(f"of the contexts {(found.context - moved).abs().max():.1e}")
assert torch.allclose(found.weights, known.weights, atol=1e-6) and torch.allclose(found.context, moved, atol=1e-5)

# %% [markdown]
r"""
### Answer 3

The weights are $e^{-\alpha}, e^{-2 \alpha}, \ldots$ over their sum $e^{-\alpha} / (1 - e^{-\alpha})$, so that the first
is $1 - e^{-\alpha}$. It is 0.9 for $\alpha = \ln 10 = 2.3026$. With the paper's 1.5 it is $0.777$. Fifty words are as
good as infinitely many. (The same bias, with one slope for each head and a causal mask with the token itself, is ALiBi:
Press, Smith and Lewis, 2022.)
"""

# %%
fifty = torch.randn(1, 51, 2)
for alpha in (1.5, 2.302585):
    near = Distance(width=2, heads=1, alpha=alpha, direction="forward")
    with torch.no_grad():
        near.heads.query.weight.zero_()
        weights = near(fifty, fifty, fifty).weights
    assert weights is not None
    print(f"alpha {alpha}: weight of the nearest word {weights[0, 0, 50, 49]:.4f}")
    assert abs(weights[0, 0, 50, 49].item() - (1 - 2.718281828**-alpha)) < 1e-5
