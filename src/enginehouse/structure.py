"""What every provider asks of a workflow's form, checked before any provider is asked."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta

from enginehouse.errors import Diagnostic
from enginehouse.models import RetryPolicy, WorkflowSpec

MAX_ID = 80
MAX_ATTEMPTS = 99_999_999

# What AWS refuses in the name of a state machine or an execution (CreateStateMachine, StartExecution: name).
# Every other engine takes what is left.
_NOT_IN_IDS = re.compile(r"""[\s<>{}\[\]?*"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]""")


def spec_faults(spec: object) -> list[Diagnostic]:
    """All faults of the form of ``spec``: ids, definition present, timeout, retry policy, tags, configuration."""
    if not isinstance(spec, WorkflowSpec):
        return [_fault("", "SpecType", f"a workflow is a WorkflowSpec, not a {type(spec).__name__}.")]
    return [
        *_id_faults("/workflow_id", spec.workflow_id),
        *_text_faults(spec),
        *_definition_faults(spec.definition),
        *_duration_faults("/timeout", spec.timeout),
        *_retry_faults(spec.retry_policy),
        *_mapping_faults(spec),
    ]


def execution_name_faults(name: str) -> list[Diagnostic]:
    """The faults of an execution's name; the empty one asks for a fresh name and has none."""
    return [] if name == "" else list(_id_faults("/execution_name", name))


def _fault(path: str, code: str, message: str, hint: str = "") -> Diagnostic:
    return Diagnostic(severity="error", code=code, message=message, path=path, hint=hint)


def _id_faults(path: str, value: object) -> Iterator[Diagnostic]:
    if not isinstance(value, str):
        yield _fault(path, "IdType", f"the id is text, not {type(value).__name__}.")
    elif not value:
        yield _fault(path, "IdEmpty", "the id is empty.")
    else:
        if len(value) > MAX_ID:
            yield _fault(path, "IdTooLong", f"the id has {len(value)} characters; {MAX_ID} are the most.")
        bad = _NOT_IN_IDS.search(value)
        if bad:
            yield _fault(
                path,
                "IdCharacter",
                f"the id {value!r} has {bad[0]!a} at character {bad.start() + 1}.",
                "Letters, digits, '-', '_' and '.' are safe on every engine.",
            )


def _text_faults(spec: WorkflowSpec) -> Iterator[Diagnostic]:
    for name in ("provider_type", "name", "description"):
        value: object = getattr(spec, name)
        if not isinstance(value, str):
            yield _fault(f"/{name}", "TextType", f"{name} is text, not {type(value).__name__}.")


def _definition_faults(definition: object) -> Iterator[Diagnostic]:
    if not isinstance(definition, str | bytes | Mapping):
        yield _fault(
            "/definition",
            "DefinitionType",
            f"the definition is JSON or YAML text or a mapping, not {type(definition).__name__}.",
        )
    elif not definition or (isinstance(definition, str | bytes) and not definition.strip()):
        yield _fault("/definition", "DefinitionEmpty", "the definition is empty.")


def _duration_faults(path: str, value: object) -> Iterator[Diagnostic]:
    if value is None:
        return
    if not isinstance(value, timedelta):
        yield _fault(path, "DurationType", f"a duration is a datetime.timedelta, not {type(value).__name__}.")
    elif value <= timedelta(0):
        yield _fault(path, "DurationRange", f"the duration is {value.total_seconds():g} s; it must be more than 0.")


def _retry_faults(policy: object) -> Iterator[Diagnostic]:
    if policy is None:
        return
    path = "/retry_policy"
    if not isinstance(policy, RetryPolicy):
        yield _fault(path, "RetryPolicyType", f"the retry policy is a RetryPolicy, not {type(policy).__name__}.")
        return
    attempts: object = policy.max_attempts
    if not isinstance(attempts, int) or isinstance(attempts, bool) or not 0 <= attempts <= MAX_ATTEMPTS:
        yield _fault(
            f"{path}/max_attempts",
            "RetryRange",
            f"max_attempts is {attempts!r}; it is a whole number from 0 to {MAX_ATTEMPTS}.",
        )
    rate: object = policy.backoff_rate
    if not isinstance(rate, int | float) or isinstance(rate, bool) or not math.isfinite(rate) or rate < 1:
        yield _fault(f"{path}/backoff_rate", "RetryRange", f"backoff_rate is {rate!r}; it is a number of at least 1.0.")
    broken = [
        *(
            [_fault(f"{path}/initial_interval", "DurationType", "initial_interval is missing.")]
            if policy.initial_interval is None
            else _duration_faults(f"{path}/initial_interval", policy.initial_interval)
        ),
        *_duration_faults(f"{path}/max_interval", policy.max_interval),
    ]
    yield from broken
    if not broken and policy.max_interval is not None and policy.max_interval < policy.initial_interval:
        yield _fault(
            f"{path}/max_interval",
            "RetryRange",
            f"max_interval ({policy.max_interval.total_seconds():g} s) is less than "
            f"initial_interval ({policy.initial_interval.total_seconds():g} s).",
        )


def _mapping_faults(spec: WorkflowSpec) -> Iterator[Diagnostic]:
    tags: object = spec.tags
    if not isinstance(tags, Mapping):
        yield _fault("/tags", "TagsType", f"tags are a mapping of text to text, not {type(tags).__name__}.")
    else:
        for key, value in tags.items():
            if not isinstance(key, str) or not isinstance(value, str):
                yield _fault(f"/tags/{key}", "TagType", f"the tag {key!r} is {value!r}; key and value are text.")
    config: object = spec.provider_config
    if not isinstance(config, Mapping):
        yield _fault("/provider_config", "ConfigType", f"provider_config is a mapping, not {type(config).__name__}.")
    else:
        for key in config:
            if not isinstance(key, str):
                yield _fault("/provider_config", "ConfigType", f"the key {key!r} of provider_config is not text.")
