"""Launch the serverless plane: ministack with our patches, under hypercorn."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path


def main() -> None:
    """Serve until SIGTERM. Port, account and the rest come by environment; `cloud.py up` sets it."""
    from hypercorn.asyncio import serve
    from hypercorn.config import Config
    from localcloud.calls import CallLog
    from localcloud.serverless import backups, cloudformation, events, executions, mail, permissions, restores, tagging, tasks
    from localcloud.serverless.control import Application

    for patches in (tasks, executions, events, permissions, cloudformation, backups, restores, tagging, mail):
        patches.install()
    config = Config()
    config.bind = [f"127.0.0.1:{os.environ['GATEWAY_PORT']}"]
    config.keep_alive_timeout = 75
    config.loglevel = "WARNING"
    config.graceful_timeout = 1

    async def run() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await serve(Application(CallLog(Path(os.environ["CPM_CALLS"]))), config, shutdown_trigger=stop.wait)

    asyncio.run(run())


if __name__ == "__main__":
    main()
