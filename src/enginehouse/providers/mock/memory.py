"""What the mock holds: workflows, and executions by id, in the order in which they were made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from enginehouse import asl
from enginehouse.asl.values import json_text
from enginehouse.errors import (
    ExecutionConflictError,
    ExecutionNotFoundError,
    ProviderError,
    WorkflowNotFoundError,
)
from enginehouse.models import ExecutionInput, WorkflowSpec
from enginehouse.names import Names, execution_id, workflow_of
from enginehouse.providers.mock import _mapping as mapping
from enginehouse.providers.mock.clock import Clock
from enginehouse.providers.mock.execution import Execution, Pending
from enginehouse.tasks.results import json_copy

_MOST_EXECUTIONS = 100_000


@dataclass(slots=True)
class Workflow:
    """A stored workflow; ``number`` counts what was stored."""

    spec: WorkflowSpec
    program: asl.Program
    created: float
    number: int

    def same(self, spec: WorkflowSpec, program: asl.Program) -> bool:
        """Whether the content is the same."""
        mine = self.spec
        return self.program.digest == program.digest and (mine.timeout, mine.retry_policy, mine.provider_config) == (
            spec.timeout,
            spec.retry_policy,
            spec.provider_config,
        )


class Memory:
    """``workflows`` and ``executions`` by id. What is not there raises ``WorkflowNotFoundError`` and ``ExecutionNotFoundError``."""

    def __init__(self, clock: Clock, names: Names) -> None:
        self.clock = clock
        self.names = names
        self.workflows: dict[str, Workflow] = {}
        self.executions: dict[str, Execution] = {}
        self._stored = 0

    def store(self, spec: WorkflowSpec, program: asl.Program) -> Workflow:
        """Keep the workflow, in the place of one that has its id."""
        self._stored += 1
        workflow = self.workflows[spec.workflow_id] = Workflow(spec, program, self.clock.read(), self._stored)
        return workflow

    def workflow(self, workflow_id: str, operation: str) -> Workflow:
        workflow = self.workflows.get(workflow_id)
        if workflow is None:
            raise WorkflowNotFoundError(
                f"there is no workflow {workflow_id!r}",
                operation=operation,
                workflow_id=workflow_id,
                provider=mapping.NAME,
            )
        return workflow

    def execution(self, execution_id: str, operation: str) -> Execution:
        execution = self.executions.get(execution_id)
        if execution is None:
            raise ExecutionNotFoundError(
                f"there is no execution {execution_id!r}",
                operation=operation,
                execution_id=execution_id,
                provider=mapping.NAME,
            )
        return execution

    def waiting(self, token: str, operation: str) -> tuple[Execution, int]:
        """The task that waits for this token."""
        for execution in self.executions.values():
            for number, pending in execution.tasks.items():
                if token and pending.command.token == token and not pending.used:
                    return execution, number
        raise ExecutionNotFoundError(
            f"no task waits for the token {token!r}: it is unknown, or its task has ended",
            operation=operation,
            provider=mapping.NAME,
        )

    def untaken(self, activity: str) -> tuple[Execution, Pending] | None:
        """The oldest task of the activity that no worker has taken."""
        for execution in self.executions.values():
            for pending in execution.tasks.values():
                if pending.command.resource == activity and not pending.taken:
                    return execution, pending
        return None

    def open(
        self,
        workflow_id: str,
        request: ExecutionInput,
        value: Any,
        text: str,
        *,
        program: asl.Program | None = None,
        role: str = "",
        express: bool = False,
    ) -> Execution:
        """A new execution of a known workflow, or of this program of it. It is not begun."""
        if len(self.executions) >= _MOST_EXECUTIONS:
            raise ProviderError(
                f"there are {_MOST_EXECUTIONS:,} executions already: a workflow that starts itself for ever?",
                operation="start execution",
                workflow_id=workflow_id,
                provider=mapping.NAME,
            )
        program = program or self.workflows[workflow_id].program
        name = request.execution_name or self._fresh_name(workflow_id)
        execution = Execution(
            id=execution_id(workflow_id, name),
            name=name,
            workflow_id=workflow_id,
            program=program,
            definition=program,
            input=value,
            input_text=text,
            request=request,
            started=self.clock.read(),
            role=role,
            express=express,
        )
        self.executions[execution.id] = execution
        return execution

    def open_nested(self, workflow: str, name: str, text: str) -> Execution:
        """A new execution that another one starts; ``workflow`` is an id or an ARN. Raises as ``start_execution`` does."""
        workflow_id = workflow_of(workflow)
        self.workflow(workflow_id, "start execution")
        value, text = mapping.read_input(text, workflow_id)
        if name and execution_id(workflow_id, name) in self.executions:
            raise ExecutionConflictError(f"Execution Already Exists: {name!r}")
        return self.open(workflow_id, ExecutionInput(execution_name=name), value, text)

    def open_child(self, execution: Execution, command: asl.StartChild) -> Execution:
        """A new execution for an item, or batch, of a distributed Map."""
        value = json_copy(command.input)
        child = Execution(
            id=f"{execution.id}/{command.child}",
            name=f"{execution.name}/{command.child}",
            workflow_id=execution.workflow_id,
            program=execution.program.processor(command.processor),
            definition=execution.definition,
            input=value,
            input_text=json_text(value),
            request=ExecutionInput(),
            started=self.clock.read(),
            role=execution.role,
            inner=True,
            index=command.index,
            map_run=command.run,
            map_run_size=command.total,
            map_path=command.processor.rpartition("/")[0],
            map_run_limits=command.limits,
            items=command.items,
        )
        before = execution.tried.get((command.run, command.index))
        if before is not None:
            before.replaced, child.attempts = True, before.attempts + 1
        execution.tried[command.run, command.index] = child
        self.executions[child.id] = child
        return child

    def child_to_redrive(self, execution: Execution, command: asl.StartChild) -> Execution | None:
        """The execution that the command would have go on; None for one that is to be opened."""
        found = self.executions.get(f"{execution.id}/{command.before}") if command.before else None
        return found if found is not None and found.redrivable and found.state and found.state.frames else None

    def children_of(self, execution: Execution) -> list[Execution]:
        """The executions that run items of the execution's distributed Maps, in the order in which they began."""
        prefix = f"{execution.id}/"
        return [
            child
            for child in self.executions.values()
            if child.inner and not child.replaced and child.id.startswith(prefix) and "/" not in child.id[len(prefix) :]
        ]

    def _fresh_name(self, workflow_id: str) -> str:
        number = len(self.executions) + 1
        while execution_id(workflow_id, f"run-{number}") in self.executions:
            number += 1
        return f"run-{number}"
