"""Run cases against a provider through the contract alone: create, start, wait, read the status, stop."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import AsyncGenerator, Callable, Container, Iterable, Mapping
from contextlib import AsyncExitStack, aclosing, suppress
from dataclasses import dataclass
from typing import Any, TypeAlias

from enginehouse.abc import Provider, TakesTaskTokens, WatchesExecutions
from enginehouse.conformance.asl.cases import GIVEN, Case, obstacle
from enginehouse.conformance.asl.lambdas import Sleeps, functions_of
from enginehouse.conformance.asl.observed import Observed, observed_of
from enginehouse.conformance.asl.scripts import Scripts, TaskFunction
from enginehouse.errors import CapabilityError, EnginehouseError
from enginehouse.models import ExecutionInput, WorkflowSpec
from enginehouse.tasks.lambda_invoke import LambdaFunction

LONGEST = 60.0
_CLEANING = 10.0
_LOOK_FIRST, _LOOK_LATER = 0.01, 0.25
_HANDING = 1.0


@dataclass(frozen=True)
class Needs:
    """What a provider has to be made with for some cases. ``lambdas`` is by ARN. ``stopped``: the executions are stopped
    by their caller while they wait, so that a virtual clock must not run ahead of it."""

    tasks: Mapping[str, TaskFunction]
    lambdas: Mapping[str, LambdaFunction]
    stopped: bool


@dataclass(frozen=True)
class Result:
    """What running a case came to: what was ``observed``, or the ``problem`` in its way. ``ran`` is False where the case
    was not even tried."""

    id: str
    observed: Observed | None
    problem: str = ""
    ran: bool = True
    seconds: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """The line of ``observed.jsonl``."""
        seen = self.observed
        line = {
            "id": self.id,
            "status": seen.status if seen else None,
            "output": seen.output if seen else None,
            "error": seen.error if seen else None,
            "cause": seen.cause if seen else None,
            "history": seen.history if seen else [],
            "seconds": round(self.seconds, 3),
        }
        return {**line, "problem": self.problem} if self.problem else line


Maker: TypeAlias = Callable[[Needs], Provider]


async def run_cases(
    cases: Iterable[Case],
    make: Maker,
    *,
    jobs: int = 20,
    limit: float = LONGEST,
    takes: Container[str] = GIVEN,
    tell: Callable[[Result], object] = lambda result: None,
) -> list[Result]:
    """Run the cases, ``jobs`` at once, and give what each came to, in their order; ``tell`` hears of each as it ends.

    ``takes``: which of ``tasks`` and ``lambdas`` the provider can be given; cases that need another are not run.
    ``make`` makes a provider for the cases that can share one: those whose Lambda functions differ under one ARN cannot.
    A case that has not ended after ``limit`` seconds is stopped, and that is its result. What a provider raises is the
    result of the case; what ``make`` raises is raised.
    """
    listed = list(cases)
    found: dict[str, Result] = {}

    def told(result: Result) -> None:
        found[result.id] = result
        tell(result)

    able = []
    for case in listed:
        if why := obstacle(case, takes):
            told(Result(case["id"], None, f"not run: {why}", ran=False))
        else:
            able.append(case)
    free = asyncio.Semaphore(jobs)
    try:
        async with asyncio.TaskGroup() as groups:
            for group in _groups(able):
                groups.create_task(_run_group(group, make, free, limit, told))
    except BaseExceptionGroup as raised:
        raise _first(raised) from None
    return [found[case["id"]] for case in listed]


def _first(raised: BaseException) -> BaseException:
    """What a caller can name: the cases of all groups fail for the one reason that no provider can be made."""
    return _first(raised.exceptions[0]) if isinstance(raised, BaseExceptionGroup) else raised


def _groups(cases: Iterable[Case]) -> list[list[Case]]:
    """The cases, in as few groups as go: one name means one function within a group, or a script; and stopped ones are
    by themselves."""
    groups: list[tuple[bool, dict[str, str], list[Case]]] = []
    for case in cases:
        functions = (case["lambdas"] or {}).values()
        sources = dict.fromkeys(case["tasks"] or (), "scripted")
        sources |= {item["arn"].rpartition(":function:")[2]: item["source"] for item in functions}
        for stopped, known, members in groups:
            if stopped == case["stopped"] and all(known.get(name, text) == text for name, text in sources.items()):
                known.update(sources)
                members.append(case)
                break
        else:
            groups.append((case["stopped"], sources, [case]))
    return [members for _, _, members in groups]


async def _run_group(
    cases: list[Case],
    make: Maker,
    free: asyncio.Semaphore,
    limit: float,
    tell: Callable[[Result], object],
) -> None:
    # No two runs share an id: an engine may still hold what an earlier one made.
    run = uuid.uuid4().hex[:8]
    named = {f"case-{run}-{index}": case for index, case in enumerate(cases)}
    scripts, sleeps = Scripts(named), Sleeps()
    lambdas = {arn: function for case in cases for arn, function in functions_of(case, sleeps.sleep).items()}
    needs = Needs(scripts.functions(), lambdas, stopped=cases[0]["stopped"])

    async def one(provider: Provider, workflow_id: str, case: Case) -> None:
        async with free:
            tell(await _result(provider, workflow_id, case, scripts, limit))

    try:
        async with AsyncExitStack() as opened:
            provider = await _open(make(needs), opened, limit)
            async with asyncio.TaskGroup() as running:
                for workflow_id, case in named.items():
                    running.create_task(one(provider, workflow_id, case))
    finally:
        sleeps.end()


async def _open(provider: Provider, opened: AsyncExitStack, limit: float) -> Provider:
    try:
        async with asyncio.timeout(limit):
            return await opened.enter_async_context(provider)
    except TimeoutError:
        raise TimeoutError(f"the provider {provider.name!r} did not open within {limit:g} s") from None


async def _result(provider: Provider, workflow_id: str, case: Case, scripts: Scripts, limit: float) -> Result:
    begun = time.monotonic()
    try:
        seen, problem = await _observe(provider, workflow_id, case, scripts, limit), ""
    except TimeoutError:
        seen, problem = None, f"no end within {limit:g} s; it was stopped"
    except CapabilityError as error:
        return Result(case["id"], None, f"not run: {error}", ran=False)
    except Exception as error:
        seen, problem = None, f"{type(error).__name__}: {error}"
    return Result(case["id"], seen, problem, seconds=time.monotonic() - begun)


async def _observe(provider: Provider, workflow_id: str, case: Case, scripts: Scripts, limit: float) -> Observed:
    given = case["definition"]
    text = given if isinstance(given, str) else json.dumps(given)
    spec = WorkflowSpec(
        workflow_id=workflow_id,
        provider_type=provider.name,
        definition=text,
        provider_config={"type": case["type"]},
    )
    running = ""
    try:
        async with asyncio.timeout(limit):
            await provider.create_workflow(spec)
            started = await provider.start_execution(workflow_id, ExecutionInput(input=case["input"]))
            execution = running = started.execution_id
            async with aclosing(_happenings(provider, execution)) as types:
                async for happened in types:
                    if case["stopped"] and happened == "WaitStateEntered":
                        await provider.stop_execution(execution, "")
                    if happened == "TaskSubmitted" or (happened == "ActivityStarted" and ".waitForTaskToken" in text):
                        await _send(provider, await _handed_out(scripts, workflow_id))
            seen = observed_of(await provider.get_execution_status(execution))
            running = ""
            return seen
    finally:
        await _leave_nothing(provider, workflow_id, running)


async def _happenings(provider: Provider, execution: str) -> AsyncGenerator[str, None]:
    """The types of the execution's events as they come, until it is over."""
    if isinstance(provider, WatchesExecutions):
        watched = provider.watch_execution(execution)
        try:
            async for event in watched:
                yield event.type
        finally:
            if isinstance(watched, AsyncGenerator):
                await watched.aclose()
        return
    seen, pause = 0, _LOOK_FIRST
    while True:
        status = await provider.get_execution_status(execution)
        for event in status.history[seen:]:
            yield event.type
        seen = len(status.history)
        if status.state.is_terminal:
            return
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, _LOOK_LATER)


async def _handed_out(scripts: Scripts, workflow_id: str) -> list[tuple[str, Mapping[str, Any]]]:
    """What is to be sent for the tokens that were handed out, once they are: where another engine runs the execution, its
    history may tell of it before the function has run. None may be sent at all, so this ends after a while."""
    end = time.monotonic() + _HANDING
    while not (found := scripts.waiting.pop(workflow_id, [])) and time.monotonic() < end:  # noqa: ASYNC110 -- no event tells of it
        await asyncio.sleep(_LOOK_FIRST)
    return found


async def _send(provider: Provider, waiting: list[tuple[str, Mapping[str, Any]]]) -> None:
    if waiting and not isinstance(provider, TakesTaskTokens):
        raise CapabilityError("the provider takes no task tokens", provider=provider.name)
    for token, outcome in waiting:
        assert isinstance(provider, TakesTaskTokens)
        if "Throw" in outcome:
            await provider.send_task_failure(token, outcome["Throw"]["Error"], outcome["Throw"].get("Cause", ""))
        else:
            await provider.send_task_success(token, outcome.get("Return"))


async def _leave_nothing(provider: Provider, workflow_id: str, running: str) -> None:
    """Stop what still runs and delete the workflow. A provider that fails at that has failed at the case already."""
    with suppress(EnginehouseError, TimeoutError):
        async with asyncio.timeout(_CLEANING):
            if running:
                await provider.stop_execution(running, "the case was given up")
            await provider.delete_workflow(workflow_id)
