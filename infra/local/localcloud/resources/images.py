"""AMIs that are registered from snapshots."""

from __future__ import annotations

from typing import Any

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.amis import AmiBackend

from .call import current


def install() -> None:
    """Put every patch of this module in place."""
    register = AmiBackend.register_image

    def register_image(backend: Any, *rest: Any, **named: Any) -> Any:
        """On AWS an AMI uses the snapshots that it is registered from, and they cannot be deleted before it is
        deregistered. moto makes one up instead."""
        call = current()
        wanted = [
            value for key, value in sorted((call.params if call else {}).items())
            if key.startswith("BlockDeviceMapping.") and key.endswith(".Ebs.SnapshotId")
        ]
        for missing in (snapshot for snapshot in wanted if snapshot not in backend.snapshots):
            raise EC2ClientError("InvalidSnapshot.NotFound", f"The snapshot '{missing}' does not exist.")
        image = register(backend, *rest, **named)
        if wanted:
            backend.snapshots.pop(image.ebs_snapshot.id)
            image.ebs_snapshot = backend.snapshots[wanted[0]]
        for snapshot in wanted:
            backend.snapshots[snapshot].from_ami = image.id
        return image

    AmiBackend.register_image = register_image
