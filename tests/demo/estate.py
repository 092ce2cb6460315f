"""The small estate that the demonstration protects."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.cloud import Cloud
from tests.estate import TAG, Estate

US, EU = "us-east-1", "eu-west-1"


@dataclass
class Resource:
    """An instance or a volume, as the table shows it."""

    id: str
    name: str
    region: str
    state: str
    volumes: list[str]
    tag: str


@dataclass
class Small:
    """Two Regions with a few machines, and a snapshot that is none of our business."""

    us: Estate
    eu: Estate
    resources: list[Resource] = field(default_factory=list)
    stranger: str = ""

    @staticmethod
    def make(cloud: Cloud) -> Small:
        """Make it all."""
        it = Small(Estate(cloud, US), Estate(cloud, EU))
        it._instance(US, "web-1", "web", ["root", "content", "logs"])
        it._instance(US, "web-2", "web#only-snaps", ["root", "content"], stopped=True)
        it._instance(US, "orders", "orders:gold", ["root", "data", "wal"])
        it._instance(EU, "web-3", "web", ["root", "content"])
        it._instance(EU, "reports", "web;gold", ["root"])
        archive = it.eu.volume({"Name": "archive", "cost-centre": "4711", TAG: "web"})
        it.resources.append(Resource(archive, "archive", EU, "detached", [archive], "web"))
        address = it.us.ec2.allocate_address(Domain="vpc")["AllocationId"]
        it.us.ec2.associate_address(InstanceId=it.named("web-1").id, AllocationId=address)
        root = it.named("web-1").volumes[0]
        it.stranger = it.us.ec2.create_snapshot(VolumeId=root, Description="by hand")["SnapshotId"]
        return it

    def _instance(self, region: str, name: str, tag: str, volumes: list[str], stopped: bool = False) -> None:
        place = self.us if region == US else self.eu
        own = [{"Name": f"{name}-{volume}", "cost-centre": "4711", "role": volume} for volume in volumes]
        instance, ids = place.instance({"Name": name, TAG: tag}, own)
        if stopped:
            place.stop(instance)
        self.resources.append(Resource(instance, name, region, "stopped" if stopped else "running", ids, tag))

    def named(self, name: str) -> Resource:
        """A resource by its name."""
        return next(resource for resource in self.resources if resource.name == name)

    def place(self, region: str) -> Estate:
        """What is in a Region."""
        return self.us if region == US else self.eu

    def volumes(self, *names: str) -> dict[str, str]:
        """The volumes of these, with the Region of each."""
        return {volume: self.named(name).region for name in names for volume in self.named(name).volumes}
