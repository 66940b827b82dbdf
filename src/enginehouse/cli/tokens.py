"""``enginehouse task success``, ``failure`` and ``heartbeat``."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from enginehouse.abc import TakesTaskTokens
from enginehouse.cli import exits
from enginehouse.cli.files import read_input
from enginehouse.cli.options import Engine
from enginehouse.cli.output import write_json, write_lines
from enginehouse.cli.session import Session, within_session
from enginehouse.graph.spans import Span

app = App(name="task", help="Answer a waiting task by its token.", help_format="markdown")
Token = Annotated[str, Parameter(help="The task's token, as it was handed out.")]


@app.command
def success(
    token: Token,
    /,
    *,
    output: Annotated[str, Parameter(name=["--output", "-o"], help="JSON, @file, or - for standard input.")] = "{}",
    engine: Engine | None = None,
) -> int:
    """Say that a waiting task succeeded, with its result.

    For example:

        enginehouse task success "$TOKEN" --output '{"approved": true}'
    """
    value = read_input(output, "--output")

    async def send(opened: Session) -> None:
        provider = await opened.able(TakesTaskTokens, "take task tokens")  # type: ignore[type-abstract]
        await provider.send_task_success(token, value)

    within_session(engine, send)
    return _done("success", engine)


@app.command
def failure(
    token: Token,
    /,
    *,
    error: Annotated[str, Parameter(help="The error's name, as a Catch sees it.")] = "Task.Failed",
    cause: Annotated[str, Parameter(help="What happened, for people.")] = "",
    engine: Engine | None = None,
) -> int:
    """Say that a waiting task failed.

    For example:

        enginehouse task failure "$TOKEN" --error Order.Refused --cause "over the limit"
    """

    async def send(opened: Session) -> None:
        provider = await opened.able(TakesTaskTokens, "take task tokens")  # type: ignore[type-abstract]
        await provider.send_task_failure(token, error, cause)

    within_session(engine, send)
    return _done("failure", engine)


@app.command
def heartbeat(token: Token, /, *, engine: Engine | None = None) -> int:
    """Say that a waiting task is still being worked on.

    For example:

        enginehouse task heartbeat "$TOKEN"
    """

    async def send(opened: Session) -> None:
        provider = await opened.able(TakesTaskTokens, "take task tokens")  # type: ignore[type-abstract]
        await provider.send_task_heartbeat(token)

    within_session(engine, send)
    return _done("heartbeat", engine)


def _done(word: str, engine: Engine | None) -> int:
    if engine is not None and engine.json:
        write_json({"sent": word})
    else:
        write_lines([(Span("✓ ", "succeeded"), Span(f"{word} sent"))])
    return exits.OK
