"""``enginehouse create`` and ``enginehouse delete``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from enginehouse.abc import UpdatesWorkflows
from enginehouse.cli import exits
from enginehouse.cli.diagnostics import blaming
from enginehouse.cli.durations import read_duration
from enginehouse.cli.files import STDIN, read_source
from enginehouse.cli.options import Engine
from enginehouse.cli.output import write_json, write_lines
from enginehouse.cli.session import Session, within_session
from enginehouse.errors import Diagnostic, InvalidSpecError
from enginehouse.graph.spans import Line, Span, shorten
from enginehouse.models import CreateWorkflowResult, WorkflowSpec


def create(
    file: Annotated[str, Parameter(help="The definition, JSON or YAML; - is standard input.")],
    /,
    *,
    id: Annotated[str | None, Parameter(help="The workflow's id [the file's name].")] = None,
    update: Annotated[bool, Parameter(negative=(), help="Replace a stored definition that differs.")] = False,
    type: Annotated[
        Literal["STANDARD", "EXPRESS"], Parameter(help="Whose rules apply: AWS refuses some things in EXPRESS.")
    ] = "STANDARD",
    timeout: Annotated[str | None, Parameter(help="How long an execution may take, e.g. 90s, 15m, 2h.")] = None,
    tag: Annotated[list[str] | None, Parameter(negative=(), help="KEY=VALUE; may be repeated.")] = None,
    engine: Engine | None = None,
) -> int:
    """Store a workflow, without starting it.

    Done twice it is done once. A stored definition that differs is left alone unless --update is given; executions that
    run then end on the definition that they began with.

    For example:

        enginehouse create order.yaml
        enginehouse create order.yaml --id order --update
    """
    engine = engine or Engine()
    spec = spec_from(file, id=id, type=type, timeout=read_duration(timeout), tags=read_tags(tag or []))

    async def store(opened: Session) -> CreateWorkflowResult:
        return await store_workflow(opened, spec, update=update)

    with blaming(file, bytes_of(spec)):
        result = within_session(engine, store, make=True)
    if engine.json:
        write_json(result.to_dict())
        return exits.OK
    show_created(result)
    return exits.OK


def show_created(result: CreateWorkflowResult) -> None:
    """The workflow, where it is, and what the provider says of it."""
    ids = {kind: value for kind, value in result.resource_ids.items() if value != result.workflow_id}
    places = {kind: value for kind, value in ids.items() if ":" in value}  # ARNs and URLs, which are for copying
    short = ", ".join(f"{kind} {shorten(value, 24)}" for kind, value in ids.items() if kind not in places)
    lines: list[Line] = [
        (Span("✓ ", "succeeded"), Span(result.workflow_id, "name"), Span(f"  {short}" if short else "", "dim"))
    ]
    width = max(map(len, places), default=0)
    lines += [(Span(f"  {kind:{width}}  ", "dim"), Span(value)) for kind, value in places.items()]
    # The library's word for it is a method.
    message = result.message.replace("update_workflow", "--update")
    write_lines(lines + ([(Span(f"  {message}"),)] if message else []))


def delete(
    workflow: Annotated[str, Parameter(help="The workflow's id.")],
    /,
    *,
    engine: Engine | None = None,
) -> int:
    """Remove a workflow. Refused while executions of it run; one that does not exist is success.

    For example:

        enginehouse delete order
    """
    engine = engine or Engine()

    async def remove(opened: Session) -> None:
        await opened.manager.delete_workflow(workflow)

    within_session(engine, remove)
    if engine.json:
        write_json({"workflow_id": workflow, "deleted": True})
    else:
        write_lines([(Span("✓ ", "succeeded"), Span(f"{workflow} is gone"))])
    return exits.OK


def spec_from(
    file: str,
    *,
    id: str | None = None,
    type: str = "STANDARD",
    timeout: timedelta | None = None,
    tags: Mapping[str, str] | None = None,
) -> WorkflowSpec:
    """The workflow that a file defines; its id is the file's name unless one is given. Raises ``OSError``."""
    name = ("workflow" if file == STDIN else Path(file).name.split(".")[0]) if id is None else id
    return WorkflowSpec(
        workflow_id=name,
        name=name,
        definition=read_source(file),
        timeout=timeout,
        tags=tags or {},
        provider_config={} if type == "STANDARD" else {"type": type},
    )


def bytes_of(spec: WorkflowSpec) -> bytes:
    """The definition as it stood in its file."""
    return spec.definition if isinstance(spec.definition, bytes) else b""


async def store_workflow(opened: Session, spec: WorkflowSpec, *, update: bool) -> CreateWorkflowResult:
    """Create the workflow; with ``update``, replace a stored one that differs. Raises as ``Manager.create_workflow``."""
    result = await opened.manager.create_workflow(spec)
    if not update or not result.message:
        return result
    provider = await opened.able(UpdatesWorkflows, "replace a stored definition")  # type: ignore[type-abstract]
    return await provider.update_workflow(spec)


def read_tags(pairs: list[str]) -> dict[str, str]:
    """Tags as they are given to ``--tag``. Raises ``InvalidSpecError``."""
    tags = {}
    for pair in pairs:
        key, sign, value = pair.partition("=")
        if not key or not sign:
            fault = Diagnostic(
                severity="error", code="InvalidTag", message=f"--tag {pair!r} is not of the form KEY=VALUE."
            )
            raise InvalidSpecError(diagnostics=[fault])
        tags[key] = value
    return tags
