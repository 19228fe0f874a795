"""Half precision that the graph itself carries, so that every runtime computes the same (TensorRT: strongly typed)."""

from __future__ import annotations

from typing import Any

import numpy as np

SENSITIVE = frozenset(
    [
        "Cast", "Constant", "ConstantOfShape", "Exp", "GroupNormalization", "If", "InstanceNormalization",
        "LayerNormalization", "Log", "Loop", "Pow", "Range", "ReduceL2", "ReduceMax", "ReduceMean", "ReduceMin",
        "ReduceSum", "Resize", "Scan", "Softmax", "Sqrt",
    ]
)  # fmt: skip
"""Operators that stay in float32: sums and powers pass 65504, where vision transformers give NaN, and positions in
a picture need more than eleven bits."""

_LARGEST = 65504.0


def halve(model: Any, module: str = "network") -> int:
    """Turn one module of an ONNX model to float16 in place, but for :data:`SENSITIVE`; all else stays as it is.

    Args:
        model: ``onnx.ModelProto`` as PyTorch exports it, each node with its module's name in its metadata.
        module: name of the module.

    Returns:
        How many nodes compute in float16.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    graph = model.graph
    typed = onnx.shape_inference.infer_shapes(model).graph
    floats = {
        value.name
        for value in (*typed.value_info, *typed.input, *typed.output)
        if value.type.tensor_type.elem_type == TensorProto.FLOAT
    }
    weights = {weight.name: weight for weight in graph.initializer if weight.data_type == TensorProto.FLOAT}
    floats.update(weights)
    nodes: list[Any] = []
    half: set[str] = set()  # tensors that exist in float16, named with _HALF
    full = {value.name for value in graph.input} | {weight.name for weight in graph.initializer}

    def cast(name: str, to_half: bool) -> str:
        """The tensor in the wanted precision, made once."""
        there, wanted = (half, name + "_half") if to_half else (full, name)
        if name not in there:
            there.add(name)
            if to_half and name in weights:
                graph.initializer.append(
                    numpy_helper.from_array(numpy_helper.to_array(weights[name]).astype(np.float16), wanted)
                )
            else:
                kind = TensorProto.FLOAT16 if to_half else TensorProto.FLOAT
                nodes.append(
                    helper.make_node("Cast", [name if to_half else name + "_half"], [wanted], f"{wanted}_cast", to=kind)
                )
        return wanted

    for node in graph.node:
        wants_half = _inside(node, module) and node.op_type not in SENSITIVE and _fits(node, weights, numpy_helper)
        for position, name in enumerate(node.input):
            if name in floats:
                node.input[position] = cast(name, wants_half)
        nodes.append(node)
        for position, name in enumerate(node.output):
            if wants_half and name in floats:
                half.add(name)
                node.output[position] = name + "_half"
            else:
                full.add(name)
    for value in graph.output:
        if value.name in floats:
            cast(value.name, to_half=False)
    used = {name for node in nodes for name in node.input}
    kept = [weight for weight in graph.initializer if weight.name in used]
    del graph.node[:], graph.initializer[:], graph.value_info[:]
    graph.node.extend(nodes)
    graph.initializer.extend(kept)
    return sum(any(name.endswith("_half") for name in node.output) for node in nodes if node.op_type != "Cast")


def _inside(node: Any, module: str) -> bool:
    """Whether a node was exported from this module or one of its submodules."""
    scopes = next((entry.value for entry in node.metadata_props if entry.key == "pkg.torch.onnx.name_scopes"), "")
    return f"'{module}'" in scopes


def _fits(node: Any, weights: dict[str, Any], numpy_helper: Any) -> bool:
    """Whether all weights of the node are within float16's range."""
    return all(
        float(np.abs(numpy_helper.to_array(weights[name])).max(initial=0)) <= _LARGEST
        for name in node.input
        if name in weights
    )
