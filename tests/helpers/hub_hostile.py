"""A server on loopback that means harm, or is broken: one thing is wrong with what it answers."""

import gzip
import json
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler

from helpers.hub_server import HubServer, Repositories

HTML = b"<html><body>Welcome to the hotel's network: <a href=/login>sign in</a></body></html>"


def _whole(body: bytes, status: int = 200, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def send(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        if request.command != "HEAD":
            request.wfile.write(body)

    return send


def _endless(part: bytes, pause: float = 0.0) -> Callable[[BaseHTTPRequestHandler], None]:
    def send(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Transfer-Encoding", "chunked")
        request.send_header("Content-Type", "application/json")
        request.end_headers()
        while True:
            request.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
            request.wfile.flush()
            time.sleep(pause)

    return send


def _silent(request: BaseHTTPRequestHandler) -> None:
    time.sleep(3600)


def _loops(request: BaseHTTPRequestHandler) -> None:
    _whole(b"", 302, Location=request.path)(request)


def _links_to_itself(request: BaseHTTPRequestHandler) -> None:
    host = request.headers["Host"]
    _whole(b"[]", Link=f'<http://{host}{request.path}>; rel="next"')(request)


def _json(value: object) -> Callable[[BaseHTTPRequestHandler], None]:
    return _whole(json.dumps(value).encode(), Content_Type="application/json")


ABOUT: Mapping[str, Callable[[BaseHTTPRequestHandler], None]] = {
    "silent": _silent,
    "a byte now and then": _endless(b" ", 0.3),
    "an endless answer": _endless(b'"' + b"a" * 65_536),
    "the page of a hotel": _whole(HTML, Content_Type="text/html"),
    "nothing": _whole(b""),
    "no JSON": _whole(b"{", Content_Type="application/json"),
    "a list": _json([1, 2]),
    "a number": _json(7),
    "null": _json(None),
    "no commit": _json({"id": "ann/subsets"}),
    "a commit that is a path": _json({"id": "ann/subsets", "sha": "../../x", "siblings": []}),
    "siblings of another type": _json({"id": "ann/subsets", "sha": "0" * 40, "siblings": 7}),
    "nested without end": _whole(b"[" * 200_000, Content_Type="application/json"),
    "a bomb": _whole(gzip.compress(b" " * 300_000_000), Content_Encoding="gzip"),
    "a redirect to itself": _loops,
    "come back in thirty years": _whole(b"", 429, Retry_After="1000000000"),
    "a status of its own": _whole(b"", 799),
}
LISTING: Mapping[str, Callable[[BaseHTTPRequestHandler], None]] = {
    "it links to itself": _links_to_itself,
    "an object": _json({"a": 1}),
    "numbers": _json([1, 2, 3]),
    "a size in words": _json([{"type": "file", "path": "mine/manifest.json", "size": "x", "oid": "0"}]),
    "a negative size": _json([{"type": "file", "path": "mine/manifest.json", "size": -1, "oid": "0"}]),
    "a path that is none": _json([{"type": "file", "path": 7, "size": 1, "oid": "0"}]),
    "no fields": _json([{}]),
    "the page of a hotel": _whole(HTML),
    "silent": _silent,
}
FILE: Mapping[str, Callable[[BaseHTTPRequestHandler], None]] = {
    "without end": _endless(b"a" * 65_536),
    "a byte now and then": _endless(b"a", 0.3),
    "cut short": _whole(b"{}"),
    "the page of a hotel": _whole(HTML * 100),
    "silent": _silent,
}


class HostileHub(HubServer):
    """A Hub of which one kind of answer is wrong: `about` a repository, its `listing`, or each `file`."""

    def __init__(self, repositories: Repositories, kind: str, name: str) -> None:
        super().__init__(repositories)
        self._kind, self._wrong = kind, {"about": ABOUT, "listing": LISTING, "file": FILE}[kind][name]

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        path = request.path
        of = "file" if "/resolve/" in path else "listing" if "/tree/" in path else "about"
        if of != self._kind:
            super()._answer(request)
            return
        try:
            self._wrong(request)
        except (BrokenPipeError, ConnectionResetError):
            request.close_connection = True
