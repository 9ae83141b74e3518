"""The page's server. It answers this machine alone unless told otherwise, and neither it nor the page asks another.

GET /        the page
POST /look   a picture; its name, percent-encoded, in the header X-Name. Answers JSON: an Answer, or `error`, one line

A page of another site can send no picture: browsers ask before they send a header of one's own, and are not answered.
Nor can it read answers under a name of its own for this address, since requests for unknown hosts are refused.
"""

from __future__ import annotations

import errno
import json
import secrets
from collections.abc import Callable
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from socketserver import TCPServer
from threading import Lock
from urllib.parse import unquote

import jinja2

from semiproto.deploy.demo.looking import Answer
from semiproto.errors import UserError, of_memory, printable

PAGE = Path(__file__).with_name("page.html")
LARGEST = 64 * 2**20
"""The most bytes of an upload: a 40-megapixel photograph as JPEG has about 20 MB."""
SILENCE = 60
"""Seconds after which a connection that sends nothing is closed."""
POLICY = "default-src 'none'; img-src data:; style-src 'nonce-{0}'; script-src 'nonce-{0}'; connect-src 'self'; \
base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

Look = Callable[[str, bytes], Answer]


class Server(ThreadingHTTPServer):
    """Listens as soon as it is made. Pictures that come at once are looked at one after the other."""

    daemon_threads = True

    def __init__(self, place: tuple[str, int], title: str, look: Look) -> None:
        """title: what the model is called on the page. UserError where the place cannot be listened on."""
        self.title, self.look, self.turn = title, look, Lock()
        try:
            super().__init__(place, _Handler)
        except OSError as error:
            raise UserError(_of_place(place, error)) from None
        except OverflowError:
            raise UserError(f"--port {place[1]}: no port; give a number up to 65535") from None

    def server_bind(self) -> None:
        """Binds without asking a name server for this machine's name, as http.server does."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    @property
    def address(self) -> str:
        return f"http://{self.server_name}:{self.server_port}/"

    def knows(self, host: str) -> bool:
        """Whether a request names this server by its address, or as localhost."""
        name = host.removesuffix(f":{self.server_port}")
        if name == "localhost":
            return True
        try:
            return bool(ip_address(name))
        except ValueError:
            return False


def _of_place(place: tuple[str, int], error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"--port {place[1]}: another program listens there; give another, or 0 for any that is free"
    if error.errno == errno.EACCES:
        return f"--port {place[1]}: not allowed here; give one from 1024 on"
    return f"--host {place[0]}: no address of this machine ({error.strerror}); give 127.0.0.1"


class _Handler(BaseHTTPRequestHandler):
    server: Server
    timeout = SILENCE

    def do_GET(self) -> None:
        if not self.server.knows(self.headers.get("Host", "")):
            self._json(403, {"error": "this page is served by address, or as localhost"})
        elif self.path == "/":
            nonce = secrets.token_urlsafe(16)
            page = jinja2.Template(PAGE.read_text(encoding="utf-8"), autoescape=True)
            text = page.render(title=self.server.title, nonce=nonce, largest=LARGEST)
            self._send(200, "text/html; charset=utf-8", text.encode(), POLICY.format(nonce))
        else:
            self._json(404, {"error": "no such page"})

    def do_POST(self) -> None:
        name, length = self.headers.get("X-Name"), self.headers.get("Content-Length", "")
        if self.path != "/look" or name is None or not self.server.knows(self.headers.get("Host", "")):
            self._json(403, {"error": "not a request of this page"})
        elif not length.isdecimal() or int(length) > LARGEST:
            self._json(413, {"error": f"more than {LARGEST // 2**20} MiB; give a smaller file"})
        else:
            self._look(printable(Path(unquote(name)).name or "picture"), self.rfile.read(int(length)))

    def _look(self, name: str, data: bytes) -> None:
        try:
            with self.server.turn:
                answer = self.server.look(name, data)
        except UserError as error:
            self._json(400, {"error": printable(str(error))})
        except (MemoryError, RuntimeError) as error:
            self._json(400, {"error": f"{name}: {printable(str(of_memory(error)))}"})
        else:
            self._json(200, asdict(answer))

    def _json(self, status: int, value: object) -> None:
        self.close_connection = True
        self._send(status, "application/json", json.dumps(value).encode(), "default-src 'none'")

    def _send(self, status: int, kind: str, body: bytes, policy: str) -> None:
        headers = {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            "Content-Security-Policy": policy,
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
        }
        try:
            self.send_response(status)
            for key, value in headers.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(body)
        except ConnectionError:  # who asked has left
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: names of pictures belong in no log."""
