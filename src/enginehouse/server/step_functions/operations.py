"""All operations, by the names that the service model has for them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, TypeAlias

from enginehouse.server.step_functions import (
    activities,
    checking,
    executions,
    history,
    listing,
    machines,
    map_runs,
    redriving,
    tags,
    versions,
)
from enginehouse.server.step_functions.api import Api
from enginehouse.server.step_functions.state_test import run_state_test
from enginehouse.tasks import ExecutionInfo


async def test_state(api: Api, request: dict[str, Any]) -> dict[str, Any]:
    tested = ExecutionInfo(
        execution_id="test-state",
        execution_name="test-state",
        workflow_id="test-state",
        execution_arn=api.arns.of("execution:test-state:test-state"),
    )
    return await run_state_test(request, partial(api.engine.run, info=tested), prefix=api.arns.prefix)


Operation: TypeAlias = Callable[[Api, dict[str, Any]], Awaitable[dict[str, Any]]]

OPERATIONS: Mapping[str, Operation] = {
    "CreateStateMachine": machines.create_state_machine,
    "DescribeStateMachine": machines.describe_state_machine,
    "UpdateStateMachine": machines.update_state_machine,
    "ListStateMachines": machines.list_state_machines,
    "DeleteStateMachine": machines.delete_state_machine,
    "ValidateStateMachineDefinition": checking.validate_state_machine_definition,
    "TestState": test_state,
    "PublishStateMachineVersion": versions.publish_state_machine_version,
    "ListStateMachineVersions": versions.list_state_machine_versions,
    "DeleteStateMachineVersion": versions.delete_state_machine_version,
    "CreateStateMachineAlias": versions.create_state_machine_alias,
    "DescribeStateMachineAlias": versions.describe_state_machine_alias,
    "UpdateStateMachineAlias": versions.update_state_machine_alias,
    "ListStateMachineAliases": versions.list_state_machine_aliases,
    "DeleteStateMachineAlias": versions.delete_state_machine_alias,
    "TagResource": tags.tag_resource,
    "UntagResource": tags.untag_resource,
    "ListTagsForResource": tags.list_tags_for_resource,
    "StartExecution": executions.start_execution,
    "StartSyncExecution": executions.start_sync_execution,
    "StopExecution": executions.stop_execution,
    "DescribeExecution": executions.describe_execution,
    "DescribeStateMachineForExecution": executions.describe_state_machine_for_execution,
    "ListExecutions": listing.list_executions,
    "RedriveExecution": redriving.redrive_execution,
    "GetExecutionHistory": history.get_execution_history,
    "ListMapRuns": map_runs.list_map_runs,
    "DescribeMapRun": map_runs.describe_map_run,
    "UpdateMapRun": map_runs.update_map_run,
    "CreateActivity": activities.create_activity,
    "DescribeActivity": activities.describe_activity,
    "ListActivities": activities.list_activities,
    "DeleteActivity": activities.delete_activity,
    "GetActivityTask": activities.get_activity_task,
    "SendTaskSuccess": activities.send_task_success,
    "SendTaskFailure": activities.send_task_failure,
    "SendTaskHeartbeat": activities.send_task_heartbeat,
}
