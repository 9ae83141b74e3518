"""Downloads that resume after an interruption and are verified before they get their name.

During the transfer a file is called `<name>.part`. `<name>.part.json` beside it holds its address and the server's mark
of the version (ETag, or Last-Modified without one), so that a later run either continues the same version or starts
again. The file gets its name when size and checksum are right. Proxies are taken from the environment, as usual.
"""

from __future__ import annotations

import fcntl
import hashlib
import http.client
import io
import json
import os
import shutil
import socket
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

from semiproto import __version__
from semiproto.data.published.entry import Remote
from semiproto.errors import UserError, of_system, printable, reason, shortened
from semiproto.process.progress import Progress
from semiproto.provenance.artifacts import write_json

CHUNK = 2**20
BUSY = (408, 425, 429)
"""Client errors that are tried again, like all errors of 500 and above."""

_CUT = (ConnectionError, http.client.HTTPException)
LONGEST_WAIT = 60.0
MOST_DIGITS = 18
"""Of a length that a server states: an exabyte. A longer number is no length, and Python refuses very long ones."""
SLOW_TO_CHECK = 2**28
SLOWEST = 1000
"""Bytes a second below which a source is left for the next: gigabytes would take weeks."""


@dataclass(frozen=True)
class Access:
    """Where files may be downloaded from; no result depends on it.

    mirror: URL of a folder, or a local folder, that is tried before the sources; files in a local folder are used where
    they are. offline: no connection is made. timeout: seconds without a byte, or for the head of an answer, before the
    connection is given up.
    attempts: tries in a row without a new byte before the next source is used. wait: seconds before the second try,
    doubled for each further one.
    """

    mirror: str | None = None
    offline: bool = False
    timeout: float = 30.0
    attempts: int = 5
    wait: float = 1.0


class _Unusable(Exception):
    """This source cannot give the file."""


class _Passing(Exception):
    """A temporary fault; the request is tried again.

    wait: seconds that the server asks for. position: bytes of the file that have arrived.
    """

    def __init__(self, message: str, wait: float = 0.0, position: int = 0) -> None:
        super().__init__(message)
        self.wait, self.position = wait, position


# ---------------------------------------------------------------------------------------------------- files


def fetch_all(remotes: Sequence[Remote], folder: Path, access: Access) -> list[Path]:
    """The path of each file, downloaded if missing. One UserError asks for all files that cannot be downloaded."""
    wanting = [remote for remote in remotes if _present(remote, folder, access) is None]
    if unobtainable := [remote for remote in wanting if access.offline or not _sources(remote, access)]:
        raise UserError(_request(unobtainable, folder, access))
    return [fetch(remote, folder, access) for remote in remotes]


def fetch(remote: Remote, folder: Path, access: Access) -> Path:
    """The verified file, from `folder`, the mirror or its sources; UserError where none of them has it."""
    if present := _present(remote, folder, access):
        return _verified(present, remote)
    sources = _sources(remote, access)
    if access.offline or not sources:
        raise UserError(_request([remote], folder, access))
    target = folder / remote.name
    target.parent.mkdir(parents=True, exist_ok=True)
    with _lock(target):
        if target.is_file():  # another run was quicker
            return _verified(target, remote)
        _download(remote, sources, target, access)
    return target


def _present(remote: Remote, folder: Path, access: Access) -> Path | None:
    places = [folder, Path(access.mirror)] if access.mirror and not _is_url(access.mirror) else [folder]
    if not all(place.is_dir() for place in places[1:]):
        raise UserError(f"mirror {access.mirror}: neither an http(s) address nor a folder; correct it")
    return next((place / remote.name for place in places if (place / remote.name).is_file()), None)


def _sources(remote: Remote, access: Access) -> tuple[str, ...]:
    if access.mirror and _is_url(access.mirror):
        return (f"{access.mirror.rstrip('/')}/{urllib.parse.quote(remote.name)}", *remote.sources)
    return remote.sources


def _is_url(text: str) -> bool:
    return text.startswith(("http://", "https://"))


def _request(remotes: Sequence[Remote], folder: Path, access: Access) -> str:
    """The message that asks for files that cannot be downloaded."""
    names = ", ".join(remote.name for remote in remotes)
    how = "; ".join(dict.fromkeys(remote.obtain for remote in remotes if remote.obtain))
    if access.offline:
        how = f"{how}; " if how else ""
        return (
            f"{folder}: missing, and not downloaded because of offline: {names}; {how}put them there under these"
            " names (`semiproto data --list` has the addresses)"
        )
    return f"{folder}: missing, and cannot be downloaded without an account: {names}; {how}, and put them there"


def _verified(path: Path, remote: Remote) -> Path:
    if problem := _mismatch(path, remote):
        raise UserError(f"{path}: {problem}; delete it, or put the right file there")
    return path


def _mismatch(path: Path, remote: Remote) -> str | None:
    """What is wrong with the file's size or checksum, if anything."""
    size = path.stat().st_size
    if remote.size not in (None, size):
        return f"{size:,} bytes, but {remote.size:,} are expected"
    algorithm, expected = remote.checksum.split(":")
    if size >= SLOW_TO_CHECK:
        print(f"checking {remote.name} ({size:,} bytes)", file=sys.stderr, flush=True)
    with path.open("rb") as file:
        found = hashlib.file_digest(file, algorithm).hexdigest()
    return None if found == expected else f"its {algorithm} is {found}, but {expected} is expected"


@contextmanager
def _lock(target: Path) -> Iterator[None]:
    """Keeps other runs from downloading the same file; they wait, also across processes."""
    path = target.with_name(f".{target.name}.lock")
    while True:
        with path.open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print(f"download {target.name}: waiting for another run that downloads it", file=sys.stderr, flush=True)
                fcntl.flock(file, fcntl.LOCK_EX)
            if not _has_name(file, path):
                continue  # the run before has removed this lock
            try:
                yield
            finally:
                path.unlink(missing_ok=True)
            return


def _has_name(file: IO[str], path: Path) -> bool:
    """Whether an open file is still the one at `path`, which another run may remove at any moment."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def require_space(folder: Path, needed: int, what: str) -> None:
    """UserError when `folder`'s disk has fewer than `needed` bytes left."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise UserError(
            f"{folder}: {what} needs {needed:,} bytes, {free:,} are free; free some or choose another folder"
        )


# ------------------------------------------------------------------------------------------------- download


def _download(remote: Remote, sources: Sequence[str], target: Path, access: Access) -> None:
    part = target.with_name(f"{target.name}.part")
    problems = []
    for url in sources:
        try:
            _from_source(url, remote, part, access)
        except _Unusable as error:
            problems.append(f"{url}: {error}")
            print(printable(f"download {remote.name}: {problems[-1]}"), file=sys.stderr, flush=True)
            continue
        part.replace(target)
        _discard(part)
        return
    raise UserError(
        f"{target}: no source has it ({'; '.join(problems)}); try again later, name a mirror, or put the file there"
    )


def _from_source(url: str, remote: Remote, part: Path, access: Access) -> None:
    """Completes `part` to the whole, verified file, or raises _Unusable."""
    in_one_go = _complete(url, remote, part, access)
    problem = _mismatch(part, remote)
    if problem and not in_one_go:  # its beginning may be damaged, or the server may misjudge what has changed
        _discard(part)
        _complete(url, remote, part, access)
        problem = _mismatch(part, remote)
    if problem:
        _discard(part)
        raise _Unusable(problem)


def _complete(url: str, remote: Remote, part: Path, access: Access) -> bool:
    """Transfers all bytes, with new requests after temporary faults. True if the last one brought the whole file."""
    fruitless = furthest = 0
    while True:
        try:
            return _transfer(url, remote, part, access.timeout)
        except _Passing as error:
            fruitless = 1 if error.position > furthest else fruitless + 1
            furthest = max(furthest, error.position)
            if fruitless >= access.attempts:
                raise _Unusable(f"{error}, {fruitless} times") from None
            wait = max(min(error.wait, LONGEST_WAIT), access.wait * 2 ** (fruitless - 1))
            line = printable(f"download {remote.name}: {url}: {error}; again in {wait:.0f} s")
            print(line, file=sys.stderr, flush=True)
            time.sleep(wait)


def _transfer(url: str, remote: Remote, part: Path, timeout: float) -> bool:
    """One request for all missing bytes. True if these were the whole file."""
    note = _read_note(part)
    going_on = _size(part) > 0 and note.get("url") == url and bool(note.get("version"))
    if going_on and _size(part) == remote.size:
        return False
    wanted = {"Range": f"bytes={_size(part)}-", "If-Range": str(note["version"])} if going_on else {}
    with _open(url, wanted, timeout) as response:
        start = _start(response, _size(part)) if going_on else 0
        total = _total(response, start, remote)
        require_space(part.parent, total - start, remote.name)
        write_json(_note(part), {"url": url, "version": _version(response)})
        _copy(response, part, start, total, f"download {remote.name}", timeout)
    return start == 0


def _open(url: str, headers: dict[str, str], timeout: float) -> Any:
    """The response to a GET; _Passing or _Unusable where there is none."""
    headers = {"User-Agent": f"semiproto/{__version__}", "Accept-Encoding": "identity", **headers}
    try:
        response = _opener().open(urllib.request.Request(url, headers=headers), timeout=timeout)
        if "Range" in headers and _of_another_part(response, headers["Range"]):
            response.close()
            return _open(url, {}, timeout)  # the server misunderstands ranges, and may have the file
        return response
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and "Range" in headers:
            return _open(url, {}, timeout)  # the file has become shorter
        message = shortened(f"HTTP {error.code} {error.reason}")
        if error.code in BUSY or error.code >= 500:
            raise _Passing(message, _seconds(error.headers.get("Retry-After"))) from None
        raise _Unusable(message) from None
    except (http.client.InvalidURL, ValueError) as error:  # an address, or one that it leads to, which is none
        raise _Unusable(reason(error)) from None
    except (OSError, http.client.HTTPException) as error:
        cause = error.reason if isinstance(error, urllib.error.URLError) else error
        if isinstance(cause, TimeoutError):
            raise _Passing(f"no answer within {timeout:.0f} s") from None
        if isinstance(cause, ConnectionRefusedError) or not isinstance(cause, _CUT):
            raise _Unusable(shortened(str(cause))) from None
        raise _Passing(f"the connection was cut ({reason(cause)})") from None


def _opener() -> urllib.request.OpenerDirector:
    """urllib's own, but for servers that never come to an end: in the head of an answer, or in what they send with a
    redirection, which urllib would read."""
    return urllib.request.build_opener(_OfHttp, _OfHttps, _Redirection)


class _Prompt(http.client.HTTPConnection):
    """Has the head of an answer within the time-out, which otherwise begins again with every byte."""

    def getresponse(self) -> http.client.HTTPResponse:
        cut = threading.Timer(self.timeout or 0, socket.socket.shutdown, (self.sock, socket.SHUT_RDWR))
        cut.start()
        try:
            return super().getresponse()
        finally:
            cut.cancel()


class _PromptTls(_Prompt, http.client.HTTPSConnection):
    """The same, encrypted."""


class _OfHttp(urllib.request.HTTPHandler):
    def do_open(self, http_class: Any, req: Any, **arguments: Any) -> Any:
        return super().do_open(_Prompt, req, **arguments)


class _OfHttps(urllib.request.HTTPSHandler):
    def do_open(self, http_class: Any, req: Any, **arguments: Any) -> Any:
        return super().do_open(_PromptTls, req, **arguments)


class _Redirection(urllib.request.HTTPRedirectHandler):
    def http_error_302(self, req: Any, fp: Any, code: int, msg: str, headers: Any) -> Any:
        fp.close()
        return super().http_error_302(req, fp, code, msg, headers)

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        if not _is_url(newurl):  # urllib follows to FTP, whose servers may speak for ever
            raise _Unusable(f"leads to {shortened(newurl)}, which is no http(s) address")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _of_another_part(response: Any, wanted: str) -> bool:
    first = wanted.replace("=", " ")  # bytes 5-
    return response.status == http.HTTPStatus.PARTIAL_CONTENT and not _content_range(response).startswith(first)


def _content_range(response: Any) -> str:
    return str(response.headers.get("Content-Range", ""))


def _start(response: Any, asked: int) -> int:
    """The position of the response's first byte: what was asked for, or 0 if the server sends the whole file."""
    if response.status != http.HTTPStatus.PARTIAL_CONTENT:
        return 0
    if _of_another_part(response, f"bytes={asked}-"):
        raise _Unusable(f"sends another part than the one asked for ({shortened(_content_range(response))})")
    return asked


def _total(response: Any, start: int, remote: Remote) -> int:
    """Bytes of the whole file according to the server, checked against the catalogue before the transfer."""
    length = response.headers.get("Content-Length")
    known = length and length.isdecimal() and len(length) <= MOST_DIGITS
    total = start + int(length) if known else remote.size
    if total is None:
        raise _Unusable("the server does not say how many bytes it sends")
    if remote.size not in (None, total):
        raise _Unusable(f"offers {total:,} bytes, but {remote.size:,} are expected")
    return total


def _copy(response: Any, part: Path, start: int, total: int, what: str, timeout: float) -> None:
    progress = Progress(what, total, "bytes", done=start)
    position = last = start
    since = time.monotonic()
    with part.open("r+b" if start else "wb", buffering=0) as file:
        file.seek(start)
        for block in _blocks(response, timeout):
            if position + len(block) > total:
                raise _Unusable(f"sends more than the {total:,} bytes it should")
            write_all(file, block, part)
            position += len(block)
            progress.update(len(block))
            if (seconds := time.monotonic() - since) > timeout:
                if position - last < SLOWEST * seconds:
                    raise _Unusable(f"sends fewer than {SLOWEST:,} bytes a second")
                last, since = position, time.monotonic()
        os.fsync(file.fileno())
    if position < total:
        message = f"the connection was cut or fell silent after {position:,} of {total:,} bytes"
        raise _Passing(message, position=position)


def _blocks(response: Any, timeout: float) -> Iterator[bytes]:
    """The blocks of a response until its end, or until the connection breaks.

    It is broken where none has come for twice the time-out, which begins again with every byte between blocks, as in
    the trailer of a chunked answer.
    """
    with suppress(OSError, http.client.HTTPException), _Watch(response, 2 * timeout) as watch:
        while block := response.read1(CHUNK):
            watch.came = time.monotonic()
            yield block


class _Watch:
    """Breaks the connection of a response where `came` is longer ago than `most` seconds."""

    def __init__(self, response: Any, most: float) -> None:
        self.came, self._most, self._over = time.monotonic(), most, threading.Event()
        self._socket = socket.socket(fileno=os.dup(response.fileno()))
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._socket.close()

    def _run(self) -> None:
        while (rest := self.came + self._most - time.monotonic()) > 0:
            if self._over.wait(rest):
                return
        with suppress(OSError):  # the other side was quicker
            self._socket.shutdown(socket.SHUT_RDWR)


def write_all(file: io.FileIO, block: bytes, path: Path) -> None:
    """Writes a block to an unbuffered file; UserError that names `path` where there is no space for it."""
    view = memoryview(block)
    try:
        while view:
            view = view[file.write(view) :]
    except OSError as error:
        error.filename = str(path)
        raise of_system(error) from None


# --------------------------------------------------------------------------------------------------- helpers


def _version(response: Any) -> str | None:
    """The mark by which the server recognises this version; a weak ETag may not be used for ranges (RFC 9110)."""
    etag = response.headers.get("ETag")
    mark: str | None = etag if etag and not etag.startswith("W/") else response.headers.get("Last-Modified")
    return mark


def _note(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _read_note(part: Path) -> dict[str, Any]:
    try:
        note = json.loads(_note(part).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return note if isinstance(note, dict) else {}


def _discard(part: Path) -> None:
    part.unlink(missing_ok=True)
    _note(part).unlink(missing_ok=True)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _seconds(retry_after: str | None) -> float:
    return float(retry_after) if retry_after and retry_after.isdecimal() else 0.0
