"""A tiny Booster in its published layout: two scenes of a wall, a table and a thing of glass."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

HEIGHT, WIDTH = 48, 64
FX, BASELINE_MM = 200.0, 80.0

CALIBRATION = """<?xml version="1.0"?>
<opencv_storage>
<mtxL type_id="opencv-matrix"><rows>3</rows><cols>3</cols><dt>d</dt>
  <data>199. 0. 31. 0. 199. 23. 0. 0. 1.</data></mtxL>
<proj_matL type_id="opencv-matrix"><rows>3</rows><cols>4</cols><dt>d</dt>
  <data>{fx} 0. 31.5 0. 0. {fx} 23.5 0. 0. 0. 1. 0.</data></proj_matL>
<baselineLR>{baseline}</baselineLR>
</opencv_storage>
"""


def write_booster(root: Path, part: str = "balanced", scenes: tuple[str, ...] = ("Bottle", "Mirror")) -> Path:
    """Write ``root/train/PART/SCENE``; each scene has pictures im0 and im1, the second scene no glass."""
    for number, name in enumerate(scenes):
        rng = np.random.default_rng(number)
        scene = root / "train" / part / name
        right = "camera_02" if part == "balanced" else "camera_01"
        for camera in ("camera_00", right):
            (scene / camera).mkdir(parents=True)
        texture = cv2.resize(rng.integers(0, 255, (HEIGHT, WIDTH + 40, 3), np.uint8), None, fx=1, fy=1)
        disparity = np.full((HEIGHT, WIDTH), 8.0, np.float32)
        disparity[30:] += np.linspace(0, 6, HEIGHT - 30, dtype=np.float32)[:, None]
        disparity[12:32, 20:44] = 13.0
        disparity += rng.normal(scale=0.05, size=disparity.shape).astype(np.float32)
        disparity[:4] = 0
        disparity[4:8, :8] = 1.0  # 16 m away
        categories = np.where(disparity > 10, 1, 0).astype(np.uint8)
        if number == 0:
            categories[12:32, 20:32], categories[12:32, 32:44] = 2, 3
        for light in range(2):
            left = (texture[:, :WIDTH] // (light + 1)).astype(np.uint8)
            cv2.imwrite(str(scene / "camera_00" / f"im{light}.png"), left)
            shifted = (texture[:, 8 : WIDTH + 8] // (light + 1)).astype(np.uint8)
            if part == "unbalanced":
                shifted = cv2.resize(shifted, (WIDTH // 3, HEIGHT // 3), interpolation=cv2.INTER_AREA)
            cv2.imwrite(str(scene / right / f"im{light}.png"), shifted)
        np.save(scene / "disp_00.npy", disparity)
        cv2.imwrite(str(scene / "mask_cat.png"), categories)
        cv2.imwrite(str(scene / "mask_00.png"), np.full((HEIGHT, WIDTH), 255, np.uint8))
        suffix = right[-2:]
        (scene / f"calib_00-{suffix}.xml").write_text(CALIBRATION.format(fx=FX, baseline=BASELINE_MM))
    return root
