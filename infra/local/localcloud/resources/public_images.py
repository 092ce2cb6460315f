"""Images of Amazon's: a few that every account sees, for moto knows none here. An instance of one of them, or of an id that
nobody knows, runs at once: it stands for what was there before.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from moto.ec2.models.amis import Ami, AmiBackend

OWNER = "137112412989"
"""Of Amazon Linux."""
_LINUX, _WINDOWS = "Linux/UNIX", "Windows"
_KNOWN = {
    "ami-12c6146b": ("al2023-ami-2023.5.20240805.0-kernel-6.1-x86_64", "Amazon Linux 2023 AMI", "x86_64", _LINUX, 5),
    "ami-1d23cf64": ("al2023-ami-2023.6.20241031.0-kernel-6.1-x86_64", "Amazon Linux 2023 AMI", "x86_64", _LINUX, 31),
    "ami-56ec3e2f": ("al2023-ami-2023.6.20241031.0-kernel-6.1-arm64", "Amazon Linux 2023 AMI", "arm64", _LINUX, 31),
    "ami-b7e93bce": ("Windows_Server-2016-English-Full-Base-2024.08.14", "Microsoft Windows Server 2016", "x86_64", _WINDOWS, 14),
}
_SIZES = {_LINUX: 8, _WINDOWS: 30}


def install() -> None:
    """Put every patch of this module in place."""
    AmiBackend._load_amis = load


def is_public(image: Any) -> bool:
    """Whether an image is one of these."""
    return image is not None and image.owner_id == OWNER


def load(backend: Any) -> None:
    """On AWS there are images that nobody of the account made."""
    for image_id, (name, description, architecture, details, day) in _KNOWN.items():
        backend.amis[image_id] = image = Ami(
            backend, image_id, name=name, description=description, owner_id=OWNER, owner_alias="amazon", public=True,
            virtualization_type="hvm", architecture=architecture, platform="windows" if details == _WINDOWS else None,
            image_location=f"amazon/{name}", hypervisor="xen", root_device_type="ebs", root_device_name="/dev/sda1",
            creation_date=datetime(2024, 8 if day != 31 else 10, day, tzinfo=timezone.utc),
        )
        backend.snapshots.pop(image.ebs_snapshot.id, None)
        image.boot_mode, image.ena_support, image.platform_details = None, True, details
        image.usage_operation = "RunInstances" if details == _LINUX else "RunInstances:0002"
        image.devices = [{"DeviceName": "/dev/sda1", "Ebs": {
            "SnapshotId": f"snap-0{image_id.removeprefix('ami-')}00000000", "VolumeSize": _SIZES[details], "VolumeType": "gp3",
            "DeleteOnTermination": True, "Encrypted": False,
        }}]
