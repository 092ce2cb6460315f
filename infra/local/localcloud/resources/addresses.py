"""Addresses: elastic ones as AWS associates them, with what runs, taken from others unless that is forbidden, and free again
when the instance is gone; private ones by which interfaces are found."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.models.elastic_ip_addresses import ElasticAddress
from moto.ec2.models.elastic_network_interfaces import NetworkInterface
from moto.ec2.responses.elastic_ip_addresses import ElasticIPAddresses

from .errors import AwsError


def install() -> None:
    """Put every patch of this module in place."""
    ElasticIPAddresses.associate_address = associate_address
    filter_value = NetworkInterface.get_filter_value

    def get_filter_value(interface: Any, name: str, method: str | None = None) -> Any:
        """On AWS an interface is found by each of its private addresses."""
        if name == "addresses.private-ip-address":
            return [address["PrivateIpAddress"] for address in interface.private_ip_addresses]
        return filter_value(interface, name, method)

    NetworkInterface.get_filter_value = get_filter_value
    # On AWS an address that nothing has names nothing.
    ElasticAddress.instance_id = property(lambda it: it.instance.id if it.instance else None)
    ElasticAddress.network_interface_id = property(lambda it: it.eni.id if it.eni else None)


def associate_address(response: Any) -> ActionResult:
    """AWS's AssociateAddress; reassociation is allowed unless the request says otherwise."""
    backend = response.ec2_backend
    allocation, ip = response._get_param("AllocationId"), response._get_param("PublicIp")
    address = next((it for it in list(backend.addresses) if allocation == it.allocation_id or ip == it.public_ip), None)
    if address is None:
        if ip and not allocation:
            raise AwsError("InvalidAddress.NotFound", f"Address '{ip}' not found.")
        raise AwsError("InvalidAllocationID.NotFound", f"The allocation ID '{allocation}' does not exist")
    instance, interface = _target(backend, response._get_param("InstanceId"), response._get_param("NetworkInterfaceId"))
    if address.eni is interface:
        return ActionResult({"AssociationId": address.association_id})
    if address.eni is not None and not response._get_bool_param("AllowReassociation", True):
        raise AwsError("Resource.AlreadyAssociated", f"resource {address.allocation_id} is already associated with associate-id "
                                                     f"{address.association_id}")
    if address.eni is not None:
        address.eni.public_ip = None
    associated = backend.associate_address(
        instance=instance, eni=interface, allocation_id=address.allocation_id, reassociate=True
    )
    return ActionResult({"AssociationId": associated.association_id})


def _target(backend: Any, instance_id: str | None, interface_id: str | None) -> tuple[Any, Any]:
    """The instance, where there is one, and the interface that gets the address."""
    if interface_id:
        interface = backend.get_network_interface(interface_id)
        return interface.instance, interface
    if not instance_id:
        raise AwsError("MissingParameter", "Either 'networkInterfaceId' or 'instanceId' must be specified")
    instance = backend.get_instance(instance_id)
    if instance.state in ("pending", "shutting-down", "terminated"):
        raise AwsError("InvalidInstanceID", f"The {instance.state} instance '{instance.id}' is not in a valid state for this operation.")
    return instance, instance.nics[0]


def release(backend: Any, instance: Any) -> None:
    """The addresses of an instance that is gone are free."""
    for address in list(backend.addresses):
        if address.instance is instance:
            if address.eni is not None:
                address.eni.public_ip = None
            address.instance = address.eni = address.association_id = None
