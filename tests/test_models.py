"""Model files: found, verified, and fetched from a server that behaves, and from servers that do not."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import socket
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from simulator.errors import EngineMissing, FetchFailed, ModelBroken, ModelMissing
from simulator.speech import models
from simulator.speech.engines import choose, open_transcriber, why
from simulator.speech.models import ENGLISH, MODELS, SIZES, VOSK_FILES, Model, fetch_model, find_model, verify

CONTENT = {
    "am/final.mdl": os.urandom(150_000),
    "conf/mfcc.conf": b"--sample-frequency=16000\n",
    "README": b"hi",
}


def zipped(content: dict[str, bytes], folder: str = "tiny-model") -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in content.items():
            archive.writestr(f"{folder}/{name}", data)
    return packed.getvalue()


def model_of(data: bytes, url: str = "http://127.0.0.1:9/none.zip") -> Model:
    return Model(
        name="tiny-model",
        language="xx",
        url=url,
        size=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        folder="tiny-model",
        files=("am/final.mdl", "conf/mfcc.conf"),
    )


@dataclass
class Publisher:
    """A server of one file. `ranges`: whether it knows byte ranges; `breaks_after`: it hangs up there."""

    data: bytes
    ranges: bool = True
    breaks_after: int | None = None
    status: int | None = None
    asked: list[str | None] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/model.zip"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        wanted = request.headers.get("Range")
        self.asked.append(wanted)
        if self.status is not None:
            request.send_error(self.status)
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and self.ranges else 0
        body = self.data[start:]
        request.send_response(206 if start else 200)
        if start:
            request.send_header("Content-Range", f"bytes {start}-{len(self.data) - 1}/{len(self.data)}")
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body[: self.breaks_after])


@pytest.fixture
def publish() -> Iterator[Callable[..., Publisher]]:
    servers: list[ThreadingHTTPServer] = []

    def start(data: bytes, **how: object) -> Publisher:
        publisher = Publisher(data, **how)  # type: ignore[arg-type]

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                publisher.answer(self)

            def log_message(self, format: str, *values: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        publisher.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        servers.append(server)
        return publisher

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def data() -> bytes:
    return zipped(CONTENT)


@pytest.fixture
def into(tmp_path: Path) -> Path:
    return tmp_path / "models"


def ignore(done: int, whole: int) -> None:
    """No one watches."""


def is_whole(folder: Path) -> bool:
    return all((folder / name).read_bytes() == content for name, content in CONTENT.items())


def leftovers(into: Path) -> list[str]:
    return sorted(path.name for path in into.iterdir())


def test_a_whole_download_is_checked_and_unpacked(
    publish: Callable[..., Publisher], data: bytes, into: Path
) -> None:
    publisher = publish(data)
    told: list[tuple[int, int]] = []
    folder = fetch_model(
        model_of(data, publisher.url), None, lambda done, whole: told.append((done, whole)), into
    )
    assert is_whole(folder)
    assert leftovers(into) == ["tiny-model"]
    assert told[-1] == (len(data), len(data))
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_an_interrupted_download_goes_on_where_it_stopped(
    publish: Callable[..., Publisher], data: bytes, into: Path
) -> None:
    publisher = publish(data, breaks_after=70_000)
    model = model_of(data, publisher.url)
    with pytest.raises(FetchFailed, match=r"Run it again"):
        fetch_model(model, None, ignore, into)
    part = into / "tiny-model.zip.part"
    have = part.stat().st_size
    assert 0 < have <= 70_000
    assert part.read_bytes() == data[:have]
    publisher.breaks_after = None
    assert is_whole(fetch_model(model, None, ignore, into))
    assert publisher.asked == [None, f"bytes={have}-"]
    assert leftovers(into) == ["tiny-model"]


def test_a_server_without_ranges_starts_it_over(
    publish: Callable[..., Publisher], data: bytes, into: Path
) -> None:
    publisher = publish(data, ranges=False)
    into.mkdir()
    (into / "tiny-model.zip.part").write_bytes(b"x" * 100)
    assert is_whole(fetch_model(model_of(data, publisher.url), None, ignore, into))
    assert publisher.asked == ["bytes=100-"]


def test_a_part_that_is_whole_needs_no_server(data: bytes, into: Path) -> None:
    into.mkdir()
    (into / "tiny-model.zip.part").write_bytes(data)
    assert is_whole(fetch_model(model_of(data), None, ignore, into))


def test_a_part_with_other_bytes_is_thrown_away_and_the_next_try_works(
    publish: Callable[..., Publisher], data: bytes, into: Path
) -> None:
    publisher = publish(data)
    model = model_of(data, publisher.url)
    into.mkdir()
    (into / "tiny-model.zip.part").write_bytes(b"x" * 100)
    with pytest.raises(ModelBroken, match="SHA-256"):
        fetch_model(model, None, ignore, into)
    assert leftovers(into) == []
    assert is_whole(fetch_model(model, None, ignore, into))


def test_a_truncated_file_keeps_what_came(publish: Callable[..., Publisher], data: bytes, into: Path) -> None:
    publisher = publish(data[:-500])
    with pytest.raises(FetchFailed, match=f"{len(data) - 500} of {len(data)} bytes"):
        fetch_model(model_of(data, publisher.url), None, ignore, into)
    assert (into / "tiny-model.zip.part").read_bytes() == data[:-500]


def test_a_longer_file_is_refused(publish: Callable[..., Publisher], data: bytes, into: Path) -> None:
    publisher = publish(data + b"more")
    with pytest.raises(ModelBroken, match="longer"):
        fetch_model(model_of(data, publisher.url), None, ignore, into)
    assert leftovers(into) == []


def test_a_wrong_hash_is_refused_and_the_model_that_was_there_stays(
    publish: Callable[..., Publisher], data: bytes, into: Path
) -> None:
    old = into / "tiny-model" / "am" / "final.mdl"
    old.parent.mkdir(parents=True)
    old.write_bytes(b"old")
    altered = bytes([data[0] ^ 1]) + data[1:]
    publisher = publish(altered)
    with pytest.raises(ModelBroken, match="SHA-256"):
        fetch_model(model_of(data, publisher.url), None, ignore, into)
    assert leftovers(into) == ["tiny-model"]
    assert old.read_bytes() == b"old"


def test_a_new_copy_takes_the_place_of_a_broken_one(data: bytes, into: Path, tmp_path: Path) -> None:
    (into / "tiny-model").mkdir(parents=True)
    (into / "tiny-model" / "stray").write_bytes(b"old")
    archive = tmp_path / "given.zip"
    archive.write_bytes(data)
    folder = fetch_model(model_of(data), archive, ignore, into)
    assert is_whole(folder)
    assert not (folder / "stray").exists()
    assert leftovers(into) == ["tiny-model"]
    assert archive.read_bytes() == data, "the file that was given is not ours to change"


def test_another_address_is_taken(publish: Callable[..., Publisher], data: bytes, into: Path) -> None:
    assert is_whole(fetch_model(model_of(data), publish(data).url, ignore, into))


@pytest.mark.parametrize("status", [404, 403, 500])
def test_an_answer_that_is_no_file(
    publish: Callable[..., Publisher], data: bytes, into: Path, status: int
) -> None:
    with pytest.raises(FetchFailed, match=str(status)):
        fetch_model(model_of(data, publish(data, status=status).url), None, ignore, into)


def test_a_refused_connection(data: bytes, into: Path) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{held.getsockname()[1]}/model.zip"
        with pytest.raises(FetchFailed, match="--from"):
            fetch_model(model_of(data, url), None, ignore, into)


@pytest.mark.parametrize("url", ["http://no-such-host.invalid/model.zip", "http://224.0.0.1/model.zip"])
def test_no_route(data: bytes, into: Path, url: str) -> None:
    """A name no one has, and an address no route leads to for TCP: both are known at once."""
    with pytest.raises(FetchFailed, match="could not be downloaded"):
        fetch_model(model_of(data, url), None, ignore, into)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full on this system")
def test_a_full_disk_while_downloading(publish: Callable[..., Publisher], data: bytes, into: Path) -> None:
    """/dev/full takes the part file's place: every write to it fails as on a full disk."""
    into.mkdir()
    (into / "tiny-model.zip.part").symlink_to("/dev/full")
    with pytest.raises(FetchFailed, match="no space") as told:
        fetch_model(model_of(data, publish(data).url), None, ignore, into)
    assert isinstance(told.value.__cause__, OSError)
    assert told.value.__cause__.errno == errno.ENOSPC


def test_a_full_disk_while_unpacking_keeps_the_archive_and_leaves_no_half_model(
    data: bytes, into: Path, tmp_path: Path
) -> None:
    """In a process that may write no file over 100 kB; the download is complete, its largest file is not."""
    into.mkdir()
    part = into / "tiny-model.zip.part"
    part.write_bytes(data)
    model = model_of(data)
    program = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from simulator.errors import FetchFailed\n"
        "from simulator.speech.models import Model, fetch_model\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))\n"
        "size, digest, into = int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])\n"
        "model = Model('tiny-model', 'xx', 'http://127.0.0.1:9/', size, digest, 'tiny-model', ())\n"
        "try:\n"
        "    fetch_model(model, None, lambda done, whole: None, into)\n"
        "except FetchFailed as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(model.size), model.sha256, str(into)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "no space left" in done.stdout
    assert leftovers(into) == ["tiny-model.zip.part"]
    assert is_whole(fetch_model(model, None, ignore, into))


def test_a_zip_that_would_write_elsewhere_is_refused(into: Path, tmp_path: Path) -> None:
    for name in ("../outside", "/etc/outside", "..\\outside", "C:/outside"):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr(name, b"bad")
        given = tmp_path / "bad.zip"
        given.write_bytes(packed.getvalue())
        with pytest.raises(ModelBroken, match="not to be trusted"):
            fetch_model(model_of(packed.getvalue()), given, ignore, into)
        assert leftovers(into) == []
    assert not (tmp_path / "outside").exists()


def test_a_zip_with_a_link_is_refused(into: Path, tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        link = zipfile.ZipInfo("tiny-model/am")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc")
    given = tmp_path / "bad.zip"
    given.write_bytes(packed.getvalue())
    with pytest.raises(ModelBroken, match="not to be trusted"):
        fetch_model(model_of(packed.getvalue()), given, ignore, into)


def test_a_zip_without_a_needed_file_is_refused(into: Path, tmp_path: Path) -> None:
    data = zipped({"README": b"only"})
    given = tmp_path / "poor.zip"
    given.write_bytes(data)
    with pytest.raises(ModelBroken, match=r"final\.mdl"):
        fetch_model(model_of(data), given, ignore, into)
    assert leftovers(into) == []


@pytest.mark.parametrize(("content", "complaint"), [(b"not a zip", "zip"), (b"", "zip")])
def test_a_file_that_is_no_zip(into: Path, tmp_path: Path, content: bytes, complaint: str) -> None:
    given = tmp_path / "wrong.zip"
    given.write_bytes(content)
    with pytest.raises(ModelBroken, match=complaint):
        fetch_model(model_of(content), given, ignore, into)


def test_a_file_that_is_not_there(data: bytes, into: Path, tmp_path: Path) -> None:
    with pytest.raises(FetchFailed, match=r"nowhere\.zip"):
        fetch_model(model_of(data), tmp_path / "nowhere.zip", ignore, into)


@pytest.fixture
def unpacked(data: bytes, into: Path, tmp_path: Path) -> tuple[Path, Model]:
    archive = tmp_path / "given.zip"
    archive.write_bytes(data)
    model = model_of(data)
    return fetch_model(model, archive, ignore, into), model


def test_a_whole_model_is_verified(unpacked: tuple[Path, Model]) -> None:
    folder, model = unpacked
    verify(folder, model)
    assert json.loads((folder / SIZES).read_text())["README"] == 2


@pytest.mark.parametrize("damage", ["missing", "empty", "truncated"])
def test_a_damaged_model_names_the_file_and_the_cure(unpacked: tuple[Path, Model], damage: str) -> None:
    folder, model = unpacked
    file = folder / "am" / "final.mdl"
    whole = file.read_bytes()
    file.unlink()
    if damage != "missing":
        file.write_bytes(b"" if damage == "empty" else whole[:-1])
    with pytest.raises(ModelBroken, match=r"final\.mdl.*alongside models fetch"):
        verify(folder, model)


def english(folder: Path) -> None:
    for file in VOSK_FILES:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(b"x")


def test_models_are_looked_for_in_our_folder_and_in_vosks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("VOSK_MODEL_PATH", str(tmp_path / "named"))
    assert find_model(ENGLISH) is None
    assert choose("auto") == "moonshine"
    assert "alongside models fetch" in why()
    with pytest.raises(ModelMissing, match="alongside models fetch"):
        open_transcriber("vosk")
    for place in (tmp_path / "home/.cache/vosk", tmp_path / "named", models.models_folder()):
        english(place / ENGLISH)
        assert find_model(ENGLISH) == place / ENGLISH
    assert choose("auto") == "vosk"
    assert str(models.models_folder()) in why()


def test_a_broken_english_model_is_told_and_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    english(models.models_folder() / ENGLISH)
    (models.models_folder() / ENGLISH / "graph/HCLr.fst").unlink()
    for name in ("auto", "vosk"):
        with pytest.raises(ModelBroken, match=r"HCLr\.fst"):
            open_transcriber(name)


def test_names_that_are_not_known_offer_the_nearest() -> None:
    with pytest.raises(EngineMissing, match="moonshine"):
        open_transcriber("moonshin")
    with pytest.raises(ModelMissing, match=ENGLISH):
        models.fetch(ENGLISH[:-1], None, ignore)
    with pytest.raises(EngineMissing, match="English"):
        open_transcriber("moonshine", "ko")


def test_the_table_is_the_publishers() -> None:
    english = MODELS[ENGLISH]
    assert (english.size, len(english.sha256)) == (41_205_931, 64)
    assert english.url == f"https://alphacephei.com/vosk/models/{ENGLISH}.zip"
