"""Lambda's Runtime API, enough to run one function binary alone and to measure it.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import json
import queue
import re
import subprocess
import sys
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any

_ROUTE = re.compile(r"^/2018-06-01/runtime/(?:invocation/(?P<id>[^/]+)/(?P<what>response|error)|(?P<init>init/error))$")


class LocalServer(ThreadingHTTPServer):
    """A server on a free port of this machine, in threads of its own. Those who hang up are no error."""

    daemon_threads = True

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of connections that end."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)

    def close(self) -> None:
        """End it."""
        self.shutdown()
        self.server_close()


class FunctionFailed(Exception):
    """The function reported an error."""


class Runtime:
    """A function binary that runs, and the API that feeds it."""

    def __init__(self, binary: Path, environment: dict[str, str]) -> None:
        self._waiting: queue.Queue[tuple[str, bytes, int]] = queue.Queue()
        self._answers: dict[str, queue.Queue[tuple[str, Any]]] = {}
        self._polled = threading.Event()
        self._first_poll = 0.0
        self._closed = False
        self._server = LocalServer(_handler(self))
        variables = {
            **environment, "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self._server.server_port}",
            "AWS_LAMBDA_FUNCTION_NAME": binary.name, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST", "AWS_LAMBDA_LOG_GROUP_NAME": "bench",
            "AWS_LAMBDA_LOG_STREAM_NAME": "bench",
        }
        self._began = time.monotonic()
        self._process = subprocess.Popen(
            [str(binary)], env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )

    def __enter__(self) -> Runtime:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed = True
        self._process.kill()
        self._process.wait()
        self._server.close()

    def first_poll_seconds(self) -> float:
        """From the start of the process to its first poll for an event."""
        if not self._polled.wait(20):
            raise FunctionFailed("the function never polled for an event")
        return self._first_poll - self._began

    def peak_bytes(self) -> int:
        """The most memory that the process has held."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", status).group(1)) * 1024  # type: ignore[union-attr]

    def invoke(self, event: Any, seconds: float) -> Any:
        """Hand an event over and wait for the answer; the function is told that it has that long."""
        number = str(uuid.uuid4())
        answer: queue.Queue[tuple[str, Any]] = queue.Queue()
        self._answers[number] = answer
        self._waiting.put((number, json.dumps(event).encode(), int((time.time() + seconds) * 1000)))
        what, said = answer.get(timeout=seconds + 10)
        if what == "error":
            raise FunctionFailed(str(said))
        return said

    def _next(self) -> tuple[str, bytes, int] | None:
        """The next event for the function; it waits for one."""
        if not self._polled.is_set():
            self._first_poll = time.monotonic()
            self._polled.set()
        while not self._closed:
            try:
                return self._waiting.get(timeout=0.5)
            except queue.Empty:
                continue
        return None

    def _settle(self, number: str, what: str, said: Any) -> None:
        if number in self._answers:
            self._answers.pop(number).put((what, said))


def _handler(runtime: Runtime) -> type[BaseHTTPRequestHandler]:
    """The HTTP side of a runtime."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            """`invocation/next`: the function polls."""
            event = runtime._next()
            if event is None:
                self.close_connection = True
                return
            number, body, deadline = event
            self.send_response(200)
            for name, value in (
                ("Lambda-Runtime-Aws-Request-Id", number), ("Lambda-Runtime-Deadline-Ms", str(deadline)),
                ("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:123456789012:function:bench"),
                ("Content-Type", "application/json"), ("Content-Length", str(len(body))),
            ):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            """The function answers."""
            length = self.headers.get("Content-Length")
            body = self._chunks() if length is None else self.rfile.read(int(length))
            route = _ROUTE.match(self.path)
            if route and route["id"]:
                runtime._settle(route["id"], route["what"], json.loads(body or b"null"))
            self.send_response(202)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _chunks(self) -> bytes:
            body = b""
            while size := int(self.rfile.readline().strip() or b"0", 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    return Handler
