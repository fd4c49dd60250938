"""Tests of the options of environments: defaults of the named environment, and refused values."""

from pkgutil import resolve_name
from typing import Any

import pytest
from pydantic import ValidationError

from glimpse.envs import ENVIRONMENTS
from glimpse.envs.images.classification_options import ClassificationOptions
from glimpse.envs.images.options import AugmentOptions


def _read(**options: Any) -> ClassificationOptions:
    return ClassificationOptions.model_validate(options)


def test_the_environment_fills_in_missing_options() -> None:
    """Defaults are merged key by key, also inside the retina and the canvas."""
    env = _read(name="cluttered-mnist-100", retina={"scales": 2}, canvas={"blend": "under"})
    assert (env.canvas.kind, env.canvas.size, env.canvas.distractors) == ("cluttered", 100, 8)
    assert (env.canvas.blend, env.retina.patch, env.retina.scales, env.glimpses) == ("under", 12, 2, 8)
    assert _read(name="digits", retina={"zoom": 3}).retina.patch == 3
    assert _read(name="digits", glimpses=2).data == "digits"


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_dumped_options_are_read_as_equal_ones(name: str) -> None:
    """A resolved config has all options."""
    model = resolve_name(ENVIRONMENTS[name].options)
    options = model.model_validate({"name": name})
    assert model.model_validate(options.model_dump(mode="json")) == options


@pytest.mark.parametrize(
    ("options", "path"),
    [
        ({"name": "nmist"}, ("name",)),
        ({"data": "mnits"}, ("data",)),
        ({"glimpse": 3}, ("glimpse",)),
        ({"glimpses": 0}, ("glimpses",)),
        ({"glimpse_cost": float("inf")}, ("glimpse_cost",)),
        ({"initial_location": (0, 1.5)}, ("initial_location",)),
        ({"initial_location": (0, float("nan"))}, ("initial_location", "tuple[float, float]", 1)),
        ({"retina": {"zoom": 1}}, ("retina", "zoom")),
        ({"canvas": {"kind": "clutterd"}}, ("canvas", "kind")),
        ({"image_size": (0, 5)}, ("image_size", 0)),
    ],
)
def test_a_mistake_is_named(options: dict[str, Any], path: tuple[object, ...]) -> None:
    """The error gives the path of the wrong option."""
    with pytest.raises(ValidationError) as caught:
        _read(**{"name": "mnist", **options})
    assert path in [error["loc"] for error in caught.value.errors()]


@pytest.mark.parametrize("name", AugmentOptions.model_fields)
def test_any_single_warp_makes_the_augmentation_active(name: str) -> None:
    """By default no warp is active; negative and infinite values, and unknown switches, are refused."""
    assert not AugmentOptions().active
    switches: dict[str, tuple[Any, tuple[Any, ...]]] = {
        "flip": ("vertical", ("sideways",)),
        "recolour": (True, (0.5, "red")),
    }
    given, refused = switches.get(name, (0.5, (-0.1, float("inf"), float("nan"))))
    assert AugmentOptions.model_validate({name: given}).active
    for wrong in refused:
        with pytest.raises(ValidationError):
            AugmentOptions.model_validate({name: wrong})
