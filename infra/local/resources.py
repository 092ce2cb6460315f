"""Launch the resource plane: moto with our patches."""

from __future__ import annotations

import logging
import os
from pathlib import Path


def main() -> None:
    """Serve until SIGTERM. Port and the rest come by environment; `cloud.py up` sets it."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
    from werkzeug.serving import make_server

    from localcloud.calls import CallLog
    from localcloud.resources import describe, images, multivolume, snapshots, tags
    from localcloud.resources.server import Application

    for patches in (snapshots, multivolume, images, describe, tags):
        patches.install()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s [%(name)s] %(message)s")
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    MotoRequestHandler.protocol_version = "HTTP/1.1"
    moto = DomainDispatcherApplication(create_backend_app)
    application = Application(moto, CallLog(Path(os.environ["CPM_CALLS"])))
    port = int(os.environ["CPM_RESOURCES_PORT"])
    make_server("127.0.0.1", port, application, threaded=True, request_handler=MotoRequestHandler).serve_forever()


if __name__ == "__main__":
    main()
