"""A Hugging Face Hub of dataset repositories on loopback, for tests; and the files such repositories hold."""

import hashlib
import io
import json
import re
import threading
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import unquote, urlsplit

import pyarrow as pa
import pyarrow.parquet as pq

Files = Mapping[str, bytes]
Repositories = Mapping[str, Mapping[str, Files]]  # id -> revision -> path -> content

_API = re.compile(r"/api/datasets/([^/]+/[^/]+)(?:/(revision|tree)/([^/]+))?")
_RESOLVE = re.compile(r"/datasets/([^/]+/[^/]+)/resolve/([^/]+)/(.+)")


def dataset_file(
    images: Sequence[bytes | None], labels: Sequence[int] | None = None, names: Sequence[str] = ()
) -> bytes:
    """A Parquet file as `datasets` writes it: images in `struct<bytes, path>`, class names in metadata."""
    structs = [{"bytes": image, "path": f"{row}.png"} for row, image in enumerate(images)]
    columns = {"image": pa.array(structs, pa.struct({"bytes": pa.binary(), "path": pa.string()}))}
    features: dict[str, Any] = {"image": {"_type": "Image"}}
    if labels is not None:
        columns["label"] = pa.array(labels, pa.int64())
        features["label"] = {"names": list(names), "_type": "ClassLabel"}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns).replace_schema_metadata(metadata), buffer)
    return buffer.getvalue()


def commit_of(repository: str, revision: str) -> str:
    """The commit hash that the server gives a revision."""
    return hashlib.sha1(f"{repository}@{revision}".encode()).hexdigest()


class HubServer:
    """Serves repositories while it is entered; remembers in `requests` what it was asked, as "GET /path".

    `status` makes every answer that status without a body; where it is `gated`, files are for others.
    """

    def __init__(self, repositories: Repositories, status: int | None = None, gated: bool = False) -> None:
        self.repositories, self.status, self.gated = repositories, status, gated
        self.requests: list[str] = []
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                hub._answer(self)

            do_HEAD = do_GET

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        path = urlsplit(request.path).path
        self.requests.append(f"{request.command} {path}")
        if self.status is not None:
            self._send(request, self.status)
        elif match := _API.fullmatch(path):
            repository, what, revision = match.groups()
            self._describe(request, repository, what or "revision", unquote(revision or "main"))
        elif match := _RESOLVE.fullmatch(path):
            repository, revision, file = map(unquote, match.groups())
            self._file(request, repository, revision, file)
        else:
            self._send(request, 404)

    def _describe(self, request: BaseHTTPRequestHandler, repository: str, what: str, revision: str) -> None:
        result = self._find(request, repository, revision)
        if result is None:
            return
        commit, files = result
        about: Any = {
            "id": repository,
            "sha": commit,
            "siblings": [{"rfilename": path} for path in files],
        }
        if what == "tree":
            folders = sorted({path.rpartition("/")[0] for path in files} - {""})
            about = [{"type": "directory", "path": path, "oid": _hash(path.encode())} for path in folders]
            about += [
                {"type": "file", "path": path, "size": len(content), "oid": _hash(content)}
                for path, content in files.items()
            ]
        self._send(request, 200, json.dumps(about).encode(), {"Content-Type": "application/json"})

    def _file(self, request: BaseHTTPRequestHandler, repository: str, revision: str, path: str) -> None:
        result = self._find(request, repository, revision)
        if result is None:
            return
        commit, files = result
        if self.gated:
            self._send(request, 401, headers={"X-Error-Code": "GatedRepo"})
        elif path not in files:
            self._send(request, 404, headers={"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit})
        else:
            headers = {"X-Repo-Commit": commit, "ETag": f'"{_hash(files[path])}"'}
            self._send(request, 200, files[path], headers)

    def _find(
        self, request: BaseHTTPRequestHandler, repository: str, revision: str
    ) -> tuple[str, Files] | None:
        """The commit and the files of a revision, by its name or commit; a 404 where there is none."""
        if repository not in self.repositories:
            self._send(request, 404, headers={"X-Error-Code": "RepoNotFound"})
            return None
        for name, files in self.repositories[repository].items():
            commit = commit_of(repository, name)
            if revision in (name, commit):
                return commit, files
        self._send(request, 404, headers={"X-Error-Code": "RevisionNotFound"})
        return None

    @staticmethod
    def _send(
        request: BaseHTTPRequestHandler,
        status: int,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        request.send_response(status)
        for name, value in (headers or {}).items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        if request.command != "HEAD":
            request.wfile.write(body)


def _hash(content: bytes) -> str:
    return hashlib.sha1(content).hexdigest()
