"""Services of AWS at the endpoints that configuration names, called by botocore. A service that has no endpoint is not called:
nothing here ever goes to AWS itself."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from enginehouse.asl.commands import ScheduleTask
from enginehouse.server.step_functions.lambdas import remote
from enginehouse.tasks.lambda_invoke import LambdaFunction
from enginehouse.tasks.services import ServiceFailure

_RESOURCE = "arn:aws:states:::"
NAMES = {"eventbridge": "events", "sfn": "stepfunctions", "cloudwatchlogs": "logs"}
"""What resources call a service, where botocore has another name for it."""
# what Step Functions Local calls a service's endpoint, where that is not the service's name
_VARIABLES = {"sagemaker": "SAGE_MAKER", "stepfunctions": "STEP_FUNCTIONS"}
# what an error of an optimised integration begins with
_PREFIXES = {
    "sqs": "SQS",
    "sns": "SNS",
    "dynamodb": "DynamoDB",
    "ecs": "ECS",
    "batch": "Batch",
    "events": "EventBridge",
}


class AwsServices:
    """``environment`` names endpoints: ``SQS_ENDPOINT``, and so on for each service. ``region`` is what requests are signed for."""

    def __init__(self, environment: Mapping[str, str], region: str) -> None:
        self._environment = environment
        self._region = region
        self._clients: dict[str, Any] = {}
        self._making = threading.Lock()

    def lambda_function(self, name: str) -> LambdaFunction | None:
        endpoint = self._endpoint("lambda")
        return remote(endpoint, name) if endpoint else None

    def serves(self, resource: str) -> bool:
        service, action, _ = _parsed(resource)
        return bool(service and action and self._endpoint(service))

    def hint(self, resource: str) -> str:
        service, _, _ = _parsed(resource)
        return f"name the endpoint of its service by the environment variable {_variable(service)}" if service else ""

    def _endpoint(self, service: str) -> str:
        given = self._environment.get(_variable(service), "")
        return given or self._environment.get(f"AWS_ENDPOINT_URL_{service.upper().replace('-', '_')}", "")

    def call(self, command: ScheduleTask) -> Any:
        service, action, optimised = _parsed(command.resource)
        if command.pattern.startswith("sync"):
            raise ServiceFailure(
                "States.Runtime", f"the end of a job of {service} cannot be waited for here; call it without .sync"
            )
        client = self._client(service)
        operation = _operation(client, action)
        if operation is None:
            raise ServiceFailure("States.Runtime", f"{service} has no action {action!r}")
        given = command.arguments if isinstance(command.arguments, dict) else {}
        try:
            answer = client._make_api_call(operation.name, _request(operation.input_shape, given))
        except Exception as error:
            raise _failure(error, client, service, optimised) from error
        metadata = answer.pop("ResponseMetadata", {})
        shown = _answer(answer)
        if optimised and isinstance(shown, dict):
            headers = metadata.get("HTTPHeaders", {})
            shown["SdkHttpMetadata"] = {
                "AllHttpHeaders": {key: [value] for key, value in headers.items()},
                "HttpHeaders": headers,
                "HttpStatusCode": metadata.get("HTTPStatusCode", 200),
            }
            shown["SdkResponseMetadata"] = {"RequestId": metadata.get("RequestId", "")}
        return shown

    def _client(self, service: str) -> Any:
        from botocore.config import Config
        from botocore.session import Session

        with self._making:  # loading a service's model takes long, and is not to be done by two
            client = self._clients.get(service)
            if client is None:
                session = Session()
                known = session.get_credentials() is not None
                keys = {} if known else {"aws_access_key_id": "nobody", "aws_secret_access_key": "nothing"}
                client = self._clients[service] = session.create_client(
                    service,
                    region_name=self._region,
                    endpoint_url=self._endpoint(service),
                    config=Config(inject_host_prefix=False, retries={"total_max_attempts": 2}),
                    **keys,
                )
            return client


def _variable(service: str) -> str:
    return f"{_VARIABLES.get(service, service.upper().replace('-', '_'))}_ENDPOINT"


def _parsed(resource: str) -> tuple[str, str, bool]:
    """Service, action, and whether the integration is one of Step Functions' own."""
    parts = resource.removeprefix(_RESOURCE).split(":") if resource.startswith(_RESOURCE) else []
    optimised = bool(parts) and parts[0] != "aws-sdk"
    if not optimised:
        parts = parts[1:]
    if len(parts) != 2:
        return "", "", False
    return NAMES.get(parts[0], parts[0]), parts[1], optimised


def _operation(client: Any, action: str) -> Any:
    model = client.meta.service_model
    known = {name.lower(): name for name in model.operation_names}
    name = known.get(action.lower())
    return None if name is None else model.operation_model(name)


def _request(shape: Any, given: Any) -> Any:
    """What botocore takes: members by their own names, texts where the service wants texts."""
    kind = shape.type_name if shape is not None else ""
    if kind == "structure" and isinstance(given, dict):
        known = {name.lower(): name for name in shape.members}
        named = [(known.get(key.lower(), key), value) for key, value in given.items()]
        return {key: _request(shape.members.get(key), value) for key, value in named}
    if kind == "list" and isinstance(given, list):
        return [_request(shape.member, item) for item in given]
    if kind == "map" and isinstance(given, dict):
        return {key: _request(shape.value, value) for key, value in given.items()}
    if kind == "string" and not isinstance(given, str):
        return json.dumps(given, separators=(",", ":"))
    if kind == "blob":
        return given.encode() if isinstance(given, str) else json.dumps(given).encode()
    return given


def _answer(value: Any) -> Any:
    """The answer as Step Functions shows it: names begin with a capital, all is JSON."""
    if isinstance(value, dict):
        return {key[:1].upper() + key[1:]: _answer(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_answer(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if hasattr(value, "read"):
        value = value.read()
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _failure(error: Exception, client: Any, service: str, optimised: bool) -> ServiceFailure:
    id = client.meta.service_model.service_id.replace(" ", "")
    prefix = _PREFIXES.get(service, id) if optimised else id[:1] + (id[1:].lower() if id.isupper() else id[1:])
    if prefix == "DynamoDB" and not optimised:
        prefix = "DynamoDb"
    response = getattr(error, "response", None)
    if not isinstance(response, dict):
        return ServiceFailure(f"{prefix}.SdkClientException", str(error))
    code = str(response.get("Error", {}).get("Code", "Unknown")).rpartition(".")[2]
    metadata = response.get("ResponseMetadata", {})
    said = (
        f"{response.get('Error', {}).get('Message', '')} (Service: {id}, Status Code: {metadata.get('HTTPStatusCode')}, "
        f"Request ID: {metadata.get('RequestId')})"
    )
    return ServiceFailure(f"{prefix}.{code}{'' if code.endswith('Exception') else 'Exception'}", said)
