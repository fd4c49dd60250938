"""The chunked cross-entropy of the output layer equals torch's."""

import pytest
import torch
import torch.nn.functional as F

from glimpse.agents.translation import output_layer
from glimpse.agents.translation.output_layer import OutputLayer, token_loss


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("chunk", [1, 1 << 20])
def test_the_loss_and_its_gradient_are_torchs(smoothing: float, chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """This holds for many chunks and for a single one."""
    monkeypatch.setattr(output_layer, "_CHUNK", chunk)
    torch.manual_seed(0)
    layer, features, label = OutputLayer(5, 7), torch.randn(40, 5, requires_grad=True), torch.randint(7, (40,))
    logits = layer(features)
    expected = F.cross_entropy(logits, label, label_smoothing=smoothing)
    made = token_loss(features, label, layer, smoothing, bfloat16=False)
    torch.testing.assert_close(made.total, expected)
    torch.testing.assert_close(made.cross_entropy, F.cross_entropy(logits, label))
    torch.testing.assert_close(made.right, (logits.argmax(-1) == label).float().mean())
    parts = (features, layer.weight, layer.bias)
    wanted = torch.autograd.grad(3 * expected, parts)
    for ours, theirs in zip(torch.autograd.grad(3 * made.total, parts), wanted, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-6, rtol=1e-4)


def test_the_bfloat16_loss_is_close() -> None:
    """It is as close as bfloat16's eight bits allow."""
    torch.manual_seed(0)
    layer, features, label = OutputLayer(16, 30), torch.randn(20, 16, requires_grad=True), torch.randint(30, (20,))
    exact, rough = (token_loss(features, label, layer, 0.1, kind).total for kind in (False, True))
    assert float(exact.detach()) != float(rough.detach())
    torch.testing.assert_close(rough, exact, atol=0.02, rtol=0)
    gradients = [torch.autograd.grad(loss, features)[0] for loss in (exact, rough)]
    assert F.cosine_similarity(gradients[0].flatten(), gradients[1].flatten(), dim=0) > 0.999


def test_large_logits_are_finite() -> None:
    """An impossible label costs the difference of logits; nothing overflows."""
    layer = OutputLayer(1, 2)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[1000.0], [-1000.0]]))
    made = token_loss(torch.ones(1, 1), torch.tensor([1]), layer, 0.0, False)
    assert float(made.total.detach()) == 2000


@pytest.mark.parametrize("chunk", [1, 1 << 20])
def test_what_does_not_count_changes_nothing(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Loss and gradients among padding are those of the real tokens alone."""
    monkeypatch.setattr(output_layer, "_CHUNK", chunk)
    torch.manual_seed(0)
    layer, features, label = OutputLayer(5, 7), torch.randn(40, 5, requires_grad=True), torch.randint(7, (40,))
    real = torch.arange(40) % 3 > 0
    among = token_loss(features, label, layer, 0.1, False, real)
    alone = token_loss(features[real], label[real], layer, 0.1, False)
    torch.testing.assert_close(among[:3], alone[:3])
    torch.testing.assert_close(among.each[real], alone.each)
    assert not among.each[~real].any()
    gradients = [torch.autograd.grad(made.total, (features, layer.weight, layer.bias)) for made in (among, alone)]
    torch.testing.assert_close(*gradients)
