"""From a spec to what ``CreateStateMachine`` is given: the definition as AWS runs it, and its settings. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from enginehouse import asl
from enginehouse.asl.program import with_retry
from enginehouse.errors import CapabilityError, Diagnostic, InvalidSpecError
from enginehouse.models import RetryPolicy, WorkflowSpec
from enginehouse.providers.step_functions.names import Arns, id_tags, legal_name
from enginehouse.providers.step_functions.rewriting import rewritten, task_states
from enginehouse.providers.step_functions.settings import PROVIDER, Settings, Target, read_resources

DEFINITION_LIMIT = 1_048_576
"""Bytes of UTF-8 that a state machine's definition may have."""

CONFIG: Mapping[str, type | tuple[type, ...]] = {
    "type": str,
    "synchronous": bool,
    "roleArn": str,
    "loggingConfiguration": Mapping,
    "tracingConfiguration": Mapping,
    "encryptionConfiguration": Mapping,
    "publish": bool,
    "versionDescription": str,
    "resources": (Mapping, str),
}
"""What a workflow's ``provider_config`` may have; where AWS has a field of the name, it is that field."""

_PASSED = ("loggingConfiguration", "tracingConfiguration", "encryptionConfiguration")
_ROLE = re.compile(r"arn:([a-z][a-z0-9-]*):iam::(\d{12}):role/.+", re.ASCII)
_REGION = re.compile(r"[a-z]{2,4}(-[a-z]+)*-(central|(north|south)(east|west)?|east|west)-\d+", re.ASCII)
_TAGS, _TAG_KEY, _TAG_VALUE = 50, 128, 256
_TAG = re.compile(r"[\w\s.:/=+@-]*")
_DESCRIPTION = 256
_EXPRESS = (
    "AWS keeps no status and no history of an EXPRESS execution, so it can be neither asked for nor stopped; "
    'make it STANDARD, or set provider_config["synchronous"] and await it by run_synchronously'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A workflow as AWS is to hold it. ``activities``: the ARNs of those that are ours to make, by task; ``settings``: the
    other members of ``CreateStateMachine``, ``tags`` as AWS writes them."""

    name: str
    text: str
    type: str
    role: str
    activities: Mapping[str, str] = field(default_factory=dict)
    queues: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    publish: bool = False
    version_description: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


def make(spec: WorkflowSpec, settings: Settings, arns: Arns) -> Made:
    """What AWS is to hold. Raises ``InvalidSpecError`` with all faults at once, and ``CapabilityError`` for EXPRESS that
    nobody awaits."""
    faults = [*_config_faults(spec), *_place_faults(spec, settings, arns), *_tag_faults(spec)]
    config = spec.provider_config
    kind = config.get("type", "STANDARD")
    if kind == "EXPRESS" and config.get("synchronous") is not True:
        raise CapabilityError(_EXPRESS, workflow_id=spec.workflow_id, provider=PROVIDER)
    text = ""
    activities: dict[str, str] = {}
    queues: dict[str, str] = {}
    try:
        resources = {**settings.resources, **read_resources(config.get("resources"))}  # type: ignore[arg-type]
        text, activities, queues = _definition(spec, settings, arns, str(kind), resources)
    except InvalidSpecError as error:
        faults += [item for item in error.diagnostics if item.severity == "error"]
    if faults:
        raise InvalidSpecError("", diagnostics=faults, workflow_id=spec.workflow_id, provider=PROVIDER)
    return Made(
        name=legal_name(spec.workflow_id),
        text=text,
        type=str(kind),
        role=_role(spec, settings),
        activities=activities,
        queues=queues,
        settings={key: config[key] for key in _PASSED if key in config},
        publish=config.get("publish") is True,
        version_description=str(config.get("versionDescription", "")),
        tags={**spec.tags, **id_tags(spec.workflow_id)},
    )


def _definition(
    spec: WorkflowSpec, settings: Settings, arns: Arns, kind: str, resources: Mapping[str, Target]
) -> tuple[str, dict[str, str], dict[str, str]]:
    program = asl.compile(spec.definition, type=kind)
    document: dict[str, Any] = program.definition
    if spec.timeout is not None and "TimeoutSeconds" not in document:
        document = {**document, "TimeoutSeconds": max(1, math.ceil(spec.timeout.total_seconds()))}
    if spec.retry_policy is not None:
        document = with_retry(document, _retrier(spec.retry_policy))
    own = settings.endpoint is not None
    faults = [] if own else list(_files(document, ""))
    if faults:
        raise InvalidSpecError("the definition is invalid", diagnostics=faults)
    activities: dict[str, str] = {}
    queues: dict[str, str] = {}
    for task, _ in task_states(document):
        target = resources.get(task) or resources.get("*") or Target("activity")
        if target == Target("activity"):
            activities[task] = arns.activity(settings.activity_name(task))
        elif target.kind == "queue":
            queues[task] = target.place

    def place(task: str) -> Target:
        if task in activities:
            return Target("activity", activities[task])
        return resources.get(task) or resources["*"]

    document = rewritten(document, spec.workflow_id, place, settings.liveness, arns.partition)
    size = len(msgspec.json.encode(document))
    if size > DEFINITION_LIMIT:
        message = f"the definition has {size:,} bytes as AWS gets it, and {DEFINITION_LIMIT:,} are allowed."
        hint = "Each task:NAME brings 400 to 500 bytes with it; move a part of the states into a workflow of their own."
        raise InvalidSpecError("", diagnostics=[Diagnostic("error", "DEFINITION_TOO_LARGE", message, "", hint)])
    # What we made of it is held to the same rules: an activity takes no Credentials, say.
    text = asl.compile(document, type=kind).text
    return text, activities, queues


def _retrier(policy: RetryPolicy) -> dict[str, Any]:
    """The policy as an entry of Retry. AWS counts in whole seconds."""
    interval = max(1, math.ceil(policy.initial_interval.total_seconds()))
    made: dict[str, Any] = {
        "ErrorEquals": ["States.ALL"],
        "IntervalSeconds": interval,
        "MaxAttempts": policy.max_attempts,
        "BackoffRate": policy.backoff_rate,
    }
    if policy.max_interval is not None:
        made["MaxDelaySeconds"] = max(interval + 1, math.ceil(policy.max_interval.total_seconds()))
    return made


def _files(node: Any, at: str) -> Iterator[Diagnostic]:
    """The places that read or write files of this machine, which AWS does not see."""
    if isinstance(node, dict):
        resource = node.get("Resource")
        if isinstance(resource, str) and resource.startswith("file:"):
            message = f"AWS does not reach the files of this machine, as {resource!r} asks for."
            hint = "Name arn:aws:states:::s3:getObject or arn:aws:states:::s3:putObject."
            yield Diagnostic("error", "NOT_ON_AWS", message, f"{at}/Resource", hint)
        for key, item in node.items():
            yield from _files(item, f"{at}/{str(key).replace('~', '~0').replace('/', '~1')}")
    elif isinstance(node, list):
        for index, item in enumerate(node):
            yield from _files(item, f"{at}/{index}")


def _config_faults(spec: WorkflowSpec) -> Iterator[Diagnostic]:
    config = spec.provider_config
    for key, value in config.items():
        expected = CONFIG.get(key)
        at = f"/provider_config/{key}"
        if expected is None:
            message = f"the step-functions provider has no setting {key!r} of a workflow."
            yield Diagnostic("error", "UNKNOWN_CONFIG", message, at, f"It has {', '.join(CONFIG)}.")
        elif not isinstance(value, expected):
            yield Diagnostic("error", "INVALID_CONFIG", f"{key} is of another type, not {value!r:.80}.", at)
    if config.get("type", "STANDARD") not in ("STANDARD", "EXPRESS"):
        yield Diagnostic("error", "INVALID_TYPE", "type is STANDARD or EXPRESS.", "/provider_config/type")
    if config.get("versionDescription") and config.get("publish") is not True:
        message = "versionDescription describes a version, and none is published."
        yield Diagnostic("error", "INVALID_CONFIG", message, "/provider_config/versionDescription", "Set publish.")
    if len(str(config.get("versionDescription", ""))) > _DESCRIPTION:
        message = f"versionDescription has at most {_DESCRIPTION} characters."
        yield Diagnostic("error", "INVALID_CONFIG", message, "/provider_config/versionDescription")


def _role(spec: WorkflowSpec, settings: Settings) -> str:
    return str(spec.provider_config.get("roleArn") or settings.role)


def names_role(spec: WorkflowSpec, settings: Settings) -> bool:
    """Whether there is a role for the workflow that looks like one; ``make`` refuses it where there is none."""
    return _ROLE.fullmatch(_role(spec, settings)) is not None


def _place_faults(spec: WorkflowSpec, settings: Settings, arns: Arns) -> Iterator[Diagnostic]:
    role = _role(spec, settings)
    at = "/provider_config/roleArn" if "roleArn" in spec.provider_config else "/role"
    found = _ROLE.fullmatch(role)
    if not role:
        message = "a state machine needs a role that it runs as."
        yield Diagnostic("error", "NO_ROLE", message, at, "Give the provider role=ARN, or the workflow roleArn.")
    elif found is None:
        hint = "It looks like arn:aws:iam::123456789012:role/NAME."
        yield Diagnostic("error", "INVALID_ROLE", f"{role!r:.200} is no ARN of a role.", at, hint)
    elif found[1] != arns.partition:
        message = f"the role is of the partition {found[1]}, and the region {arns.region} is in {arns.partition}."
        yield Diagnostic("error", "INVALID_ROLE", message, at)
    elif arns.account and found[2] != arns.account:
        message = f"the role is of account {found[2]}, and the state machine of {arns.account}; AWS refuses that."
        yield Diagnostic("error", "INVALID_ROLE", message, at)
    if not _REGION.fullmatch(arns.region):
        message = f"{arns.region!r:.80} is no region of AWS."
        yield Diagnostic("error", "INVALID_REGION", message, "/region", "It looks like eu-central-1.")


def _tag_faults(spec: WorkflowSpec) -> Iterator[Diagnostic]:
    if len(spec.tags) + len(id_tags(spec.workflow_id)) > _TAGS:
        yield Diagnostic("error", "INVALID_TAG", f"AWS takes {_TAGS} tags, and there are more.", "/tags")
    for key, value in spec.tags.items():
        is_short = 0 < len(key) <= _TAG_KEY and len(value) <= _TAG_VALUE
        if not is_short or key.lower().startswith("aws:") or not _TAG.fullmatch(key + value):
            message = (
                f"AWS does not take the tag {key!r:.150}: a key has 1 to {_TAG_KEY} characters and no `aws:`, a value at "
                f"most {_TAG_VALUE}, both of letters, digits, blanks and _.:/=+-@."
            )
            yield Diagnostic("error", "INVALID_TAG", message, f"/tags/{key}")


def same_definition(one: str, other: str) -> bool:
    """Whether two texts of a definition say the same."""
    if one == other:
        return True
    encode = msgspec.json.Encoder(order="sorted").encode
    return encode(msgspec.json.decode(one)) == encode(msgspec.json.decode(other))
