"""Items on a Ray cluster: an actor per GPU or per cores, results brought to the machine that runs the list."""

from __future__ import annotations

import shutil
import signal
import socket
import tempfile
import threading
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from depth_prompt_ros.errors import BadInput, in_one_line
from depth_prompt_ros.work.items import Item, Job, Lost, Outcome, attempt
from depth_prompt_ros.work.processes import thread_limits

if TYPE_CHECKING:
    from typing_extensions import Self

    from depth_prompt_ros.work.run import Where

_PIECE = 2**25
"""Bytes of a result that are sent at a time."""
_PATIENCE = 5.0
"""Seconds after which machines that have joined or gone are looked for."""


class RayActors:
    """Actors with one item at a time; one that is lost, with its machine or alone, is replaced where there is room."""

    def __init__(self, job: Job, out: Path, where: Where, count: int) -> None:
        """Connect.

        Raises:
            BadInput: the cluster cannot be reached, or has no machine that is large enough.
        """
        import ray

        self._ray, self._out, self._where, self._count = ray, out, where, count
        self._ours = not ray.is_initialized()
        if self._ours:
            _knock(where.ray)
            self._connect()
        self._job = ray.put(job)
        self._idle: list[Any] = []
        self._busy: dict[Any, tuple[Any, Item]] = {}
        self._there: dict[Any, Any] = {}
        gpus = ray.cluster_resources().get("GPU", 0)
        self._needs = {"CPU": where.cores, **({"GPU": 1} if gpus else {})}
        if not where.jobs and not self._holds():
            self.__exit__(None, None, None)
            needs = " and ".join(f"{need} {name}" for name, need in self._needs.items())
            raise BadInput(f"no machine of the cluster has {needs}: give fewer --cores, or --jobs if it can grow")
        limits = {"env_vars": thread_limits(where.cores)}
        self._actor: Any = ray.remote(
            num_cpus=where.cores, num_gpus=self._needs.get("GPU", 0), scheduling_strategy="SPREAD", runtime_env=limits
        )(_Actor)

    def _connect(self) -> None:
        """Connect, and leave SIGTERM to whoever handles it: Ray would end the process with exit code 15 from now on."""
        handler = signal.getsignal(signal.SIGTERM)
        try:
            self._ray.init(self._where.ray, log_to_driver=False, logging_level="error")
        except (ConnectionError, ImportError, RuntimeError, ValueError) as error:
            raise BadInput(f"cannot reach the Ray cluster {self._where.ray}: {in_one_line(error)}") from error
        finally:
            if threading.current_thread() is threading.main_thread():
                signal.signal(signal.SIGTERM, handler)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for actor in [*self._idle, *(each for each, _ in self._busy.values())]:
            self._ray.kill(actor)
        if self._ours:
            self._ray.shutdown()

    def room(self, busy: int) -> int:
        """Idle actors, and ``jobs`` or what the machines hold besides; actors without a machine wait for one."""
        most = min(self._where.jobs or max(self._holds(), 1), self._count)
        return len(self._idle) + max(most - busy - len(self._idle), 0)

    def _holds(self) -> int:
        """Actors that the machines which are there now have room for."""
        machines = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        return sum(min(int(each.get(name, 0) // need) for name, need in self._needs.items()) for each in machines)

    def begin(self, item: Item, before: Any) -> None:
        """See :class:`depth_prompt_ros.work.run.Engine`."""
        actor = self._idle.pop() if self._idle else self._start()
        # Not begun before it is known here that the actor is there: an item that ends its process at once is its loss.
        self._busy[actor.do.remote(item, before, self._there[actor])] = actor, item

    def _start(self) -> Any:
        actor = self._actor.remote(self._job)
        self._there[actor] = actor.is_there.remote()
        return actor

    def wait(self) -> list[tuple[Item, Outcome | Lost]]:
        """Wait for the next item to end, and bring its folder here."""
        # Nothing is left for them to do, and an actor whose machine has gone may wait for their place.
        for actor in self._idle:
            self._ray.kill(actor)
        self._idle.clear()
        ended: list[tuple[Item, Outcome | Lost]] = []
        done, _ = self._ray.wait(list(self._busy), timeout=_PATIENCE)
        for reference in done:
            actor, item = self._busy.pop(reference)
            try:
                outcome, files = self._ray.get(reference)
                self._bring(actor, item, files)
            except self._ray.exceptions.RayError as error:
                ended.append((item, Lost(in_one_line(error), self._started(actor))))
                self._ray.kill(actor)
                continue
            self._idle.append(actor)
            ended.append((item, outcome))
        return ended

    def _started(self, actor: Any) -> bool:
        """Whether an actor that is lost had ever been there."""
        try:
            self._ray.get(self._there[actor], timeout=0)
        except (self._ray.exceptions.RayError, self._ray.exceptions.GetTimeoutError):
            return False
        return True

    def _bring(self, actor: Any, item: Item, files: list[tuple[str, int]]) -> None:
        """Write an item's files, piece by piece, aside and rename their folder; nothing if there are none."""
        if not files:
            return
        aside = self._out / f".{item.name}~"
        shutil.rmtree(aside, ignore_errors=True)
        for name, size in files:
            path = aside / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                for offset in range(0, size, _PIECE):
                    file.write(self._ray.get(actor.piece.remote(name, offset)))
        shutil.rmtree(self._out / item.name, ignore_errors=True)
        aside.replace(self._out / item.name)


def _knock(address: str) -> None:
    """Refuse at once what Ray would try for minutes: HOST:PORT where nothing listens.

    Raises:
        BadInput: nothing does.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():  # "auto", "local"
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_PATIENCE).close()
    except OSError as error:
        raise BadInput(f"cannot reach the Ray cluster {address}: {error.strerror or error}") from error


class _Actor:
    """A process on some machine of the cluster; what it makes lies on that machine's disk until the next item."""

    def __init__(self, job: Job) -> None:
        """Make the worker; what is slow to load is loaded with the first item."""
        self._worker = job.worker()
        self._disk: tempfile.TemporaryDirectory[str] | None = None
        self._made = Path()

    def is_there(self) -> bool:
        """Whatever is slow or fails before an actor exists has been done."""
        return True

    def do(self, item: Item, before: Any, _there: bool) -> tuple[Outcome, list[tuple[str, int]]]:
        """Do an item; returns what became of it, and name and size of each file that it made.

        ``_there`` is what :meth:`is_there` returned; Ray hands it over when the caller has it, which is all it is for.
        """
        if self._disk is not None:
            self._disk.cleanup()
        self._disk = tempfile.TemporaryDirectory(prefix="depth_prompt_")
        self._made = Path(self._disk.name) / item.name
        outcome = attempt(self._worker, item, self._made, before)
        files = sorted(path for path in self._made.rglob("*") if path.is_file())
        return outcome, [(str(path.relative_to(self._made)), path.stat().st_size) for path in files]

    def piece(self, name: str, offset: int) -> bytes:
        """Part of a file of the last item."""
        with (self._made / name).open("rb") as file:
            file.seek(offset)
            return file.read(_PIECE)
