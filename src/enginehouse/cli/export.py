"""``enginehouse export``."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from enginehouse.cli import exits
from enginehouse.cli.diagnostics import blaming
from enginehouse.cli.durations import read_duration
from enginehouse.cli.options import GLOBAL
from enginehouse.cli.output import note, write_text
from enginehouse.cli.workflows import bytes_of, read_tags, spec_from
from enginehouse.config import load_settings
from enginehouse.errors import Diagnostic, InvalidSpecError
from enginehouse.models import WorkflowSpec
from enginehouse.options import arguments_of
from enginehouse.providers.step_functions import StepFunctionsProvider
from enginehouse.providers.step_functions.definitions import make
from enginehouse.providers.step_functions.exporting import POLICY_LIMIT, Logs, stack_of
from enginehouse.providers.step_functions.exporting.cloudformation import cloudformation
from enginehouse.providers.step_functions.exporting.terraform import terraform
from enginehouse.providers.step_functions.names import Arns, partition_of
from enginehouse.providers.step_functions.settings import PROVIDER, Settings


def export(
    file: Annotated[str, Parameter(help="The definition, JSON or YAML; - is standard input.")],
    /,
    *,
    format: Annotated[
        Literal["cloudformation", "terraform", "asl"], Parameter(help="In whose language.")
    ] = "cloudformation",
    id: Annotated[str | None, Parameter(help="The workflow's id [the file's name].")] = None,
    type: Annotated[Literal["STANDARD", "EXPRESS"], Parameter(help="The state machine's type.")] = "STANDARD",
    timeout: Annotated[str | None, Parameter(help="How long an execution may take, e.g. 90s, 15m, 2h.")] = None,
    tag: Annotated[
        list[str] | None, Parameter(negative=(), help="KEY=VALUE, a tag of the state machine; may be repeated.")
    ] = None,
    logs: Annotated[Logs, Parameter(help="What AWS logs; OFF makes no log group.")] = "ERROR",
    tracing: Annotated[bool, Parameter(negative=(), help="Trace executions with X-Ray.")] = False,
    config: Annotated[
        Path | None, Parameter(name="--config", group=GLOBAL, help="The configuration file [enginehouse.toml].")
    ] = None,
) -> int:
    """Write down what create would make on AWS Step Functions.

    A state machine, activities or queues for its tasks, a role that may do what the definition asks for and no more, and
    a log group. Where tasks go is read from [providers.step-functions] in enginehouse.toml. Nothing is sent to AWS.

    For example:

        enginehouse export order.yaml > stack.yaml
        enginehouse export order.yaml --format terraform > main.tf
        enginehouse export order.yaml --format asl
    """
    settings = _settings(config)
    spec = spec_from(file, id=id, timeout=read_duration(timeout), tags=read_tags(tag or []))
    if type == "EXPRESS":
        spec = replace(spec, provider_config={"type": type, "synchronous": True})
    with blaming(file, bytes_of(spec)):
        if format == "asl":
            text = _definition(spec, settings)
        else:
            stack = stack_of(spec, settings, logs=logs, tracing=tracing)
            for resource in stack.untold:
                note(f"warning: what {resource} needs is not known here, and the role may not do it: add it")
            if (size := stack.policy_size) > POLICY_LIMIT:
                note(
                    f"warning: the role's policy has {size:,} characters, and IAM takes {POLICY_LIMIT:,}: allow more by `*`, "
                    "or move a part of the states into a workflow of their own"
                )
            text = cloudformation(stack) if format == "cloudformation" else terraform(stack)
    write_text(text)
    return exits.OK


def _settings(config: Path | None) -> Settings:
    read = load_settings(config)
    options, origins = read.providers.get(PROVIDER, {}), read.origins.get(PROVIDER)
    # Not by the registry: it wants the provider's library, and nothing is sent to AWS here.
    settings = StepFunctionsProvider(**arguments_of(PROVIDER, StepFunctionsProvider, options, {}, origins)).settings  # type: ignore[arg-type]
    region = settings.region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    return replace(settings, region=region)


def _definition(spec: WorkflowSpec, settings: Settings) -> str:
    """The definition as AWS gets it."""
    account = settings.account or settings.role.partition("iam::")[2].partition(":")[0]
    region = settings.region or ""
    if not region or not account:
        message = "where the state machine will be is not known, and its activities are named by it."
        hint = "Set region, and role or account, in [providers.step-functions]."
        raise InvalidSpecError(diagnostics=[Diagnostic("error", "NO_PLACE", message, "", hint)])
    role = settings.role or f"arn:{partition_of(region)}:iam::{account}:role/any"
    made = make(spec, replace(settings, role=role), Arns(region, account, partition_of(region)))
    return json.dumps(json.loads(made.text), indent=2, ensure_ascii=False) + "\n"
