"""What AWS shows of a request beside its answer, for what is answered here in a service's stead."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any


def answered_here(answer: dict[str, Any], token: str) -> dict[str, Any]:
    """The answer as an optimized integration shows it. ``token`` is the task's: the same task, the same request."""
    request = _request_id(token)
    headers = {
        "connection": "keep-alive",
        "Content-Length": str(len(json.dumps(answer))),
        "Content-Type": "application/x-amz-json-1.0",
        "Date": time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime()),
        "x-amzn-RequestId": request,
    }
    return {
        **answer,
        "SdkHttpMetadata": {
            "AllHttpHeaders": {name: [value] for name, value in headers.items()},
            "HttpHeaders": headers,
            "HttpStatusCode": 200,
        },
        "SdkResponseMetadata": {"RequestId": request},
    }


def is_from_here(answer: object, token: str) -> bool:
    """Whether ``answered_here`` made it, rather than a service."""
    about = answer.get("SdkResponseMetadata") if isinstance(answer, dict) else None
    return not isinstance(about, dict) or about.get("RequestId") == _request_id(token)


def _request_id(token: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, token))
