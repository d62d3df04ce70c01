"""A Hub on loopback that can be written to: repositories with commits and tags, and faults on demand.

It speaks what the client speaks: create, validate-yaml, preupload, commit as NDJSON with a parent check, tag,
LFS batches, listing. Files of a repository are those of a commit; nothing is half there.
"""

import base64
import hashlib
import json
import re
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

_API = re.compile(r"/api/datasets/([^/]+/[^/]+)(?:/(revision|tree|preupload|commit|tag)/(.+))?")
_RESOLVE = re.compile(r"/datasets/([^/]+/[^/]+)/resolve/([^/]+)/(.+)")
_LFS = re.compile(r"/datasets/([^/]+/[^/]+)\.git/info/lfs/objects/batch")


@dataclass
class Repository:
    """Commits in order, each all files by path; tags by name."""

    private: bool = False
    commits: list[tuple[str, dict[str, bytes]]] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)

    def add(self, files: dict[str, bytes]) -> str:
        number = len(self.commits)
        commit = hashlib.sha1(f"{number} {sorted(files)}".encode()).hexdigest()
        self.commits.append((commit, files))
        return commit

    @property
    def head(self) -> str:
        return self.commits[-1][0]

    @property
    def files(self) -> dict[str, bytes]:
        return self.commits[-1][1]

    def at(self, revision: str) -> tuple[str, dict[str, bytes]] | None:
        revision = self.tags.get(revision, self.head if revision == "main" else revision)
        return next(((commit, files) for commit, files in self.commits if commit == revision), None)


class PublishingHub:
    """Serves while it is entered; `requests` are "POST /path"; faults are used up as they happen.

    `faults` maps a part of "POST /path" to statuses to answer with, one after another: a number, or `drop` to
    close the connection, `drop-after` to do it and close, `slow` to wait, or `overtake` to commit something
    else first. `token` is what a writer has to send; `lfs` makes Parquet travel as LFS.
    """

    def __init__(self, token: str = "hf_secret", lfs: bool = False) -> None:
        self.token, self.lfs = token, lfs
        self.repositories: dict[str, Repository] = {}
        self.requests: list[str] = []
        self.faults: dict[str, list[int | str]] = {}
        self.sent: list[str] = []
        self._objects: dict[str, bytes] = {}
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one(self) -> None:
                hub._answer(self)

            do_GET = do_HEAD = do_POST = do_PUT = handle_one

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

    def made(self, name: str, files: dict[str, bytes], private: bool = False) -> Repository:
        """A repository that is there from the start."""
        self.repositories[name] = Repository(private)
        self.repositories[name].add(files)
        return self.repositories[name]

    # ------------------------------------------------------------------------------------------- answering

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        length = int(request.headers.get("Content-Length") or 0)
        body = request.rfile.read(length)
        path = urlsplit(request.path).path
        line = f"{request.command} {path}"
        self.requests.append(line)
        fault = self._fault(line)
        if fault == "slow":
            time.sleep(1.5)
        elif fault == "overtake":
            repository = self.repositories["/".join(path.split("/")[3:5])]
            repository.add({**repository.files, "theirs.txt": b"theirs"})
        elif fault == "drop":
            request.close_connection = True
            request.connection.close()
            return
        elif isinstance(fault, int):
            self._send(request, fault, b"a fault")
            return
        status, about = self._route(request, line, path, body)
        if fault == "drop-after":
            request.close_connection = True
            request.connection.close()
            return
        content = about if isinstance(about, bytes) else json.dumps(about).encode()
        self._send(request, status, content, getattr(request, "more", {}))

    def _fault(self, line: str) -> int | str | None:
        for part, left in self.faults.items():
            if part in line and left:
                return left.pop(0)
        return None

    def _route(self, request: BaseHTTPRequestHandler, line: str, path: str, body: bytes) -> tuple[int, Any]:
        request.more = {"Content-Type": "application/json"}
        writes = request.command in ("POST", "PUT") and "validate-yaml" not in path
        if (
            writes
            and "/lfs-put/" not in path
            and request.headers.get("Authorization") != f"Bearer {self.token}"
        ):
            return 401 if not request.headers.get("Authorization") else 403, {"error": "no right to write"}
        if path == "/api/repos/create":
            return self._create(json.loads(body))
        if path == "/api/validate-yaml":
            return 200, {"errors": [], "warnings": []}
        if path == "/api/datasets":
            return 200, self._listing(parse_qs(urlsplit(request.path).query))
        if match := _LFS.fullmatch(path):
            return self._batch(json.loads(body))
        if path.startswith("/lfs-put/"):
            self._objects[path.rpartition("/")[2]] = body
            return 200, b""
        if match := _RESOLVE.fullmatch(path):
            return self._file(request, *map(unquote, match.groups()))
        if match := _API.fullmatch(path):
            repository, what, rest = match.groups()
            return self._api(request, repository, what or "revision", unquote(rest or "main"), body)
        return 404, {"error": f"no such address: {line}"}

    def _api(
        self, request: BaseHTTPRequestHandler, name: str, what: str, rest: str, body: bytes
    ) -> tuple[int, Any]:
        result = self.repositories.get(name)
        if result is None:
            request.more["X-Error-Code"] = "RepoNotFound"
            return 404, {"error": "Repository not found"}
        if what == "preupload":
            mode = {True: "lfs", False: "regular"}
            files = [file["path"] for file in json.loads(body)["files"]]
            return 200, {
                "files": [
                    {
                        "path": path,
                        "uploadMode": mode[self.lfs and path.endswith(".parquet")],
                        "shouldIgnore": False,
                    }
                    for path in files
                ]
            }
        if what == "commit":
            return self._commit(name, result, body)
        at = result.at(rest.partition("/")[0] if what == "tree" else rest)
        if at is None:
            request.more["X-Error-Code"] = "RevisionNotFound"
            return 404, {"error": "Invalid rev id"}
        commit, files = at
        if what == "tag":
            wanted = json.loads(body)["tag"]
            if wanted in result.tags:
                return 409, {"error": "Tag already exists"}
            result.tags[wanted] = commit
            return 200, {}
        if what == "tree":
            return 200, [self._entry(path, content) for path, content in files.items()]
        siblings = [{"rfilename": path} for path in files]
        return 200, {"id": name, "sha": commit, "private": result.private, "siblings": siblings}

    def _entry(self, path: str, content: bytes) -> dict[str, Any]:
        entry = {"type": "file", "path": path, "size": len(content), "oid": git_sha1(content)}
        if self.lfs and path.endswith(".parquet"):
            entry["lfs"] = {
                "oid": hashlib.sha256(content).hexdigest(),
                "size": len(content),
                "pointerSize": 130,
            }
        return entry

    def _create(self, asked: dict[str, Any]) -> tuple[int, Any]:
        name = f"{asked.get('organization') or 'ann'}/{asked['name']}"
        if name in self.repositories:
            return 409, {
                "error": "You already created this dataset repo",
                "url": f"{self.url}/datasets/{name}",
            }
        private = bool(asked.get("private")) or asked.get("visibility") == "private"
        self.made(name, {".gitattributes": b"*.parquet filter=lfs\n"}, private)
        return 200, {"url": f"{self.url}/datasets/{name}", "name": name, "id": "1"}

    def _commit(self, name: str, result: Repository, body: bytes) -> tuple[int, Any]:
        entries = [json.loads(line) for line in body.splitlines() if line]
        header = next(entry["value"] for entry in entries if entry["key"] == "header")
        if header.get("parentCommit") not in (None, result.head):
            return 412, {"error": "A commit has happened since. Please refresh and try again."}
        files = dict(result.files)
        for entry in entries:
            value = entry["value"]
            if entry["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif entry["key"] == "lfsFile":
                files[value["path"]] = self._objects[value["oid"]]
            elif entry["key"] == "deletedFile":
                del files[value["path"]]
            if "path" in value:
                self.sent.append(value["path"])
        commit = result.add(files)
        return 200, {
            "success": True,
            "commitOid": commit,
            "commitUrl": f"{self.url}/datasets/{name}/commit/{commit}",
        }

    def _batch(self, asked: dict[str, Any]) -> tuple[int, Any]:
        objects = [
            {
                "oid": one["oid"],
                "size": one["size"],
                "actions": {"upload": {"href": f"{self.url}/lfs-put/{one['oid']}", "header": {}}},
            }
            for one in asked["objects"]
        ]
        return 200, {"transfer": "basic", "objects": objects}

    def _file(self, request: BaseHTTPRequestHandler, name: str, revision: str, path: str) -> tuple[int, Any]:
        result = self.repositories.get(name)
        at = result.at(revision) if result else None
        if at is None:
            request.more["X-Error-Code"] = "RepoNotFound" if result is None else "RevisionNotFound"
            return 404, b""
        commit, files = at
        request.more |= {"X-Repo-Commit": commit}
        if path not in files:
            request.more["X-Error-Code"] = "EntryNotFound"
            return 404, b""
        request.more["ETag"] = f'"{git_sha1(files[path])}"'
        return 200, files[path]

    def _listing(self, query: dict[str, list[str]]) -> list[dict[str, Any]]:
        import yaml

        owner, tags = query.get("author", [""])[0], set(query.get("filter", []))
        result = []
        for name, repository in self.repositories.items():
            page = repository.files.get("README.md", b"").decode(errors="replace")
            head = page.split("---")[1] if page.startswith("---") else ""
            card = yaml.safe_load(head) or {}
            if name.startswith(f"{owner}/") and tags <= set(card.get("tags", [])):
                result.append({"id": name, "private": repository.private, "cardData": card})
        return result

    @staticmethod
    def _send(
        request: BaseHTTPRequestHandler, status: int, body: bytes, headers: dict[str, str] | None = None
    ) -> None:
        request.send_response(status)
        for name, value in (headers or {}).items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        if request.command != "HEAD":
            request.wfile.write(body)


def git_sha1(content: bytes) -> str:
    """What git calls a file."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
