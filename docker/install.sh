#!/usr/bin/env bash
# What docs/ros.md says, for images and continuous integration: run in a workspace with the package below src.
# Makes .venv beside the distribution's Python and builds. Arguments: more for pip to install.
set -eo pipefail
source "/opt/ros/$ROS_DISTRO/setup.bash"
package=src/depth_prompt_ros
# The tested set, where the distribution has NumPy 1.
constraints=(-c "$package/constraints/humble.txt")
if /usr/bin/python3 -c 'import sys; sys.exit(sys.version_info < (3, 13))'; then constraints=(); fi

libraries=$(PYTHONPATH=$package /usr/bin/python3 -m depth_prompt_ros.system_libraries --packages)

apt-get update -qq
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
  $libraries python3-colcon-common-extensions python3-rosdep python3-venv
if [[ ! -e /etc/ros/rosdep/sources.list.d/20-default.list ]]; then rosdep init; fi
rosdep update --rosdistro "$ROS_DISTRO"
# Without the pip keys: Ubuntu 24.04 and later refuse them outside of a virtual environment.
rosdep install --from-paths src --ignore-src -y --rosdistro "$ROS_DISTRO" \
  --skip-keys "python3-onnxruntime-pip python3-rosbags-pip"

/usr/bin/python3 -m venv --system-site-packages .venv
touch .venv/COLCON_IGNORE
.venv/bin/pip install --no-cache-dir "${constraints[@]}" numpy opencv-python-headless onnxruntime \
  mcap 'pydantic>=2' rich rosbags rosbags-image 'typer>=0.12' "$@"
source .venv/bin/activate
colcon build --packages-select depth_prompt_ros
