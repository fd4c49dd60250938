# ---
# jupyter:
#   jupytext:
#     cell_markers: '"""'
# ---

# %% [markdown]
r"""# 1. The bottleneck, and attention as the way around it.

An encoder reads a sentence and leaves *one vector*; a decoder writes the translation from it (Cho et al., 2014;
Sutskever, Vinyals and Le, 2014). The vector has the same size for three words and for thirty, and long sentences were
translated badly. Bahdanau, Cho and Bengio (2015, "Neural machine translation by jointly learning to align and
translate", below: *the paper*) let the decoder look back at every word instead, and weigh them anew for each word that
it writes. This is where the attention of today's networks comes from.

We see the bottleneck on a task that a child can do: to write a sequence backwards. Then we build the paper's attention,
do one step of it by hand, check it against glimpse, and watch the bottleneck disappear.
"""

# %%
import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glimpse.agents.attention.mechanisms import make_attention
from glimpse.agents.attention.options import AdditiveOptions

torch.set_num_threads(1)
SYMBOLS, LONGEST, WIDTH = 20, 12, 48


def draw(count: int, length: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw sequences (B, L) of different symbols 1 to 20, and the same backwards."""
    source = torch.rand(count, SYMBOLS, generator=generator).argsort(1)[:, :length] + 1
    return source, source.flip(1)


print(*(row.tolist() for row in draw(1, 6, torch.Generator().manual_seed(0))))

# %% [markdown]
r"""
## The bottleneck

The encoder is a recurrent network with states $h_j = f(x_j, h_{j-1})$, and the sentence becomes
$c = q(h_1, \ldots, h_L)$, for instance the last state (equation 1 of the paper). The decoder writes one token after the
other (equations 2 and 3):

$$
p(y_i \mid y_1, \ldots, y_{i-1}, x) = g(y_{i-1}, s_i, c).
$$

The same $c$ for all $i$: all that the decoder will ever know of the source must be packed into it, in advance.

## The answer

The paper keeps all states. For each token to be written, the decoder's state $s_{i-1}$ is compared with each $h_j$; the
scores become weights that add up to 1, and the context $c_i$ is the weighted mean (equations 5 and 6; the score is in
its appendix A.1.2):

$$
e_{ij} = v^\top \tanh(W s_{i-1} + U h_j), \qquad
\alpha_{ij} = \frac{\exp e_{ij}}{\sum_k \exp e_{ik}}, \qquad
c_i = \sum_j \alpha_{ij} h_j.
$$

Now $p(y_i \mid y_1, \ldots, y_{i-1}, x) = g(y_{i-1}, s_i, c_i)$ with a context of its own (equation 4). Everything is
differentiable, so that the alignment $\alpha$ is learned from translations alone; nobody tells which word belongs to
which.
"""


# %%
class AdditiveAttention(nn.Module):
    """Attention of the paper, for one query at a time."""

    def __init__(self, width: int) -> None:
        """Make W, U and v."""
        super().__init__()
        self.w, self.u = nn.Linear(width, width, bias=False), nn.Linear(width, width, bias=False)
        self.v = nn.Linear(width, 1, bias=False)

    def forward(self, state: Tensor, annotations: Tensor) -> tuple[Tensor, Tensor]:
        """Return the context (B, D) and the weights (B, L) of a state (B, D) and annotations (B, L, D)."""
        scores = self.v(torch.tanh(self.w(state)[:, None] + self.u(annotations)))[..., 0]
        weights = scores.softmax(1)
        return (weights[:, None] @ annotations)[:, 0], weights


# %% [markdown]
r"""
## One step by hand

Let all widths be 1, with $W = U = 1$ and $v = 2$, the state $s = 0$ and three annotations $h = (0, 1, -1)$. The scores
are $2 \tanh(h_j) = (0,\; 1.5232,\; -1.5232)$, and $\exp$ of them $(1,\; 4.5869,\; 0.2180)$, which add up to $5.8049$.
So the weights are $(0.1723,\; 0.7902,\; 0.0376)$, and the context is $0.7902 - 0.0376 = 0.7526$.
"""

# %%
by_hand = AdditiveAttention(1)
with torch.no_grad():
    for layer, weight in ((by_hand.w, 1.0), (by_hand.u, 1.0), (by_hand.v, 2.0)):
        layer.weight.fill_(weight)
    context, weights = by_hand(torch.zeros(1, 1), torch.tensor([[[0.0], [1.0], [-1.0]]]))
print("weights", [round(value, 4) for value in weights[0].tolist()], "context", round(context.item(), 4))
assert torch.allclose(weights[0], torch.tensor([0.1723, 0.7902, 0.0376]), atol=1e-4)
assert abs(context.item() - 0.7526) < 1e-4

# %% [markdown]
"""
In glimpse every attention is one call, (query, key, value, mask) -> (context, weights), and is made from options, as a
config writes them. With the same weights, `additive` computes the same.
"""

# %%
torch.manual_seed(0)
ours, theirs = AdditiveAttention(WIDTH), make_attention(AdditiveOptions(hidden=WIDTH), WIDTH)
renamed = {"w": "score.query", "u": "score.key", "v": "score.out"}
theirs.load_state_dict({f"{renamed[name[0]]}.weight": weight for name, weight in ours.state_dict().items()})
state, annotations = torch.randn(5, WIDTH), torch.randn(5, 7, WIDTH)
context, weights = ours(state, annotations)
attended = theirs(state[:, None], annotations, annotations)
assert torch.allclose(attended.context[:, 0], context, atol=1e-5)
assert torch.allclose(attended.weights[:, 0], weights, atol=1e-5)
print("glimpse's additive attention and ours agree")

# %% [markdown]
r"""
## Two decoders that differ in one line

Both have the same encoder, a bidirectional GRU as in the paper, the same decoder and as good as the same number of
parameters. One reads $c$, the last states of both directions, at each step; the other one reads $c_i$. (The paper's
gated unit and its output layer are a little different; glimpse's agent `bahdanau` has them to the letter.)
"""


# %%
class Translator(nn.Module):
    """Encoder and decoder, with attention or with a fixed vector."""

    def __init__(self, attention: AdditiveAttention | None) -> None:
        """Make the networks; without attention the decoder reads the fixed vector."""
        super().__init__()
        self.attention = attention
        self.embedding = nn.Embedding(SYMBOLS + 1, WIDTH)  # 0 stands before the first token.
        self.encoder = nn.GRU(WIDTH, WIDTH // 2, batch_first=True, bidirectional=True)
        self.decoder = nn.GRUCell(2 * WIDTH, WIDTH)
        self.output = nn.Linear(2 * WIDTH, SYMBOLS + 1)

    def forward(self, source: Tensor, target: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return logits (B, M, symbols) of a known target (B, M), and the weights (B, L) of each step."""
        return self.decode(self.embedding(source), target)

    def decode(self, vectors: Tensor, target: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Do the same from the source's vectors (B, L, D)."""
        annotations, last = self.encoder(vectors)
        fixed = last.transpose(0, 1).flatten(1)
        before = self.embedding(F.pad(target[:, :-1], (1, 0)))
        state, features, alignment = fixed, [], []
        for step in range(target.shape[1]):
            context = fixed
            if self.attention is not None:  # The line in which they differ.
                context, weights = self.attention(state, annotations)
                alignment.append(weights)
            state = self.decoder(torch.cat([before[:, step], context], 1), state)
            features.append(torch.cat([state, context], 1))
        return self.output(torch.stack(features, 1)), alignment


def train(translator: Translator, steps: int = 400) -> Translator:
    """Train on batches of 32 sequences, of one length each, 2 to 12."""
    generator = torch.Generator().manual_seed(1)
    optimiser = torch.optim.Adam(translator.parameters(), 0.01)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.05, steps)
    for _ in range(steps):
        length = int(torch.randint(2, LONGEST + 1, (1,), generator=generator))
        source, target = draw(32, length, generator)
        optimiser.zero_grad()
        F.cross_entropy(translator(source, target)[0].flatten(0, 1), target.flatten()).backward()
        nn.utils.clip_grad_norm_(translator.parameters(), 1.0)
        optimiser.step()
        schedule.step()
    return translator.eval()


@torch.no_grad()
def accuracy(translator: Translator, length: int) -> float:
    """Return the fraction of right tokens in 200 sequences of a length."""
    source, target = draw(200, length, torch.Generator().manual_seed(length))
    return float((translator(source, target)[0].argmax(2) == target).float().mean())


torch.manual_seed(0)
attending = train(Translator(AdditiveAttention(WIDTH)))
torch.manual_seed(0)
packing = train(Translator(None))
lengths = [2, 4, 6, 8, 10, 12, 14, 16]
curves = {
    "attention": [accuracy(attending, n) for n in lengths],
    "fixed vector": [accuracy(packing, n) for n in lengths],
}
for name, values in curves.items():
    print(f"{name:12}", *(f"{n}: {value:.0%}" for n, value in zip(lengths, values, strict=True)))

# %%
figure, axis = plt.subplots(figsize=(5, 2.6))
for name, values in curves.items():
    axis.plot(lengths, values, "o-", label=name)
axis.axvspan(LONGEST, lengths[-1], color="0.93")
axis.set(xlabel="length (grey: longer than in training)", ylabel="right tokens", ylim=(0, 1.05))
axis.legend()
plt.show()
attention, fixed = (dict(zip(lengths, values, strict=True)) for values in curves.values())
assert attention[4] > 0.95 and fixed[4] > 0.9
assert attention[LONGEST] > 0.8 and fixed[LONGEST] < attention[LONGEST] - 0.1

# %% [markdown]
r"""
Short sequences are no problem for either. With the length, the fixed vector forgets, and attention does not: figure 2
of the paper, in small. Both fall where sequences are longer than any in training.

## What it attends to

The weights $\alpha_{ij}$ are a picture: a row for each token that is written, a column for each token that is read.
Nobody said that this task is solved from the end to the beginning; the diagonal was found.
"""

# %%
source, target = draw(1, LONGEST, torch.Generator().manual_seed(7))
with torch.no_grad():
    alignment = torch.stack(attending(source, target)[1], 1)[0]
figure, axis = plt.subplots(figsize=(3.2, 3.2))
axis.imshow(alignment, cmap="Greys", vmin=0, vmax=1)
axis.set(xlabel="read", ylabel="written")
axis.set_xticks(range(LONGEST), [str(symbol) for symbol in source[0].tolist()])
axis.set_yticks(range(LONGEST), [str(symbol) for symbol in target[0].tolist()])
plt.show()
with torch.no_grad():
    found = torch.stack(attending(*draw(200, 8, torch.Generator().manual_seed(8)))[1], 1).argmax(2)
on_the_diagonal = (found - torch.arange(7, -1, -1)).abs() <= 1
print(f"largest weight at most one token from the right one: {on_the_diagonal.float().mean():.0%} of the steps")
assert on_the_diagonal.float().mean() > 0.7

# %% [markdown]
r"""
## Exercises

1. *Forgetting.* Which tokens does the fixed vector lose? Compute the accuracy at each place of sequences of twelve. Why
   did Sutskever et al. (2014) feed the source backwards?
2. *Cost.* $U h_j$ does not depend on $i$. How many multiplications does a source of $L$ tokens and a target of $M$
   tokens need for all scores, with $U h_j$ computed at each step, and once?
3. *Padding.* Batches of different lengths are padded. What goes wrong if `AdditiveAttention` does not know, and how
   does a mask repair it?

## Answers

1. The middle. The encoder reads in both directions, and each end is what one direction has read last; what was read
   earlier is overwritten. An encoder of one direction keeps only one end. Sutskever et al. chose which: a reversed
   source ends with its first word, so that the beginnings of both sentences are close together, and a good beginning is
   easy. It moves the bottleneck and does not widen it. Attention depends little on the place.
"""


# %%
@torch.no_grad()
def accuracy_by_place(translator: Translator) -> Tensor:
    """Return the fraction of right tokens at each place of sequences of twelve, (12,)."""
    source, target = draw(400, LONGEST, torch.Generator().manual_seed(3))
    right: Tensor = translator(source, target)[0].argmax(2) == target
    return right.float().mean(0)


places = {"attention": accuracy_by_place(attending), "fixed vector": accuracy_by_place(packing)}
for name, place in places.items():
    print(f"{name:12}", *(f"{value:.0%}" for value in place.tolist()))
lost = {name: float(place[0] - place[4:8].mean()) for name, place in places.items()}
assert lost["fixed vector"] > 0.25 and lost["fixed vector"] > lost["attention"]

# %% [markdown]
r"""
2. For widths $D$, a product with $W$ or $U$ takes $D^2$ multiplications, one with $v$ takes $D$. At each step:
   $M (D^2 + L D^2 + L D)$. Once: $M (D^2 + L D) + L D^2$. For 30 tokens that is 15 times less: the $M$ products with
   $W$ are all that is left to each step. (In glimpse, `AdditiveScore.keys` computes $U h_j$ once a sentence.)
"""

# %%
L, M, D = 30, 30, 512
each_step, once = M * (D**2 + L * D**2 + L * D), M * (D**2 + L * D) + L * D**2
print(f"{each_step:,} multiplications, or {once:,}: {each_step / once:.1f} times less")
assert (each_step, once) == (244_254_720, 16_189_440)

# %% [markdown]
"""
3. Padding gets weight, and takes it from real tokens: the same sentence has another translation in another batch. With
   a mask, scores of padding are left out of the softmax. A mask of glimpse is True where a token may be read.
"""

# %%
alone = attended.context[:1]
padded = F.pad(annotations[:1], (0, 0, 0, 3))  # Three more tokens, zeros.
real = torch.arange(10) < 7
unmasked = theirs(state[:1, None], padded, padded)
masked = theirs(state[:1, None], padded, padded, real[None, None])
print(f"weight of the padding: {unmasked.weights[0, 0, 7:].sum():.2f}; masked: {masked.weights[0, 0, 7:].sum():.2f}")
assert not torch.allclose(unmasked.context, alone, atol=1e-3)
assert torch.allclose(masked.context, alone, atol=1e-6)
