"""Definitions: created once, replaced on request, kept for whoever began with them."""

from __future__ import annotations

from pathlib import Path

import pytest

from enginehouse import (
    ExecutionInput,
    ExecutionState,
    InvalidSpecError,
    WorkflowBusyError,
    WorkflowNotFoundError,
    WorkflowSpec,
)
from enginehouse.paging import page_token
from enginehouse.providers.local import LocalProvider
from tests.unit.providers.local.local_runs import chain, reached, run

PASS = {"Type": "Pass"}
WAIT = {"Type": "Wait", "Seconds": 3600}


async def test_create_twice_with_the_same_content_is_one_workflow(local: LocalProvider) -> None:
    first = await local.create_workflow(chain("w", PASS))
    again = await local.create_workflow(chain("w", PASS))
    assert first.message == ""
    assert again.created_at == first.created_at
    assert "same content" in again.message


async def test_create_with_other_content_leaves_the_first_and_says_how_to_replace_it(local: LocalProvider) -> None:
    await local.create_workflow(chain("w", {"Type": "Pass", "Result": "first"}))
    again = await local.create_workflow(chain("w", {"Type": "Pass", "Result": "second"}))
    assert "update_workflow" in again.message
    assert (await run(local, "w")).output == "first"


async def test_an_update_serves_the_next_start_and_leaves_running_executions_alone(local: LocalProvider) -> None:
    await local.create_workflow(chain("w", {"Type": "Wait", "Seconds": 1}, {"Type": "Pass", "Result": "old"}))
    old = await local.start_execution("w", ExecutionInput())
    await local.update_workflow(chain("w", {"Type": "Pass", "Result": "new"}))
    assert (await run(local, "w")).output == "new"
    await reached(local, old.execution_id, "ExecutionSucceeded")
    assert (await local.get_execution_status(old.execution_id)).output == "old"


async def test_update_of_an_unknown_workflow_is_refused(local: LocalProvider) -> None:
    with pytest.raises(WorkflowNotFoundError, match="update_workflow workflow 'w'"):
        await local.update_workflow(chain("w", PASS))


async def test_another_process_update_is_seen_by_the_next_start(local: LocalProvider, store: Path) -> None:
    await local.create_workflow(chain("w", {"Type": "Pass", "Result": "old"}))
    await run(local, "w")
    async with LocalProvider(store, engine=False) as other:
        await other.update_workflow(chain("w", {"Type": "Pass", "Result": "new"}))
    assert (await run(local, "w")).output == "new"


async def test_delete_refuses_while_executions_run_and_is_idempotent(local: LocalProvider) -> None:
    await local.create_workflow(chain("w", WAIT))
    started = await local.start_execution("w", ExecutionInput())
    with pytest.raises(WorkflowBusyError):
        await local.delete_workflow("w")
    await local.stop_execution(started.execution_id, "done with it")
    await local.delete_workflow("w")
    await local.delete_workflow("w")
    with pytest.raises(WorkflowNotFoundError):
        await local.start_execution("w", ExecutionInput())
    assert (await local.get_execution_status(started.execution_id)).state is ExecutionState.CANCELLED


async def test_all_faults_of_definition_and_configuration_come_at_once(local: LocalProvider) -> None:
    spec = WorkflowSpec(
        workflow_id="w",
        definition={"StartAt": "Nowhere", "States": {"A": {"Type": "Pass"}}},
        provider_config={"colour": "red"},
    )
    with pytest.raises(InvalidSpecError) as raised:
        await local.validate(spec)
    codes = {fault.code for fault in raised.value.diagnostics}
    assert "UNKNOWN_CONFIG" in codes
    assert len(raised.value.diagnostics) >= 3
    with pytest.raises(InvalidSpecError):
        await local.create_workflow(spec)
    assert (await local.list_workflows()).items == []


async def test_workflows_are_listed_newest_first_by_pages(local: LocalProvider) -> None:
    for number in range(5):
        await local.create_workflow(chain(f"w{number}", PASS, tags={"number": str(number)}))
    seen, token = [], ""
    while True:
        page = await local.list_workflows(limit=2, token=token)
        seen += page.items
        token = page.next_token
        if not token:
            break
    assert [item.workflow_id for item in seen] == ["w4", "w3", "w2", "w1", "w0"]
    assert seen[0].tags == {"number": "4"}


async def test_a_made_up_page_token_is_refused(local: LocalProvider) -> None:
    with pytest.raises(InvalidSpecError, match="no page token"):
        await local.list_workflows(token="nonsense!")
    for place in (10**30, -1):
        with pytest.raises(InvalidSpecError, match="no page token"):
            await local.list_executions(token=page_token(place))


async def test_executions_see_the_role_that_their_workflow_names(store: Path) -> None:
    who = {"Type": "Pass", "Parameters": {"role.$": "$$.Execution.RoleArn"}}
    async with LocalProvider(store, role="everybody's") as local:
        await local.create_workflow(chain("own", who, provider_config={"role": "its own"}))
        await local.create_workflow(chain("none", who))
        assert (await run(local, "own")).output == {"role": "its own"}
        assert (await run(local, "none")).output == {"role": "everybody's"}
    async with LocalProvider(store, role="another's") as local:
        assert (await run(local, "own")).output == {"role": "its own"}
