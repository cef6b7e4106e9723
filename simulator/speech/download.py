"""A download that can be interrupted and resumed: HTTP with byte ranges, into a file that grows."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from simulator.errors import FetchFailed, ModelBroken

if TYPE_CHECKING:
    import httpx

CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 30.0
BLOCK = 1 << 16

AGAIN = "Run it again to go on where it stopped, or give a file or another address with --from."


def download(url: str, into: Path, size: int, progress: Callable[[int, int], None]) -> None:
    """Bring `into` to `size` bytes, going on from what it has. A server without ranges starts it over.

    Raises:
        FetchFailed: no connection, an answer that is no file, or an end before the end. `into` is kept.
        ModelBroken: the server sends more than `size`. `into` is removed.
        OSError: `into` cannot be written.
    """
    import httpx

    if into.exists() and into.stat().st_size > size:
        into.unlink()
    have = into.stat().st_size if into.exists() else 0
    timeout = httpx.Timeout(READ_TIMEOUT_S, connect=CONNECT_TIMEOUT_S)
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    try:
        with httpx.stream("GET", url, headers=headers, timeout=timeout, follow_redirects=True) as answer:
            have = _start(answer, have, url, into)
            _pour(answer, into, have, size, progress)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        reason = _plainly(error)
        raise FetchFailed(f"The model could not be downloaded from {url}: {reason}. {AGAIN}") from error
    got = into.stat().st_size
    if got < size:
        raise FetchFailed(f"The download from {url} ended after {got} of {size} bytes. {AGAIN}")


def _start(answer: httpx.Response, have: int, url: str, into: Path) -> int:
    """How many bytes of what we have the server goes on from."""
    status = answer.status_code
    if status == 206:
        begins = str(answer.headers.get("content-range", "")).removeprefix("bytes ").split("-")[0]
        return have if begins == str(have) else _nonsense(url, into)
    if status == 200:
        return 0
    if status == 416:
        return _nonsense(url, into)
    raise FetchFailed(f"{url} answered {status}. {AGAIN}")


def _nonsense(url: str, into: Path) -> int:
    into.unlink(missing_ok=True)
    raise FetchFailed(f"{url} could not go on where the last download stopped. Run it again to start over.")


def _pour(
    answer: httpx.Response, into: Path, have: int, size: int, progress: Callable[[int, int], None]
) -> None:
    with into.open("r+b" if have else "wb", buffering=0) as file:
        file.seek(have)
        for block in answer.iter_raw(BLOCK):
            if have + len(block) > size:
                into.unlink(missing_ok=True)
                raise ModelBroken(
                    f"What {answer.url} holds is not the model: it is longer than {size} bytes."
                )
            written = 0
            while written < len(block):
                count = file.write(block[written:])
                if not count:
                    raise OSError(errno.ENOSPC, "no space left on device")
                written += count
            have += len(block)
            progress(have, size)


def _plainly(error: Exception) -> str:
    """The reason in words; some of httpx's errors have none."""
    import httpx

    if isinstance(error, httpx.ConnectTimeout):
        return f"no connection in {CONNECT_TIMEOUT_S:g} s"
    if isinstance(error, httpx.TimeoutException):
        return f"nothing came for {READ_TIMEOUT_S:g} s"
    return str(error).rstrip(".") or type(error).__name__
