"""A built engine in TensorRT: one stream, pinned buffers, and after the first run of a size a recorded CUDA graph."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import tensorrt as trt

from depth_prompt_ros.errors import BadModel
from depth_prompt_ros.runtime.graph import Arrays, Graph, rows
from depth_prompt_ros.runtime.tensorrt.build import LOG, sides
from depth_prompt_ros.runtime.tensorrt.cuda import Buffer, Gpu, Stream
from depth_prompt_ros.runtime.tensorrt.engine_file import StaleEngine

logger = logging.getLogger(__name__)


class TensorRtGraph(Graph):
    """An engine that this TensorRT has built for this GPU."""

    runtime = "tensorrt"
    on_gpu = True

    def __init__(self, path: Path, engine: bytes, metadata: dict[str, str], gpu: Gpu) -> None:
        """Load.

        Args:
            path: the graph that it was built from.
            engine: its serialised form.
            metadata: the graph's notes.

        Raises:
            StaleEngine: TensorRT cannot load it.
            BadModel: no memory for its buffers.
        """
        self.path, self.metadata = path, metadata
        self.runs_in = f"TensorRT {trt.__version__} on {gpu.name}"
        LOG.errors.clear()
        try:
            self._runtime = trt.Runtime(LOG)
        except (TypeError, RuntimeError) as error:
            raise BadModel(f"TensorRT {trt.__version__} cannot start: {LOG.reason()}") from error
        loaded = self._runtime.deserialize_cuda_engine(engine)
        if loaded is None:
            raise StaleEngine(f"TensorRT cannot load it ({LOG.reason()})")
        self._engine = loaded
        names = [loaded.get_tensor_name(index) for index in range(loaded.num_io_tensors)]
        self.inputs = {
            name: tuple(None if side < 0 else side for side in sides(loaded.get_tensor_shape(name)))
            for name in names
            if loaded.get_tensor_mode(name) == trt.TensorIOMode.INPUT
        }
        self.outputs = tuple(name for name in names if name not in self.inputs)
        try:
            self.types = {name: np.dtype(trt.nptype(loaded.get_tensor_dtype(name))) for name in self.inputs}
        except TypeError as error:
            raise BadModel(f"{path} has an input of a type that NumPy lacks: export it in float32") from error
        if any(shape[0] is None for shape in self.inputs.values()):
            self.most_targets = min(
                loaded.get_tensor_profile_shape(name, 0)[2][0]
                for name, shape in self.inputs.items()
                if shape[0] is None
            )
        self._stream = Stream()
        self._sized: dict[tuple[tuple[int, ...], ...], _Sized] = {}

    def run(self, inputs: Arrays) -> Arrays:
        """See :meth:`depth_prompt_ros.runtime.graph.Graph.run`.

        A free number of targets is filled up to the next power of 2: each number that is run keeps memory.
        """
        count = len(next(iter(inputs.values())))
        if self.most_targets and count > 1:
            full = min(1 << (count - 1).bit_length(), self.most_targets)
            answers = self._run(rows(inputs, 0, full))
            return {name: answer[:count] for name, answer in answers.items()}
        return self._run(inputs)

    def _run(self, inputs: Arrays) -> Arrays:
        shapes = tuple(inputs[name].shape for name in self.inputs)
        if shapes not in self._sized:
            self._sized[shapes] = _Sized(self._engine, dict(zip(self.inputs, shapes, strict=True)), self.outputs)
        return self._sized[shapes].run(inputs, self._stream)


class _Sized:
    """Context, buffers and recorded run for inputs of one size. A recorded run holds addresses: nothing is shared."""

    def __init__(self, engine: trt.ICudaEngine, shapes: dict[str, tuple[int, ...]], outputs: tuple[str, ...]) -> None:
        self._context = engine.create_execution_context()
        if self._context is None:
            raise BadModel("the GPU is out of memory: close other programs that use it, or export for fewer targets")
        for name, shape in shapes.items():
            if not self._context.set_input_shape(name, trt.Dims(shape)):
                raise BadModel(f"TensorRT does not take {name} of shape {shape}: {LOG.reason()}")
        self._inputs = {
            name: Buffer(shape, trt.nptype(engine.get_tensor_dtype(name))) for name, shape in shapes.items()
        }
        self._outputs = {
            name: Buffer(sides(self._context.get_tensor_shape(name)), trt.nptype(engine.get_tensor_dtype(name)))
            for name in outputs
        }
        for name, buffer in (self._inputs | self._outputs).items():
            self._context.set_tensor_address(name, buffer.device)
        self._recorded: object | None = None
        self._ran, self._recordable = False, True

    def run(self, inputs: Arrays, stream: Stream) -> Arrays:
        """Copy in, run, copy out."""
        for name, buffer in self._inputs.items():
            np.copyto(buffer.host, inputs[name])
        # TensorRT sets itself up in the first run, which cannot be recorded.
        if self._recorded is None and self._ran and self._recordable:
            try:
                self._recorded = stream.record(lambda: self._queue(stream))
            except BadModel as error:
                logger.warning("the engine cannot be recorded as a CUDA graph and is queued anew each time: %s", error)
                self._recordable = False
        if self._recorded is None:
            self._queue(stream)
        else:
            stream.launch(self._recorded)
        stream.wait()
        self._ran = True
        return {name: buffer.host.copy() for name, buffer in self._outputs.items()}

    def _queue(self, stream: Stream) -> None:
        for buffer in self._inputs.values():
            buffer.upload(stream)
        if not self._context.execute_async_v3(int(stream.handle)):
            raise BadModel("TensorRT failed to run the engine: see the log")
        for buffer in self._outputs.values():
            buffer.download(stream)
