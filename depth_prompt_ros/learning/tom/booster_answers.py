"""What a network of the catalogue says of Booster's pictures, for :mod:`depth_prompt_ros.evaluation.tom.booster`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from depth_prompt_ros.data.readers.booster import BoosterScene
from depth_prompt_ros.data.sets.tom_pictures import TomPicture
from depth_prompt_ros.evaluation.tom.booster import Float32, Predict
from depth_prompt_ros.learning.tom.painting import Painting
from depth_prompt_ros.learning.tom.virtual_labels import Teacher
from depth_prompt_ros.learning.trainer import pick_device


def network_answers(name: str, weights: Path | None) -> Predict:
    """Relative disparity at the network's resolution, from whole pictures resized as the network wants them.

    Args:
        name: in the catalogue.
        weights: fine-tuned ones; None: those of the catalogue.

    Raises:
        BadModel: no such network, or weights that are not its own.
    """
    teacher = Teacher(name, weights, Painting(colours=1), pick_device())

    def predict(scene: BoosterScene, left: Path) -> Float32:
        image = scene.left(left)
        picture = TomPicture(f"{scene.name}/{left.stem}", image, np.zeros(image.shape[:2], bool))
        return teacher([picture])[0].disparity

    return predict
