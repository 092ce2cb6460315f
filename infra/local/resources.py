"""Launch the resource plane: moto with our patches."""

from __future__ import annotations

import logging
import os
import signal
from pathlib import Path


def main() -> None:
    """Serve until SIGTERM. Port and the rest come by environment; `cloud.py up` sets it."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
    from werkzeug.serving import make_server

    from localcloud.calls import CallLog
    from localcloud.resources import (
        addresses, database_permissions, describe, images, launching, multivolume, placement, public_images, rds, reboots,
        redshift, registering, restores, sharing, snapshots, tags, volumes,
    )
    from localcloud.resources.server import Application

    signal.signal(signal.SIGTERM, end)
    for patches in (
        snapshots, sharing, volumes, multivolume, public_images, images, registering, launching, addresses, placement, reboots,
        describe, tags, rds, restores, redshift, database_permissions,
    ):
        patches.install()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s [%(name)s] %(message)s")
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    MotoRequestHandler.protocol_version = "HTTP/1.1"
    moto = DomainDispatcherApplication(create_backend_app)
    application = Application(moto, CallLog(Path(os.environ["CPM_CALLS"])))
    port = int(os.environ["CPM_RESOURCES_PORT"])
    make_server("127.0.0.1", port, application, threaded=True, request_handler=MotoRequestHandler).serve_forever()


def end(*_: object) -> None:
    """End, and with us the commands that run on instances: each is a process group of its own."""
    from localcloud.resources.ssm.processes import PROCESSES

    PROCESSES.end_all()
    os._exit(0)


if __name__ == "__main__":
    main()
