"""The Step Functions API is killed while hundreds of executions run and its clients try again."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from tests.integration.step_functions.server import ROLE, Server, definition, serving

MANY, CLIENTS, KILLS = 500, 8, 3
STATES = ("Before", {"Type": "Pass"}), ("Hold", {"Type": "Wait", "Seconds": 4}), ("After", {"Type": "Pass"})
PATIENCE = 120.0


def insisting(call: Any, **request: Any) -> dict[str, Any]:
    """The answer, however often the server goes away meanwhile."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            answer: dict[str, Any] = call(**request)
            return answer
        except ClientError as error:
            if error.response["Error"]["Code"] != "ServiceUnavailable" or time.monotonic() > end:
                raise
        except BotoCoreError:
            if time.monotonic() > end:
                raise
        time.sleep(0.05)


def histories(server: Server, arns: list[str]) -> dict[str, list[dict[str, Any]]]:
    sfn = server.client(max_pool_connections=CLIENTS)
    with ThreadPoolExecutor(CLIENTS) as pool:
        found = pool.map(lambda arn: insisting(sfn.get_execution_history, executionArn=arn)["events"], arns)
        return dict(zip(arns, found, strict=True))


def test_nothing_is_lost_and_arns_and_histories_stay(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        sfn = server.client(max_pool_connections=CLIENTS)
        text = definition(*STATES)
        machine = sfn.create_state_machine(name="held", definition=text, roleArn=ROLE)["stateMachineArn"]
        started: dict[str, str] = {}
        under_way = threading.Event()

        def start(number: int) -> None:
            name = f"n{number}"
            given = {"stateMachineArn": machine, "name": name, "input": f'{{"n": {number}}}'}
            try:
                # boto3 takes an answer that is cut within its head, or another server's at this port, for one without members
                while "executionArn" not in (answer := insisting(sfn.start_execution, **given)):
                    under_way.wait(0.1)
                started[name] = answer["executionArn"]
            except sfn.exceptions.ExecutionAlreadyExists as error:  # it had got through, and has ended meanwhile
                started[name] = error.response["Error"]["Message"].split("'")[1]
            if len(started) > MANY * (kills + 1) / (KILLS + 2):
                under_way.set()

        before: dict[str, list[dict[str, Any]]] = {}
        kills = 0
        with ThreadPoolExecutor(CLIENTS) as pool:
            starts = [pool.submit(start, number) for number in range(MANY)]
            for _ in range(KILLS):
                assert under_way.wait(PATIENCE)
                before |= histories(server, list(started.values())[:50])
                server.kill()
                server.start()
                kills += 1
                under_way.clear()
            for each in starts:
                each.result()

        arns = [f"arn:aws:states:us-east-1:123456789012:execution:held:n{number}" for number in range(MANY)]
        assert sorted(started.values()) == sorted(arns)
        assert before
        for arn in arns:
            end = time.monotonic() + PATIENCE
            while (found := insisting(sfn.describe_execution, executionArn=arn))["status"] == "RUNNING":
                assert time.monotonic() < end, "it never ends"
                time.sleep(0.1)
            assert found["status"] == "SUCCEEDED"
            assert json.loads(found["output"]) == json.loads(found["input"])
        after = histories(server, arns)
        for arn, events in before.items():
            assert after[arn][: len(events)] == events, "what was told once is told again"
        types = ["ExecutionStarted", "PassStateEntered", "PassStateExited", "WaitStateEntered", "WaitStateExited"]
        types += ["PassStateEntered", "PassStateExited", "ExecutionSucceeded"]
        assert all([event["type"] for event in events] == types for events in after.values())
        described = insisting(sfn.describe_state_machine, stateMachineArn=machine)
        assert (described["definition"], described["roleArn"]) == (text, ROLE)


def test_what_was_being_deleted_is_deleted_by_the_next_server(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        sfn = server.client()
        hold = definition(("Hold", {"Type": "Wait", "Seconds": 3600}))
        machine = sfn.create_state_machine(name="gone", definition=hold, roleArn=ROLE)["stateMachineArn"]
        execution = sfn.start_execution(stateMachineArn=machine)["executionArn"]
        sfn.delete_state_machine(stateMachineArn=machine)
        server.kill()
        server.start()
        end = time.monotonic() + PATIENCE
        while sfn.describe_execution(executionArn=execution)["status"] != "ABORTED":
            assert time.monotonic() < end
            time.sleep(0.05)
        while sfn.list_state_machines()["stateMachines"]:
            assert time.monotonic() < end
            time.sleep(0.05)


def test_records_outlive_the_server(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        sfn = server.client()
        tags = [{"key": "team", "value": "blue"}]
        made = sfn.create_state_machine(
            name="kept", definition=definition(("Only", {"Type": "Pass"})), roleArn=ROLE, tags=tags, publish=True
        )
        route = [{"stateMachineVersionArn": made["stateMachineVersionArn"], "weight": 100}]
        alias = sfn.create_state_machine_alias(name="live", routingConfiguration=route)["stateMachineAliasArn"]
        activity = sfn.create_activity(name="kept")
        shown = [
            lambda: sfn.describe_state_machine(stateMachineArn=made["stateMachineVersionArn"]),
            lambda: sfn.describe_state_machine_alias(stateMachineAliasArn=alias),
            lambda: sfn.describe_activity(activityArn=activity["activityArn"]),
            lambda: sfn.list_tags_for_resource(resourceArn=made["stateMachineArn"]),
        ]

        def all_shown() -> list[dict[str, Any]]:
            return [{key: value for key, value in show().items() if key != "ResponseMetadata"} for show in shown]

        before = all_shown()
        server.kill()
        server.start()
        assert all_shown() == before
        assert sfn.start_execution(stateMachineArn=alias)["executionArn"]
