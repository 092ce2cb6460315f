"""Stands between the functions and the resource plane: counts calls, delays them, refuses them as EC2's buckets do.

    python -m tests.bench.proxy --upstream http://127.0.0.1:5000 --port 5001

Routes of its own: `GET /_proxy/calls` lists the calls since the last reset, `POST /_proxy/settings` takes `latency`
(seconds added to each call) and `buckets` (a list of `{"action", "capacity", "refill"}`, refilled once a second as
EC2's are), `POST /_proxy/reset` forgets calls and fills the buckets.
"""

from __future__ import annotations

import argparse
import asyncio
import fnmatch
import re
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import parse_qs

from aiohttp import ClientSession, ClientTimeout, TCPConnector, web

_SCOPE = re.compile(r"Credential=[^/]+/\d+/([^/]+)/([^/]+)/aws4_request")
_APP = re.compile(r"(?:^|\s)app/(\S+)")
_HOP_BY_HOP = {"connection", "content-length", "host", "keep-alive", "te", "transfer-encoding", "upgrade"}
_THROTTLED = (
    "<Response><Errors><Error><Code>RequestLimitExceeded</Code><Message>Request limit exceeded.</Message></Error>"
    "</Errors><RequestID>proxy</RequestID></Response>"
)


@dataclass
class Seen:
    """One call that went through, or was refused."""

    action: str
    region: str
    app: str
    began: float
    ended: float = 0.0
    status: int = 0
    throttled: bool = False


@dataclass
class Bucket:
    """AWS's token bucket: full at first, refilled in steps of a second."""

    capacity: float
    refill: float
    tokens: float = field(init=False)
    at: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.tokens = self.capacity

    def take(self) -> bool:
        """Take a token, if there is one."""
        steps = int(time.monotonic() - self.at)
        if steps > 0:
            self.at += steps
            self.tokens = min(self.capacity, self.tokens + steps * self.refill)
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class Proxy:
    """The proxy and what it has seen."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream.rstrip("/")
        self._latency = 0.0
        self._rules: list[dict[str, Any]] = []
        self._buckets: dict[tuple[str, str], Bucket] = {}
        self._seen: list[Seen] = []
        self._session: ClientSession

    def application(self) -> web.Application:
        """The web application."""
        app = web.Application(client_max_size=16 * 1024 * 1024)
        app.router.add_get("/_proxy/calls", self._calls)
        app.router.add_post("/_proxy/settings", self._settings)
        app.router.add_post("/_proxy/reset", self._reset)
        app.router.add_route("*", "/{path:.*}", self._forward)
        app.cleanup_ctx.append(self._connected)
        return app

    async def _connected(self, _: web.Application) -> Any:
        no_limit, for_ever = TCPConnector(limit=0), ClientTimeout(total=None)
        async with ClientSession(connector=no_limit, timeout=for_ever, auto_decompress=False) as session:
            self._session = session
            yield

    async def _calls(self, _: web.Request) -> web.Response:
        return web.json_response([asdict(seen) for seen in self._seen])

    async def _settings(self, request: web.Request) -> web.Response:
        given = await request.json()
        self._latency = float(given.get("latency", self._latency))
        self._rules = given.get("buckets", self._rules)
        self._buckets.clear()
        return web.json_response({"latency": self._latency, "buckets": self._rules})

    async def _reset(self, _: web.Request) -> web.Response:
        self._seen.clear()
        self._buckets.clear()
        return web.json_response({})

    def _allowed(self, action: str, region: str) -> bool:
        rule = next((rule for rule in self._rules if fnmatch.fnmatchcase(action, rule["action"])), None)
        if rule is None:
            return True
        bucket = self._buckets.setdefault((action, region), Bucket(rule["capacity"], rule["refill"]))
        return bucket.take()

    async def _forward(self, request: web.Request) -> web.Response:
        body = await request.read()
        scope = _SCOPE.search(request.headers.get("Authorization", ""))
        app = _APP.search(request.headers.get("User-Agent", ""))
        # Systems Manager speaks JSON, and names the action in a header.
        target = request.headers.get("X-Amz-Target", request.path).rpartition(".")[2]
        action = parse_qs(body.decode("utf-8", "replace")).get("Action", [target])[0]
        seen = Seen(action, scope.group(1) if scope else "", app.group(1) if app else "", time.time())
        self._seen.append(seen)
        if not self._allowed(action, seen.region):
            await asyncio.sleep(self._latency)
            seen.throttled, seen.status, seen.ended = True, 503, time.time()
            return web.Response(status=503, text=_THROTTLED, content_type="text/xml")
        await asyncio.sleep(self._latency)
        url, kept = self._upstream + request.raw_path, end_to_end(request.headers)
        async with self._session.request(request.method, url, data=body, headers=kept) as answer:
            content = await answer.read()
            seen.status, seen.ended = answer.status, time.time()
            return web.Response(status=answer.status, body=content, headers=end_to_end(answer.headers))


def end_to_end(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    """The headers that go on to the other side."""
    return [(name, value) for name, value in headers.items() if name.lower() not in _HOP_BY_HOP]


def main() -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--upstream", required=True)
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args()
    web.run_app(
        Proxy(arguments.upstream).application(), host="127.0.0.1", port=arguments.port, access_log=None, print=None,
    )


if __name__ == "__main__":
    main()
