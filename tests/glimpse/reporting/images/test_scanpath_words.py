"""Episodes in words: what was answered, and where was pointed."""

from dataclasses import replace

import numpy as np

from glimpse.evaluation.replay import Replay
from glimpse.reporting.images.scanpath_words import answer_words, scanpath_words


def test_words_of_an_episode_by_hand() -> None:
    """A class with its name; without classes whether it succeeded, and where the last point is."""
    location, patch = np.array([[0, 0], [0.9, -0.9]], np.float32), np.zeros((2, 1, 1, 3, 3), np.float32)
    picture, belief = np.zeros((1, 8, 8), np.uint8), np.array([[0.4, 0.6], [0.7, 0.3]], np.float32)
    named = Replay(0, picture, location, patch, belief, 1)
    seen = "image of class cat, 2 glimpses, from the centre to the upper right."
    assert scanpath_words(named, ("dog", "cat")) == seen
    assert answer_words(named, ("dog", "cat")) == "Answered dog, which is wrong."
    screen = replace(named, belief=belief[:, :0], answers=0, reward=1.0)
    assert answer_words(screen, ()) == "The episode succeeds."
    pointing = replace(screen, point=np.array([[0, 0], [-0.9, 0.1]], np.float32), reward=0.0)
    assert answer_words(pointing, ()) == "Pointed at the left. The episode fails."
