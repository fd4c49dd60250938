"""The report's page: one HTML file with its pictures inside, no script, and nothing fetched from anywhere."""

import base64
from collections import Counter
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from glimpse import __version__
from glimpse.charts import Chart, chart_svg
from glimpse.evaluate import Score, Scores
from glimpse.heat_maps import heat_images
from glimpse.pictures import gaze_colours, moment_image, path_image, picture_image, png
from glimpse.replay import Floats, Replay, evenly, shown_classes

if TYPE_CHECKING:
    from glimpse.report import Contents, Evaluation
