"""The Resource Groups Tagging API: pages and limits, as its reference has them. ministack answers with all at once."""

from __future__ import annotations

import base64
import json
from typing import Any

from ministack.services import tagging

_PAGE, _PAGE_MAX = 50, 100
_FILTERS_MAX, _VALUES_MAX = 50, 20


def install() -> None:
    """Put every patch of this module in place."""
    get = tagging._get_resources

    def get_resources(data: dict[str, Any]) -> Any:
        """On AWS an answer holds 50 resources, or as many as ResourcesPerPage says, up to 100; a filter has 20 values."""
        filters, limit = data.get("TagFilters", []), data.get("ResourcesPerPage", _PAGE)
        if not 1 <= limit <= _PAGE_MAX:
            return tagging._invalid_parameter(f"ResourcesPerPage must be between 1 and {_PAGE_MAX}")
        if len(filters) > _FILTERS_MAX or any(len(entry.get("Values", [])) > _VALUES_MAX for entry in filters):
            return tagging._invalid_parameter(f"At most {_FILTERS_MAX} filters of {_VALUES_MAX} values")
        try:
            after = base64.urlsafe_b64decode(data.get("PaginationToken") or b"").decode()
        except ValueError:
            return tagging._invalid_parameter("The PaginationToken is invalid")
        status, headers, body = get(data)
        if status != 200:
            return status, headers, body
        found = sorted(json.loads(body)["ResourceTagMappingList"], key=lambda entry: entry["ResourceARN"])
        left = [entry for entry in found if entry["ResourceARN"] > after]
        token = base64.urlsafe_b64encode(left[limit - 1]["ResourceARN"].encode()).decode() if len(left) > limit else ""
        return tagging._json({"ResourceTagMappingList": left[:limit], "PaginationToken": token})

    tagging._HANDLERS["GetResources"] = get_resources
