"""Fixtures of several test files: a Weights & Biases server on loopback, and variables without the user's settings."""

import json
import os
import socket
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest


class WandbServer:
    """HTTP server on loopback that answers wandb as the real server would and records what it is sent."""

    def __init__(self) -> None:
        """Start to listen on a free port of the loopback interface."""
        self.operations: list[str] = []
        """Names of the GraphQL operations, in the order of arrival."""
        self.runs: dict[str, dict[str, Any]] = {}
        """Last value of each field of a run, by the run's id."""
        self.artifacts: list[dict[str, Any]] = []
        """Fields with which each artifact was created."""
        self.uploads: dict[str, bytes] = {}
        """Contents of uploaded files by name; names of artifact files begin with "artifact/"."""
        self.rows: list[dict[str, float]] = []
        """Rows of metrics, in the order of arrival."""
        self.summary: dict[str, Any] = {}
        """The run's last summary."""
        self.exit_code: int | None = None
        self.unanswered: set[str] = set()
        """Names of the operations that get no answer."""
        self.breaks_after = ""
        """Name of the operation after which every answer is `nonsense`."""
        self.nonsense: bytes | None = None
        """Answer of a broken server; None closes the connection."""
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,))
        self._thread.start()

    def close(self) -> None:
        """Stop the server, so that connections are refused from now on."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def stream(self, files: dict[str, Any]) -> None:
        """Record the rows and summaries in one upload of the run's file stream, whose lines are JSON."""
        history = files.get("wandb-history.jsonl", {"offset": len(self.rows), "content": []})
        lines = [json.loads(line) for line in history["content"]]
        self.rows[history["offset"] : history["offset"] + len(lines)] = lines  # What is there already is replaced.
        for line in files.get("wandb-summary.json", {}).get("content", []):
            self.summary = json.loads(line)

    def answer(self, operation: str, given: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to a GraphQL operation; unknown operations are answered as by an old server."""
        self.operations.append(operation)
        known = getattr(self, f"_{operation}", None)
        return known(given) if known else {"project": None}

    def _Viewer(self, given: dict[str, Any]) -> dict[str, Any]:
        viewer = {"id": "u", "entity": "me", "username": "me", "email": "", "flags": "{}"}
        return {"viewer": viewer | {"teams": {"edges": []}}}

    def _ServerFeaturesQuery(self, given: dict[str, Any]) -> dict[str, Any]:
        return {"serverInfo": {"features": []}}

    def _RunResumeStatus(self, given: dict[str, Any]) -> dict[str, Any]:
        if given["name"] not in self.runs:
            return {"model": None}
        counts = {"logLineCount": 0, "eventsLineCount": 0, "historyLineCount": len(self.rows)}
        tails = {"eventsTail": "[]", "historyTail": json.dumps([json.dumps(self.rows[-1])])}
        run = self._bucket(given["name"]) | counts | tails
        run |= {"summaryMetrics": "{}", "config": self.runs[given["name"]]["config"], "wandbConfig": '{"t": 1}'}
        return {"model": {"id": "p", "name": "glimpse", "entity": {"id": "e", "name": "me"}, "bucket": run}}

    def _UpsertBucket(self, given: dict[str, Any]) -> dict[str, Any]:
        run = self.runs.setdefault(given["name"], {})
        run.update({field: value for field, value in given.items() if value is not None})
        return {"upsertBucket": {"bucket": self._bucket(given["name"]), "inserted": True}}

    def _bucket(self, name: str) -> dict[str, Any]:
        project = {"id": "p", "name": "glimpse", "entity": {"id": "e", "name": "me"}}
        return {"id": "b", "name": name, "displayName": name, "project": project, "historyLineCount": 0}

    def _CreateRunFiles(self, given: dict[str, Any]) -> dict[str, Any]:
        files = [{"name": name, "uploadUrl": f"{self.url}/{name}"} for name in given["files"]]
        return {"createRunFiles": {"runID": "b", "uploadHeaders": [], "files": files}}

    def _CreateArtifact(self, given: dict[str, Any]) -> dict[str, Any]:
        self.artifacts.append(given["input"])
        sequence = {"id": "s", "latestArtifact": None}
        return {"createArtifact": {"artifact": {"id": "a", "state": "PENDING", "artifactSequence": sequence}}}

    def _CreateArtifactManifest(self, given: dict[str, Any]) -> dict[str, Any]:
        file = {"id": "f", "uploadUrl": f"{self.url}/artifact-manifest", "uploadHeaders": []}
        return {"createArtifactManifest": {"artifactManifest": {"id": "m", "file": file}}}

    def _CreateArtifactFiles(self, given: dict[str, Any]) -> dict[str, Any]:
        names = [file["name"] for file in given["input"]["artifactFiles"]]
        common = {"storagePath": "s", "uploadHeaders": [], "artifact": {"id": "a"}}
        edges = [{"node": {"uploadUrl": f"{self.url}/artifact/{name}", **common}} for name in names]
        return {"createArtifactFiles": {"files": {"edges": edges}}}

    def _CommitArtifact(self, given: dict[str, Any]) -> dict[str, Any]:
        return {"commitArtifact": {"artifact": {"id": "a", "digest": "d"}}}

    def _handler(server) -> type[BaseHTTPRequestHandler]:
        """Return the handler class that http.server needs; it passes each request to this server."""

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: Any) -> None:
                pass

            def do_PUT(self) -> None:
                server.uploads[self.path[1:]] = self._body()
                self._reply({})

            def handle_one_request(self) -> None:
                self.broken = server.breaks_after in server.operations
                super().handle_one_request()

            def do_POST(self) -> None:
                request = json.loads(self._body())
                if self.path == "/graphql":
                    operation = request.get("operationName") or "unnamed"
                    answer = server.answer(operation, request.get("variables") or {})
                    if operation not in server.unanswered:
                        self._reply({"data": answer})
                else:
                    server.stream(request.get("files") or {})
                    if request.get("complete"):
                        server.exit_code = request["exitcode"]
                    self._reply({"exitcode": None, "limits": {}})

            def _body(self) -> bytes:
                return self.rfile.read(int(self.headers["Content-Length"]))

            def _reply(self, reply: dict[str, Any]) -> None:
                body = server.nonsense if self.broken else json.dumps(reply).encode()
                if body is None:
                    self.close_connection = True
                    return
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        return Handler


@pytest.fixture
def wandb_server(wandb_alone: None) -> Iterator[WandbServer]:
    """Yield a Weights & Biases server on loopback; tests set WANDB_BASE_URL to its `url`."""
    server = WandbServer()
    yield server
    server.close()


@pytest.fixture
def wandb_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Remove the user's wandb key, settings and home, and set a server address that refuses connections."""
    _end_wandb_session()
    for name in list(os.environ):
        if name.startswith("WANDB_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for name in ("WANDB_ERROR_REPORTING", "WANDB_DATA_DIR", "WANDB_CACHE_DIR", "WANDB_SERVICE"):
        monkeypatch.setenv(name, "")  # Registers the variable, so that a value set during the test is undone.
        monkeypatch.delenv(name)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # The port is taken, and nothing listens on it.
        monkeypatch.setenv("WANDB_BASE_URL", f"http://127.0.0.1:{closed.getsockname()[1]}")
        yield
        _end_wandb_session()


def _end_wandb_session() -> None:
    """Make wandb read the environment's variables again; it reads them only once."""
    if wandb := sys.modules.get("wandb"):
        wandb.teardown()
