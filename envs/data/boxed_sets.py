"""Table of the data sets of pictures with boxes of objects that are known by name; see `registry.py`."""

from glimpse.envs.data.data_set import BoxedSet
from glimpse.envs.data.listed_files import listed_checksums
from glimpse.envs.data.sources import FileSet

BOXED_SET_TABLE: dict[str, BoxedSet] = {
    "bccd": BoxedSet(
        licence="MIT",
        cautions="Blood smears under one microscope with one stain, boxes drawn by one annotator: some red cells have "
        "none. No tool for diagnosis.",
        classes=("RBC", "WBC", "Platelets"),
        parts=(205, 87, 72),
        size=(480, 640),
        files=FileSet(
            "bccd",
            listed_checksums("bccd"),
            otherwise="take the folder BCCD of https://github.com/Shenggan/BCCD_Dataset, or use `task.data=cells`, "
            "which needs no download",
        ),
    ),
    "cells": BoxedSet(
        licence="made by this package",
        classes=("disc", "ring"),
        parts=(200, 50, 50),
        size=(72, 96),
        read="glimpse.envs.images.drawn_cells:draw_cells",
    ),
}
