"""Glimpse encoders: a sweep over the registry, tiles, and weights from files."""

from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from pydantic import TypeAdapter, ValidationError

from glimpse.agents.vision.efficientnet_lite import EfficientNetLite0, InvertedBottleneck
from glimpse.agents.vision.encoder_options import FlatEncoderOptions, PretrainedEncoderOptions
from glimpse.agents.vision.fourier_features import FourierFeatures
from glimpse.agents.vision.glimpse_encoders import GLIMPSE_ENCODERS, GlimpseEncoderOptions
from glimpse.agents.vision.look_network import LookNetwork, make_glimpse_encoder
from glimpse.agents.vision.plain_encoders import FlatEncoder, local_contrast
from glimpse.agents.vision.pretrained_encoder import PretrainedEncoder

SECTION: TypeAdapter[Any] = TypeAdapter(GlimpseEncoderOptions)


@pytest.mark.parametrize("kind", GLIMPSE_ENCODERS)
@pytest.mark.parametrize("channels", [1, 3])
def test_each_encoder_sees_pictures_of_any_size(kind: str, channels: int) -> None:
    """A map has the encoder's width, is finite, and does not depend on the other pictures of the batch."""
    options = SECTION.validate_python(kind)
    assert options.kind == kind and type(options) is resolve_name(GLIMPSE_ENCODERS[kind].options)
    encoder = make_glimpse_encoder(options, (channels, 8, 8)).train()
    for height, width in ((8, 8), (20, 20), (13, 17)):
        pictures = torch.rand(3, channels, height, width)
        maps = encoder(pictures)
        assert maps.shape[:2] == (3, encoder.width) and maps.isfinite().all()
        torch.testing.assert_close(encoder(pictures[1:2]), maps[1:2], rtol=1e-3, atol=1e-3)
    assert any(each.requires_grad for each in encoder.parameters()) != encoder.frozen


@pytest.mark.parametrize("kind", ["conv", "resnet"])
def test_the_first_convolution_has_a_stride(kind: str) -> None:
    """A stride of 4 divides 32 pixels to 8, which two further stages halve; without it they halve 32."""
    pictures = torch.rand(1, 1, 32, 32)
    for stride, side in ((1, 8), (4, 2)):
        options = SECTION.validate_python({"kind": kind, "widths": [4, 4, 4], "stride": stride})
        assert make_glimpse_encoder(options, (1, 32, 32))(pictures).shape == (1, 4, side, side)


@pytest.mark.parametrize("kind", GLIMPSE_ENCODERS)
def test_maps_of_glimpses_are_reduced_as_the_encoder_says(kind: str) -> None:
    """By the maximum, which a layer norm follows, or by the mean; and what is seen has the width that is read."""
    torch.manual_seed(0)
    encoder = make_glimpse_encoder(SECTION.validate_python(kind), (1, 12, 12)).eval()
    network = LookNetwork(encoder, (1, 1, 12, 12), 2, 1, 3)
    glimpse = torch.rand(2, 1, 1, 12, 12)
    maps, seen = encoder(glimpse[:, 0]), network.reduce(network.maps(glimpse))
    largest, mean = (pool(maps, network.pooled) for pool in (F.adaptive_max_pool2d, F.adaptive_avg_pool2d))
    torch.testing.assert_close(seen, (largest if encoder.reduction == "max" else mean).flatten(1))
    read = seen if encoder.reduction == "mean" else F.layer_norm(seen, seen.shape[-1:])
    place = torch.tensor([[0.5, -0.5], [0.1, 0.0]])
    expected = (network.what(read) + network.where(network.fourier(place))).relu()
    torch.testing.assert_close(network(seen, place), expected)
    assert (encoder.reduction == "max") == (kind in ("conv", "resnet"))


def test_an_unknown_kind_is_named() -> None:
    """The message lists the kinds of the registry."""
    with pytest.raises(ValidationError, match="'mlp', 'conv', 'resnet', 'pretrained'"):
        SECTION.validate_python("unknown")


def test_a_flat_encoder_divides_a_glance_into_tiles() -> None:
    """A tile of a larger picture has the feature that it has alone; what is over is filled with zeros."""
    torch.manual_seed(0)
    encoder = FlatEncoder(FlatEncoderOptions(widths=(4,)), (2, 3, 3))
    glance = torch.rand(1, 2, 6, 7)
    maps = encoder(glance)
    assert maps.shape == (1, 4, 2, 3)
    torch.testing.assert_close(maps[..., 1, 1], encoder(glance[..., 3:6, 3:6])[..., 0, 0])
    rest = torch.cat([glance[..., :3, 6:], torch.zeros(1, 2, 3, 2)], -1)
    torch.testing.assert_close(maps[..., 0, 2], encoder(rest)[..., 0, 0])


def test_fourier_features() -> None:
    """Of x = 1/2: x, the sines of pi/2 and pi, and their cosines."""
    found = FourierFeatures(1, 2)(torch.tensor([0.5]))
    torch.testing.assert_close(found, torch.tensor([0.5, 1.0, 0.0, 0.0, -1.0]), atol=1e-6, rtol=0)


def test_filters_take_in_the_batch_norm() -> None:
    """A block is its convolutions, each followed by the batch norm with its stored statistics."""
    torch.manual_seed(0)
    block = InvertedBottleneck(4, 4, 3, 1, 2).eval()
    norms = (block._bn0, block._bn1, block._bn2)
    for norm in norms:
        for values in (norm.running_mean, norm.running_var, norm.weight.data, norm.bias.data):
            assert values is not None
            values.uniform_(0.5, 2)
    pictures = torch.randn(2, 4, 6, 6)
    inner = F.relu6(norms[0](block._expand_conv(pictures)))
    inner = F.relu6(norms[1](block._depthwise_conv(inner)))
    torch.testing.assert_close(block(pictures), pictures + norms[2](block._project_conv(inner)))


def test_weights_come_from_a_file(tmp_path: Path) -> None:
    """The published names are those of the network; a classifier in the file is left out."""
    torch.manual_seed(0)
    network = EfficientNetLite0().eval()
    file = tmp_path / "weights.pth"
    torch.save({**network.state_dict(), "_fc.weight": torch.zeros(10, 1280)}, file)
    encoder = PretrainedEncoder(PretrainedEncoderOptions(weights=str(file)), (1, 32, 32))
    encoder.load()
    picture = torch.rand(1, 1, 32, 32)
    torch.testing.assert_close(encoder(picture), network(picture.expand(-1, 3, -1, -1)))
    assert "_blocks.15._bn2.running_var" in network.state_dict() and encoder.frozen


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weights": "missing.pth"}, "missing.pth cannot be read as weights"),
        ({"weights": "other.pth"}, "holds no weights of efficientnet-lite0: it lacks _conv_stem.weight"),
        ({"weights": "shape.pth"}, "_conv_stem.weight has the shape"),
        ({"model": "resnet18"}, "encoder.weights: name the file with the weights of resnet18"),
    ],
)
def test_files_that_do_not_fit(
    options: dict[str, str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is named in one line."""
    monkeypatch.chdir(tmp_path)
    torch.save({"weight": torch.zeros(1)}, "other.pth")
    torch.save({**EfficientNetLite0().state_dict(), "_conv_stem.weight": torch.zeros(1)}, "shape.pth")
    encoder = PretrainedEncoder(PretrainedEncoderOptions.model_validate(options), (3, 32, 32))
    with pytest.raises(ValueError, match=message):
        encoder.load()


@pytest.mark.parametrize("model", ["vit_b_16", "nothing"])
def test_models_without_a_pooling_are_refused(model: str) -> None:
    """So are names that torchvision does not know."""
    with pytest.raises(ValueError, match="encoder.model: expected .*resnet18"):
        PretrainedEncoder(PretrainedEncoderOptions(model=model), (3, 32, 32))


def test_local_contrast_by_hand() -> None:
    """A pixel of 1 among 0: 8/9 over the square root of the mean of all squares around it, and 0.001."""
    picture = torch.zeros(1, 1, 9, 9)
    picture[0, 0, 4, 4] = 1
    found = local_contrast(picture, 3)
    # Around the middle lie (8/9)^2, and (-1/9)^2 eight times.
    assert found[0, 0, 4, 4].item() == pytest.approx(8 / 9 / ((64 + 8) / 81 / 9 + 1e-3) ** 0.5)
    assert found[0, 0, 0].abs().max() == 0 and local_contrast(torch.full((1, 3, 5, 5), 0.7), 3).abs().max() < 1e-4
    assert local_contrast(picture, None) is picture


def test_faint_things_count_as_much() -> None:
    """A tenth of the contrast, on brighter ground, looks nearly the same; colours share one deviation."""
    picture = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    faint = 0.8 + (picture - 0.5) / 10
    strong, weak = (local_contrast(each, 5) for each in (picture, faint))
    assert torch.corrcoef(torch.stack([strong.flatten(), weak.flatten()]))[0, 1] > 0.99
    assert 0.5 < weak.std() / strong.std() < 1.01 and faint.std() / picture.std() < 0.11
    red = torch.cat([picture[:, :1], torch.zeros(2, 2, 16, 16)], 1)
    assert local_contrast(red, 5)[:, 1:].abs().max() < 1e-6


@pytest.mark.parametrize("kind", ["conv", "resnet"])
def test_encoders_normalise_first(kind: str) -> None:
    """With `local_contrast` ground of another brightness makes no difference; an even side has no middle."""
    entry = GLIMPSE_ENCODERS[kind]
    torch.manual_seed(0)
    options = resolve_name(entry.options).model_validate({"kind": kind, "widths": [4], "local_contrast": 5})
    encoder = resolve_name(entry.factory)(options, (3, 16, 16))
    picture = torch.rand(2, 3, 16, 16) / 2
    torch.testing.assert_close(encoder(picture), encoder(picture + 0.5), atol=1e-4, rtol=0)
    with pytest.raises(ValidationError, match="should be odd"):
        resolve_name(entry.options).model_validate({"kind": kind, "local_contrast": 4})
