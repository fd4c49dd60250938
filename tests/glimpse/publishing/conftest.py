"""A server on loopback that answers huggingface_hub as the hub would, and a small trained run."""

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from glimpse.cli.command_line import main


class HubServer:
    """Hub with models: repositories are made, files are committed, and read back."""

    def __init__(self) -> None:
        """Start to listen on a free port of the loopback interface."""
        self.made: list[dict[str, Any]] = []
        """Requests to make a repository."""
        self.files: dict[str, dict[str, bytes]] = {}
        """Content of the files of each repository, by OWNER/NAME."""
        self.tokens: set[str | None] = set()
        """Tokens that came with requests that write."""
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,))
        self._thread.start()

    def close(self) -> None:
        """Stop the server, so that connections are refused from now on."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def commit_of(self, repository: str) -> str:
        """Return the name of the repository's only commit."""
        files = sorted(self.files[repository].items())
        return hashlib.sha1(repr([(name, _digest(data)) for name, data in files]).encode()).hexdigest()

    def write(self, path: str, body: bytes) -> dict[str, Any] | None:
        """Answer a request that writes; None for one that is unknown."""
        if path == "/api/repos/create":
            given = json.loads(body)
            self.made.append(given)
            name = f"{given['organization']}/{given['name']}"
            self.files.setdefault(name, {})
            return {"url": f"{self.url}/{name}"}
        if path == "/api/validate-yaml":
            return {"errors": [], "warnings": []}
        found = re.fullmatch(r"/api/models/([^/]+/[^/]+)/(preupload|commit)/main", path)
        if found is None or found[1] not in self.files:
            return None
        if found[2] == "preupload":
            names = [one["path"] for one in json.loads(body)["files"]]
            return {"files": [{"path": name, "uploadMode": "regular", "shouldIgnore": False} for name in names]}
        for line in map(json.loads, body.splitlines()):
            if line["key"] == "file":
                self.files[found[1]][line["value"]["path"]] = base64.b64decode(line["value"]["content"])
        commit = self.commit_of(found[1])
        return {"commitUrl": f"{self.url}/{found[1]}/commit/{commit}", "commitOid": commit, "success": True}

    def read(self, path: str) -> tuple[bytes, dict[str, str]] | None:
        """Return the content and the headers of what a request reads; None if it is unknown."""
        if (found := re.fullmatch(r"/api/models/([^/]+/[^/]+)(/revision/\w+)?", path)) and found[1] in self.files:
            names = [{"rfilename": name} for name in self.files[found[1]]]
            told = {"id": found[1], "sha": self.commit_of(found[1]), "siblings": names}
            return json.dumps(told).encode(), {}
        if (found := re.fullmatch(r"/api/models/([^/]+/[^/]+)/tree/\w+", path)) and found[1] in self.files:
            files = self.files[found[1]].items()
            rows = [{"type": "file", "path": name, "size": len(data), "oid": _digest(data)} for name, data in files]
            return json.dumps(rows).encode(), {}
        found = re.fullmatch(r"/([^/]+/[^/]+)/resolve/\w+/(.+)", path)
        if found is None or found[2] not in self.files.get(found[1], {}):
            return None
        data = self.files[found[1]][found[2]]
        headers = {"ETag": f'"{_digest(data)}"', "X-Repo-Commit": self.commit_of(found[1])}
        return data, headers

    def _handler(server) -> type[BaseHTTPRequestHandler]:
        """Return the handler class that http.server needs; it passes each request to this server."""

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: Any) -> None:
                pass

            def do_POST(self) -> None:
                server.tokens.add(self.headers.get("Authorization"))
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = server.write(self.path.split("?")[0], body)
                self._reply(None if answer is None else (json.dumps(answer).encode(), {}))

            def do_GET(self) -> None:
                self._reply(server.read(self.path.split("?")[0]))

            do_HEAD = do_GET

            def _reply(self, answer: tuple[bytes, dict[str, str]] | None) -> None:
                data, headers = answer or (b"", {})
                self.send_response(404 if answer is None else 200)
                for name, value in {**headers, "Content-Length": str(len(data))}.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(data)

        return Handler


def _digest(data: bytes) -> str:
    return hashlib.sha1(data).hexdigest()


@pytest.fixture
def hub() -> Iterator[HubServer]:
    """Return a server of the hub for one test."""
    server = HubServer()
    yield server
    server.close()


@pytest.fixture(scope="session")
def digits_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a short run of RAM on scikit-learn's digits, that was evaluated."""
    run = tmp_path_factory.mktemp("runs") / "digits"
    words = ["digits-ram", "train.steps=60", "train.batch=32", "threads=1", "track.mode=disabled"]
    assert main(["train", *words, "--run", str(run)]) == 0
    assert main(["evaluate", str(run), "--split", "test", "--copies", "2"]) == 0
    return run
