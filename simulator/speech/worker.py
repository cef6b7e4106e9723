"""An engine in a process of its own, so that a crash is an event and not an end.

The process is spawned, never forked (pyttsx3 hangs when it is initialised before a fork). Standard output of
the process goes to standard error, because engines print there. Ctrl-C is the parent's to handle. When the
parent dies, however suddenly, the pipe closes and the process ends.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from simulator.errors import EngineCrashed, EngineError, EngineHung, EngineMissing, ModelError


class Worker:
    """Holds one engine process. `factory(*arguments)` builds the engine there; methods are called by name.

    `submit` sends a call and returns its number at once; `result` waits for it. Results come in order. The
    process is started by `start` (or the first call) and again by the first call after it was lost.

    Args:
        factory: a module-level callable (it is pickled by name).
        name: for messages.
        start_timeout_s: how long building the engine may take.
    """

    def __init__(
        self, factory: Callable[..., object], *arguments: object, name: str, start_timeout_s: float = 60
    ):
        self.name = name
        self._factory, self._arguments, self._start_timeout_s = factory, arguments, start_timeout_s
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None
        self._ready = False
        self._sent = 0
        self._answers: dict[int, tuple[str, Any]] = {}
        self.starts = 0

    @property
    def pid(self) -> int | None:
        """The process id, `None` while there is no process."""
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        """Start the process and return at once; building goes on beside us."""
        if self._process is not None and self._process.is_alive():
            return
        self.kill()
        context = multiprocessing.get_context("spawn")
        self._pipe, far = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(far, self._factory, self._arguments), name=self.name, daemon=True
        )
        with _light_main():
            self._process.start()
        far.close()
        self._ready = False
        self.starts += 1

    def wait_until_ready(self) -> None:
        """Wait for the engine to be built.

        Raises:
            EngineMissing, EngineCrashed, EngineHung, ModelError: building failed.
        """
        self.start()
        if not self._ready:
            self._ready = True
            try:
                self._receive(0, self._start_timeout_s)
            except BaseException:
                self.kill()
                raise

    def submit(self, method: str, *arguments: object) -> int:
        """Send a call; returns its number for `result`."""
        self.wait_until_ready()
        assert self._pipe is not None
        self._sent += 1
        try:
            self._pipe.send((self._sent, method, arguments))
        except (BrokenPipeError, OSError) as error:
            self.kill()
            raise EngineCrashed(f"The engine {self.name} has stopped; it is started again.") from error
        return self._sent

    def result(self, number: int, timeout_s: float) -> Any:
        """The answer to call `number`.

        Raises:
            EngineCrashed: the process ended. EngineHung: no answer within `timeout_s`; it was killed.
            EngineError: the engine itself said no.
        """
        return self._receive(number, timeout_s)

    def call(self, method: str, *arguments: object, timeout_s: float) -> Any:
        """`submit` and `result` in one."""
        return self.result(self.submit(method, *arguments), timeout_s)

    def poll(self) -> None:
        """Take in what has arrived, without waiting."""
        while self._pipe is not None and self._has_answer(self._pipe, 0):
            self._take()

    def answered(self, number: int) -> bool:
        """Whether the answer to call `number` is here."""
        return number in self._answers

    def kill(self) -> None:
        """End the process at once. The next call starts a new one."""
        process, pipe = self._process, self._pipe
        self._process = self._pipe = None
        self._ready = False
        self._answers.clear()
        if pipe is not None:
            pipe.close()
        if process is not None:
            process.kill()
            process.join(5)

    close = kill

    def _receive(self, number: int, timeout_s: float) -> Any:
        while number not in self._answers:
            if self._pipe is None:
                raise EngineCrashed(f"The engine {self.name} has stopped; it is started again.")
            if not self._has_answer(self._pipe, timeout_s):
                self.kill()
                raise EngineHung(
                    f"The engine {self.name} gave no answer in {timeout_s:g} s; it is started again."
                )
            self._take()
        kind, value = self._answers.pop(number)
        if kind == "ok":
            return value
        raise value if isinstance(value, EngineError | ModelError) else EngineError(f"{self.name}: {value}")

    def _has_answer(self, pipe: Connection, timeout_s: float) -> bool:
        try:
            return pipe.poll(timeout_s)
        except (BrokenPipeError, OSError):
            return True

    def _take(self) -> None:
        assert self._pipe is not None
        try:
            number, kind, value = self._pipe.recv()
        except (EOFError, OSError) as error:
            code = self._process.exitcode if self._process is not None else None
            self.kill()
            raise EngineCrashed(
                f"The engine {self.name} has stopped (exit code {code}); it is started again."
            ) from error
        self._answers[number] = (kind, value)


@contextlib.contextmanager
def _light_main() -> Any:
    """Keep the child from importing our main module again: the engine needs none of it."""
    main = sys.modules["__main__"]
    spec, file = getattr(main, "__spec__", None), getattr(main, "__file__", None)
    main.__spec__ = None
    if file is not None:
        del main.__file__
    try:
        yield
    finally:
        main.__spec__ = spec
        if file is not None:
            main.__file__ = file


def _serve(pipe: Connection, factory: Callable[..., object], arguments: tuple[object, ...]) -> None:
    """The process: build the engine, answer calls until the pipe closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.dup2(2, 1)
    try:
        engine = factory(*arguments)
    except Exception as error:
        pipe.send((0, "error", _portable(error)))
        return
    try:
        pipe.send((0, "ok", None))
        while True:
            number, method, values = pipe.recv()
            try:
                answer = ("ok", getattr(engine, method)(*values))
            except Exception as error:
                answer = ("error", _portable(error))
            pipe.send((number, *answer))
    except (EOFError, BrokenPipeError, OSError):
        return


def _portable(error: Exception) -> object:
    """Our own errors travel as they are; foreign ones as text, since they may not unpickle."""
    if isinstance(error, EngineError | ModelError):
        return error
    if isinstance(error, ImportError):
        return EngineMissing(f"{error}. Install it again: pip install --force-reinstall alongside")
    return f"{type(error).__name__}: {error}"
