"""Options of worlds: what a world's name fills in, and what is refused."""

from pkgutil import resolve_name
from typing import Any

import pytest
from pydantic import ValidationError

from glimpse.envs import WORLDS
from glimpse.envs.options import AugmentOptions, ClassificationOptions


def _read(**options: Any) -> ClassificationOptions:
    return ClassificationOptions.model_validate(options)


def test_a_world_fills_in_what_is_not_given() -> None:
    """Key by key, also inside of the retina and the canvas."""
    world = _read(name="cluttered-mnist-100", retina={"scales": 2}, canvas={"blend": "under"})
    assert (world.canvas.kind, world.canvas.size, world.canvas.pieces) == ("cluttered", 100, 8)
    assert (world.canvas.blend, world.retina.patch, world.retina.scales, world.glimpses) == ("under", 12, 2, 8)
    assert _read(name="digits", retina={"zoom": 3}).retina.patch == 3
    assert _read(name="digits", glimpses=2).data == "digits"


@pytest.mark.parametrize("name", WORLDS)
def test_written_options_are_read_as_the_same(name: str) -> None:
    """A resolved config holds all of them."""
    model = resolve_name(WORLDS[name].options)
    options = model.model_validate({"name": name})
    assert model.model_validate(options.model_dump(mode="json")) == options


@pytest.mark.parametrize(
    ("options", "place"),
    [
        ({"name": "nmist"}, ("name",)),
        ({"data": "mnits"}, ("data",)),
        ({"glimpse": 3}, ("glimpse",)),
        ({"glimpses": 0}, ("glimpses",)),
        ({"glimpse_cost": float("inf")}, ("glimpse_cost",)),
        ({"first_place": (0, 1.5)}, ("first_place",)),
        ({"first_place": (0, float("nan"))}, ("first_place", "tuple[float, float]", 1)),
        ({"retina": {"zoom": 1}}, ("retina", "zoom")),
        ({"canvas": {"kind": "clutterd"}}, ("canvas", "kind")),
        ({"image_size": (0, 5)}, ("image_size", 0)),
    ],
)
def test_a_mistake_is_named(options: dict[str, Any], place: tuple[object, ...]) -> None:
    """By its place in the options."""
    with pytest.raises(ValidationError) as caught:
        _read(**{"name": "mnist", **options})
    assert place in [error["loc"] for error in caught.value.errors()]


@pytest.mark.parametrize("name", AugmentOptions.model_fields)
def test_any_single_warp_makes_the_augmentation_active(name: str) -> None:
    """None by default; none negative or infinite."""
    assert not AugmentOptions().active
    assert AugmentOptions.model_validate({name: 0.5}).active
    for wrong in (-0.1, float("inf"), float("nan")):
        with pytest.raises(ValidationError):
            AugmentOptions.model_validate({name: wrong})
