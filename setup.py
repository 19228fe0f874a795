"""The files that go to share/depth_prompt_ros, and the Python version; all else about the package is in setup.cfg."""

from glob import glob
from os.path import isfile

from setuptools import setup

PACKAGE = "depth_prompt_ros"

setup(
    python_requires=">=3.10",  # colcon cannot read what setuptools makes of it in setup.cfg
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{PACKAGE}"]),
        (f"share/{PACKAGE}", ["package.xml"]),
        *(
            (f"share/{PACKAGE}/{folder}", sorted(filter(isfile, glob(f"{folder}/*"))))
            for folder in ("config", "launch", "models")
        ),
    ],
)
