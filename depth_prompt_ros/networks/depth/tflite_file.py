"""The weights of a quantised TensorFlow Lite file as floating-point tensors."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from depth_prompt_ros.errors import BadModel


def read_tflite(path: Path) -> dict[str, Tensor]:
    """Weights and biases of every convolution in the order of the file's operators.

    "0.weight" (out, in, kh, kw), or (channels, 1, kh, kw) if it is depthwise, and "0.bias", then "1.weight", ...

    Raises:
        BadModel: corrupt, truncated, or no such file.
        ModuleNotFoundError: the package tflite is not installed.
    """
    import tflite

    try:
        content = path.read_bytes()
        if not tflite.Model.ModelBufferHasIdentifier(content, 0):
            raise ValueError("no TFLite identifier")
        model = tflite.Model.GetRootAsModel(content, 0)
        graph, found = model.Subgraphs(0), []
        for index in range(graph.OperatorsLength()):
            operator = graph.Operators(index)
            code = model.OperatorCodes(operator.OpcodeIndex())
            kind = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
            if kind in (tflite.BuiltinOperator.CONV_2D, tflite.BuiltinOperator.DEPTHWISE_CONV_2D):
                weight, bias = (_values(model, graph.Tensors(operator.Inputs(i))) for i in (1, 2))
                depthwise = kind == tflite.BuiltinOperator.DEPTHWISE_CONV_2D
                found.append((weight.transpose(3, 0, 1, 2) if depthwise else weight.transpose(0, 3, 1, 2), bias))
    except FileNotFoundError as error:
        raise BadModel(f"no weights at {path}: give another file") from error
    except (struct.error, ValueError, IndexError, KeyError, TypeError, AttributeError, OSError) as error:
        raise BadModel(f"cannot read weights {path}: it is no TFLite file, or not all there") from error
    return {
        f"{i}.{name}": torch.from_numpy(np.ascontiguousarray(values))
        for i, pair in enumerate(found)
        for name, values in zip(("weight", "bias"), pair, strict=True)
    }


def _values(model: Any, tensor: Any) -> NDArray[np.float32]:
    """A constant tensor in its own shape, dequantised."""
    import tflite

    kinds = {tflite.TensorType.INT8: np.int8, tflite.TensorType.INT32: np.int32, tflite.TensorType.FLOAT32: np.float32}
    raw = model.Buffers(tensor.Buffer()).DataAsNumpy()
    values = np.frombuffer(raw.tobytes(), kinds[tensor.Type()]).reshape(tensor.ShapeAsNumpy())
    quantization = tensor.Quantization()
    if quantization is None or quantization.ScaleLength() == 0:
        return values.astype(np.float32)
    return dequantise(
        values, quantization.ScaleAsNumpy(), quantization.ZeroPointAsNumpy(), quantization.QuantizedDimension()
    )


def dequantise(
    values: NDArray[Any], scale: NDArray[np.floating], zero_point: NDArray[np.integer], axis: int
) -> NDArray[np.float32]:
    """``scale * (values - zero_point)``, one scale for all, or one for each index along ``axis``."""
    shape = [1] * values.ndim
    if len(scale) > 1:
        shape[axis] = len(scale)
    shifted = values.astype(np.float64) - zero_point.reshape(shape)
    return np.asarray(scale.reshape(shape) * shifted, np.float32)
