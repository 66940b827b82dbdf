"""An answer that is none of AWS's: what a proxy or a gateway says in its place, with success."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.parsers import ResponseParserError


def refuse_strangers(client: Any) -> None:
    """Have the client raise ``ResponseParserError`` for success without a JSON object, where the service speaks JSON: botocore
    takes any other text for an answer without members, so that what nobody received counts as done."""
    client.meta.events.register("before-parse.*.*", _refuse)


def _refuse(operation_model: Any, response_dict: Mapping[str, Any], **_: object) -> None:
    if operation_model.service_model.resolved_protocol != "json" or response_dict["status_code"] >= 300:
        return
    body = response_dict["body"]
    if isinstance(body, bytes) and body.strip() and not body.lstrip().startswith(b"{"):
        raise ResponseParserError(f"the answer is no JSON object: {body[:80].decode(errors='replace')!r}")
