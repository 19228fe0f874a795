#!/usr/bin/env bash
# Everything on a GPU in one run of under eight minutes: benchmarks/gpu.sh [FOLDER], with onnxruntime-gpu, and TensorRT
# where it is installed. Each runtime's table over R goes into FOLDER, as text and JSON; the CPU's stands beside it.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=${1:-gpu}
mkdir -p "$folder"

if ! nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader | tee "$folder/gpu.txt"; then
  echo "no NVIDIA GPU answers (nvidia-smi): nothing is measured" >&2
  exit 2
fi
python -m depth_prompt_ros.cli.main doctor | tee "$folder/doctor.txt"

measure() { # NAME RUNTIME DEVICE
  echo "== $1"
  # a bar of the CPU's that is missed (exit 1) ends nothing here; without JSON the runtime could not be used
  timeout 120 python benchmarks/pipeline.py --repeat 40 --runtime "$2" --device "$3" --json "$folder/$1.json" \
    > "$folder/$1.txt" || true
  cat "$folder/$1.txt"
  [ -s "$folder/$1.json" ] || echo "$1 was not measured" | tee -a "$folder/$1.txt"
}

measure cpu onnxruntime cpu
measure cuda onnxruntime cuda
if python -c "import tensorrt" 2> /dev/null; then
  timeout 120 python -m pytest -q test/runtime/test_tensorrt.py | tee "$folder/tensorrt_tests.txt" || true
  measure tensorrt tensorrt cuda
fi
