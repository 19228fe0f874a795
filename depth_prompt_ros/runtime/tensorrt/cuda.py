"""The little of CUDA that running a graph needs, through NVIDIA's cuda-python."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from depth_prompt_ros.errors import BadModel

_OUT_OF_MEMORY = 2


@dataclass(frozen=True)
class Gpu:
    """The GPU in use.

    Attributes:
        name: for example ``NVIDIA Orin``.
        compute_capability: for example ``8.7``.
        memory_mib: all of its memory.
        processors: multiprocessors, which tells Jetsons of one name apart.
    """

    name: str
    compute_capability: str
    memory_mib: int
    processors: int


NOT_INSTALLED = "cuda-python is not installed (pip install cuda-python, of your CUDA's major version)"
"""The answer of :func:`find_gpu` when it cannot look."""


def find_gpu() -> Gpu | str:
    """The first GPU, or the reason why none can be used."""
    try:
        from cuda.bindings import runtime
    except ImportError:
        return NOT_INSTALLED
    try:
        error, count = runtime.cudaGetDeviceCount()
    except RuntimeError as problem:
        return f"CUDA cannot be loaded ({problem})"
    if int(error) != 0:
        return f"no usable NVIDIA GPU ({_text(runtime.cudaGetErrorString(error)[1])})"
    if count == 0:
        return "no NVIDIA GPU"
    properties = checked(runtime.cudaGetDeviceProperties(0))
    return Gpu(
        _text(properties.name).rstrip("\0"),
        f"{properties.major}.{properties.minor}",
        int(properties.totalGlobalMem) // 2**20,
        int(properties.multiProcessorCount),
    )


def used_memory_mib() -> float:
    """GPU memory in use, by all programs."""
    from cuda.bindings import runtime

    free, total = checked(runtime.cudaMemGetInfo())
    return (total - free) / 2**20


def checked(answer: tuple[Any, ...]) -> Any:
    """The value of a call of cuda-python, ``(error, value...)``.

    Raises:
        BadModel: the call failed.
    """
    from cuda.bindings import runtime

    error, *values = answer
    if int(error) == _OUT_OF_MEMORY:
        raise BadModel("the GPU is out of memory: close other programs that use it, or export for fewer targets")
    if int(error) != 0:
        raise BadModel(f"CUDA failed: {_text(runtime.cudaGetErrorString(error)[1])}")
    return values[0] if len(values) == 1 else tuple(values)


class Stream:
    """One queue of work on the GPU."""

    def __init__(self) -> None:
        from cuda.bindings import runtime

        self.handle: Any = checked(runtime.cudaStreamCreateWithFlags(runtime.cudaStreamNonBlocking))

    def wait(self) -> None:
        """Block until all queued work is done."""
        from cuda.bindings import runtime

        checked(runtime.cudaStreamSynchronize(self.handle))

    def record(self, work: Callable[[], None]) -> Any:
        """Capture what ``work`` queues as a CUDA graph, which :meth:`launch` repeats.

        Raises:
            BadModel: it cannot be captured.
        """
        from cuda.bindings import runtime

        checked(
            runtime.cudaStreamBeginCapture(self.handle, runtime.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal)
        )
        try:
            work()
        except BadModel:
            runtime.cudaStreamEndCapture(self.handle)  # which has failed as well
            raise
        graph = checked(runtime.cudaStreamEndCapture(self.handle))
        return checked(runtime.cudaGraphInstantiate(graph, 0))

    def launch(self, recorded: Any) -> None:
        """Put recorded work into the stream."""
        from cuda.bindings import runtime

        checked(runtime.cudaGraphLaunch(recorded, self.handle))


class Buffer:
    """An array in pinned host memory with its copy on the GPU."""

    def __init__(self, shape: tuple[int, ...], dtype: DTypeLike) -> None:
        import ctypes

        from cuda.bindings import runtime

        self.bytes = int(np.prod(shape)) * np.dtype(dtype).itemsize
        self.device: int = int(checked(runtime.cudaMalloc(max(self.bytes, 1))))
        self._pinned: Any = checked(runtime.cudaHostAlloc(max(self.bytes, 1), runtime.cudaHostAllocDefault))
        memory: Any = (ctypes.c_byte * max(self.bytes, 1)).from_address(int(self._pinned))
        self.host: NDArray[Any] = np.frombuffer(memory, dtype, int(np.prod(shape))).reshape(shape)

    def upload(self, stream: Stream) -> None:
        """Queue the copy from host to GPU."""
        from cuda.bindings import runtime

        kind = runtime.cudaMemcpyKind.cudaMemcpyHostToDevice
        checked(runtime.cudaMemcpyAsync(self.device, int(self._pinned), self.bytes, kind, stream.handle))

    def download(self, stream: Stream) -> None:
        """Queue the copy from GPU to host."""
        from cuda.bindings import runtime

        kind = runtime.cudaMemcpyKind.cudaMemcpyDeviceToHost
        checked(runtime.cudaMemcpyAsync(int(self._pinned), self.device, self.bytes, kind, stream.handle))

    def free(self) -> None:
        """Free host and GPU memory; the arrays are invalid afterwards."""
        from cuda.bindings import runtime

        checked(runtime.cudaFree(self.device))
        checked(runtime.cudaFreeHost(self._pinned))


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
