"""State machines, versions, aliases and tags as a client of AWS sees them."""

from __future__ import annotations

import json
import time
from collections import Counter
from typing import Any

import pytest

from tests.integration.step_functions.calls import PATIENCE, made, reason_of, refused, run
from tests.integration.step_functions.server import HOLD, PASS, ROLE, definition, many_of

ARN = "arn:aws:states:us-east-1:123456789012:stateMachine"
GROUP = {"cloudWatchLogsLogGroup": {"logGroupArn": "arn:aws:logs:us-east-1:123456789012:log-group:all:*"}}


def test_creating_again_with_the_same_text_is_no_error(sfn: Any) -> None:
    first = sfn.create_state_machine(name="same", definition=PASS, roleArn=ROLE)
    again = sfn.create_state_machine(name="same", definition=PASS, roleArn=f"{ROLE}-other", tags=[{"key": "a"}])
    assert (again["stateMachineArn"], again["creationDate"]) == (first["stateMachineArn"], first["creationDate"])
    assert sfn.describe_state_machine(stateMachineArn=first["stateMachineArn"])["roleArn"] == ROLE


@pytest.mark.parametrize(
    "other",
    [
        {"definition": PASS.replace(":", " :")},
        {"definition": HOLD},
        {"type": "EXPRESS"},
        {"tracingConfiguration": {"enabled": True}},
        {"loggingConfiguration": {"level": "ALL", "includeExecutionData": True, "destinations": [GROUP]}},
    ],
)
def test_creating_again_with_anything_else_is_refused(sfn: Any, other: dict[str, Any]) -> None:
    sfn.create_state_machine(name="other", definition=PASS, roleArn=ROLE)
    given = {"name": "other", "definition": PASS, "roleArn": ROLE, **other}
    message = refused("StateMachineAlreadyExists", sfn.create_state_machine, **given)
    assert message == f"State Machine Already Exists: '{ARN}:other'"


@pytest.mark.parametrize("name", ["a b", "a/b", "a:b", "a#b", "a\x07", "a" * 81, "a\u0085", "a\ufffe", "a\U0010ffff"])
def test_names_that_aws_does_not_take_are_refused(sfn: Any, name: str) -> None:
    code = "ValidationException" if len(name) > 80 else "InvalidName"
    message = refused(code, sfn.create_state_machine, name=name, definition=PASS, roleArn=ROLE)
    assert name in message
    refused(code, sfn.create_activity, name=name)


@pytest.mark.parametrize("kind", ["machine", "activity"])
def test_a_key_of_awss_is_what_says_nothing_of_encryption_and_a_customers_is_named(sfn: Any, kind: str) -> None:
    name = f"encrypted-{kind}"
    call, given = (
        (sfn.create_state_machine, {"name": name, "definition": PASS, "roleArn": ROLE})
        if kind == "machine"
        else (sfn.create_activity, {"name": name})
    )
    call(**given)
    call(**given, encryptionConfiguration={"type": "AWS_OWNED_KEY"})
    customers = {"type": "CUSTOMER_MANAGED_KMS_KEY"}
    refused("InvalidEncryptionConfiguration", call, **given, encryptionConfiguration=customers)
    code = "StateMachineAlreadyExists" if kind == "machine" else "ActivityAlreadyExists"
    refused(code, call, **given, encryptionConfiguration={**customers, "kmsKeyId": "k"})


def test_a_description_tells_of_the_key_and_of_variables(sfn: Any) -> None:
    text = definition(("A", {"Type": "Pass", "Assign": {"x": 1}}), ("B", {"Type": "Pass", "Parameters": {"y.$": "$x"}}))
    arn = made(sfn, "variables", text)
    execution = sfn.start_execution(stateMachineArn=arn)["executionArn"]
    for found in (
        sfn.describe_state_machine(stateMachineArn=arn),
        sfn.describe_state_machine_for_execution(executionArn=execution),
    ):
        assert found["encryptionConfiguration"] == {"type": "AWS_OWNED_KEY"}
        assert found["variableReferences"] == {"B": ["x"]}
    assert "variableReferences" not in sfn.describe_state_machine(stateMachineArn=made(sfn, "no-variables", PASS))
    hidden = sfn.describe_state_machine(stateMachineArn=arn, includedData="METADATA_ONLY")
    assert (hidden["definition"], "variableReferences" in hidden) == ("{}", False)


def test_the_arn_of_a_distributed_map_is_described_as_what_runs_for_its_items(sfn: Any) -> None:
    arn = made(sfn, "many", many_of("task:item"))
    found = sfn.describe_state_machine(stateMachineArn=f"{arn}/Many")
    assert (found["label"], found["name"], found["type"]) == ("Many", "many", "STANDARD")
    assert list(json.loads(found["definition"])["States"]) == ["Item"]
    refused("StateMachineDoesNotExist", sfn.describe_state_machine, stateMachineArn=f"{arn}/Few")


def test_wrong_definitions_are_refused_in_awss_form(sfn: Any) -> None:
    call = sfn.create_state_machine
    message = refused("InvalidDefinition", call, name="wrong", definition='{"StartAt":"A"}', roleArn=ROLE)
    assert message.startswith("Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: ")
    message = refused("InvalidDefinition", call, name="wrong", definition="StartAt: yaml", roleArn=ROLE)
    assert message.startswith("Invalid State Machine Definition: 'INVALID_JSON_DESCRIPTION: ")
    refused("StateMachineDoesNotExist", sfn.describe_state_machine, stateMachineArn=f"{ARN}:wrong")


def test_arns_are_told_apart(sfn: Any) -> None:
    call = sfn.describe_state_machine
    assert refused("InvalidArn", call, stateMachineArn="not_a_valid_arn") == (
        "Invalid Arn: 'Invalid ARN prefix: not_a_valid_arn'"
    )
    assert refused("StateMachineDoesNotExist", call, stateMachineArn=f"{ARN}:nobody") == (
        f"State Machine Does Not Exist: '{ARN}:nobody'"
    )
    elsewhere = "arn:aws:states:eu-west-1:000000000000:stateMachine:same"
    refused("StateMachineDoesNotExist", call, stateMachineArn=elsewhere)
    refused("InvalidArn", call, stateMachineArn="arn:aws:states:us-east-1:123456789012:activity:same")
    refused("InvalidArn", call, stateMachineArn=f"{ARN}:same:")


def test_logs_go_to_one_place(sfn: Any) -> None:
    machine = {"name": "logs", "definition": PASS, "roleArn": ROLE}
    for wrong in (
        {"level": "ALL"},
        {"level": "ERROR", "destinations": []},
        {"level": "OFF", "destinations": [GROUP] * 2},
    ):
        refused("InvalidLoggingConfiguration", sfn.create_state_machine, **machine, loggingConfiguration=wrong)
    arn = sfn.create_state_machine(**machine, loggingConfiguration={"level": "OFF"})["stateMachineArn"]
    refused(
        "InvalidLoggingConfiguration",
        sfn.update_state_machine,
        stateMachineArn=arn,
        loggingConfiguration={"level": "FATAL"},
    )
    logs = {"level": "ALL", "includeExecutionData": False, "destinations": [GROUP]}
    sfn.update_state_machine(stateMachineArn=arn, loggingConfiguration=logs)
    assert sfn.describe_state_machine(stateMachineArn=arn)["loggingConfiguration"] == logs


def test_an_update_is_a_revision_unless_nothing_differs(sfn: Any) -> None:
    arn = made(sfn, "updated", PASS)
    message = refused("MissingRequiredParameter", sfn.update_state_machine, stateMachineArn=arn)
    assert message.startswith("Either the definition, the role ARN")
    first = sfn.update_state_machine(stateMachineArn=arn, definition=HOLD)["revisionId"]
    assert sfn.update_state_machine(stateMachineArn=arn, definition=HOLD)["revisionId"] == first
    assert sfn.update_state_machine(stateMachineArn=arn, roleArn=f"{ROLE}-2")["revisionId"] != first


def test_an_execution_is_described_with_what_it_ran(sfn: Any) -> None:
    arn = made(sfn, "was", PASS)
    execution = sfn.start_execution(stateMachineArn=arn)["executionArn"]
    sfn.update_state_machine(stateMachineArn=arn, definition=HOLD, roleArn=f"{ROLE}-2")
    found = sfn.describe_state_machine_for_execution(executionArn=execution)
    assert (found["definition"], found["roleArn"]) == (PASS, ROLE)


def test_executions_of_a_machine_that_is_deleted_end(sfn: Any) -> None:
    arn = made(sfn, "deleted", HOLD)
    execution = sfn.start_execution(stateMachineArn=arn)["executionArn"]
    sfn.delete_state_machine(stateMachineArn=arn)
    end = time.monotonic() + PATIENCE
    while sfn.describe_execution(executionArn=execution)["status"] == "RUNNING":
        assert time.monotonic() < end
    while True:
        try:
            assert sfn.describe_state_machine(stateMachineArn=arn)["status"] == "DELETING"
        except sfn.exceptions.StateMachineDoesNotExist:
            break
        refused_or_gone = (sfn.exceptions.StateMachineDeleting, sfn.exceptions.StateMachineDoesNotExist)
        with pytest.raises(refused_or_gone):
            sfn.start_execution(stateMachineArn=arn)
        assert time.monotonic() < end
    sfn.delete_state_machine(stateMachineArn=arn)
    assert made(sfn, "deleted", PASS) == arn
    assert sfn.list_executions(stateMachineArn=arn)["executions"] == []


def test_machines_are_listed_by_name_in_pages(sfn: Any) -> None:
    for number in range(12):
        made(sfn, f"listed-{number}", PASS)
    pages = sfn.get_paginator("list_state_machines").paginate(PaginationConfig={"PageSize": 5})
    found = [item["name"] for page in pages for item in page["stateMachines"]]
    assert found == sorted(found)
    assert len([name for name in found if name.startswith("listed-")]) == 12
    refused("InvalidToken", sfn.list_state_machines, nextToken="made up")


def test_the_arn_of_a_map_is_no_machine_to_start_or_change(sfn: Any) -> None:
    arn = f"{made(sfn, 'labelled', PASS)}/Map"
    calls: list[tuple[Any, dict[str, Any]]] = [
        (sfn.start_execution, {}),
        (sfn.start_sync_execution, {}),
        (sfn.update_state_machine, {"definition": HOLD}),
        (sfn.publish_state_machine_version, {}),
        (sfn.delete_state_machine, {}),
    ]
    for call, more in calls:
        assert reason_of(call, stateMachineArn=arn, **more) == "API_DOES_NOT_SUPPORT_LABELED_ARNS"


def test_a_version_or_alias_that_is_not_there_has_no_executions_to_list(sfn: Any) -> None:
    arn = made(sfn, "unlisted", PASS, publish=True)
    assert sfn.list_executions(stateMachineArn=f"{arn}:1")["executions"] == []
    for qualifier in ("2", "live", "01x"):
        message = refused("StateMachineDoesNotExist", sfn.list_executions, stateMachineArn=f"{arn}:{qualifier}")
        assert message == f"State Machine Does Not Exist: '{arn}:{qualifier}'"


def test_versions_are_numbered_once_and_for_all(sfn: Any) -> None:
    arn = made(sfn, "versions", PASS)
    message = refused(
        "ValidationException", sfn.update_state_machine, stateMachineArn=arn, definition=HOLD, versionDescription="x"
    )
    assert message == "Version description can only be set when publish is true"
    first = sfn.publish_state_machine_version(stateMachineArn=arn, description="one")["stateMachineVersionArn"]
    assert sfn.publish_state_machine_version(stateMachineArn=arn)["stateMachineVersionArn"] == first
    revision = sfn.update_state_machine(stateMachineArn=arn, definition=HOLD)["revisionId"]
    sfn.update_state_machine(stateMachineArn=arn, definition=definition(("Other", {"Type": "Succeed"})))
    current = sfn.describe_state_machine(stateMachineArn=arn)["revisionId"]
    message = refused("ConflictException", sfn.publish_state_machine_version, stateMachineArn=arn, revisionId=revision)
    assert message == (
        f"Failed to publish the State Machine version for revision {revision}. "
        f"The current State Machine revision is {current}."
    )
    second = sfn.publish_state_machine_version(stateMachineArn=arn)["stateMachineVersionArn"]
    assert (first, second) == (f"{arn}:1", f"{arn}:2")
    assert sfn.describe_state_machine(stateMachineArn=first)["description"] == "one"
    sfn.delete_state_machine_version(stateMachineVersionArn=second)
    sfn.delete_state_machine_version(stateMachineVersionArn=second)
    assert sfn.publish_state_machine_version(stateMachineArn=arn)["stateMachineVersionArn"] == f"{arn}:3"


def test_a_start_of_a_version_runs_the_version(sfn: Any) -> None:
    def saying(word: str) -> str:
        return definition(("Say", {"Type": "Pass", "Result": word}))

    arn = made(sfn, "pinned", saying("one"), publish=True)
    sfn.update_state_machine(stateMachineArn=arn, definition=saying("two"), publish=True)
    sfn.update_state_machine(stateMachineArn=arn, definition=saying("three"))
    said = [json.loads(run(sfn, each)["output"]) for each in (arn, f"{arn}:1", f"{arn}:2")]
    assert said == ["three", "one", "two"]
    assert refused("StateMachineDoesNotExist", sfn.start_execution, stateMachineArn=f"{arn}:9") == (
        f"State Machine Does Not Exist: '{arn}:9'"
    )


def test_an_alias_spreads_starts_by_weight(sfn: Any) -> None:
    arn = made(sfn, "spread", PASS, publish=True)
    sfn.update_state_machine(stateMachineArn=arn, definition=HOLD, publish=True)
    routes = [
        {"stateMachineVersionArn": f"{arn}:1", "weight": 50},
        {"stateMachineVersionArn": f"{arn}:2", "weight": 50},
    ]
    alias = sfn.create_state_machine_alias(name="both", routingConfiguration=routes)["stateMachineAliasArn"]
    for _ in range(60):
        sfn.start_execution(stateMachineArn=alias)
    listed = sfn.list_executions(stateMachineArn=alias)["executions"]
    counted = Counter(item["stateMachineVersionArn"] for item in listed)
    assert set(counted) == {f"{arn}:1", f"{arn}:2"}, "one of 2**59 runs has all starts go one way"
    assert sum(counted.values()) == 60


def test_aliases_are_refused_in_awss_words(sfn: Any) -> None:
    arn = made(sfn, "aliased", PASS, publish=True)
    sfn.update_state_machine(stateMachineArn=arn, definition=HOLD, publish=True)
    create = sfn.create_state_machine_alias

    def route(*weights: tuple[str, int]) -> list[dict[str, Any]]:
        return [{"stateMachineVersionArn": version, "weight": weight} for version, weight in weights]

    one, two = f"{arn}:1", f"{arn}:2"
    cases = [
        (route((arn, 100)), f"Routing configuration must contain state machine version ARNs. Received: [{arn}]"),
        (
            route((one, 50), (one, 50)),
            f"Routing configuration must contain distinct state machine version ARNs. Received: [{one}, {one}]",
        ),
        (route((one, 70), (two, 29)), "Sum of routing configuration weights must equal 100. Received: [70, 29]"),
    ]
    for given, message in cases:
        assert refused("ValidationException", create, name="live", routingConfiguration=given) == message
    assert reason_of(create, name="x", routingConfiguration=route((arn, 100))) == "INVALID_ROUTING_CONFIGURATION"
    alias = create(name="live", routingConfiguration=route((one, 100)))["stateMachineAliasArn"]
    assert reason_of(sfn.update_state_machine_alias, stateMachineAliasArn=alias) == "MISSING_REQUIRED_PARAMETER"
    assert create(name="live", routingConfiguration=route((one, 100)))["stateMachineAliasArn"] == alias
    message = refused("ConflictException", create, name="live", routingConfiguration=route((two, 100)))
    assert message.startswith("Failed to create alias because an alias with the same name")
    message = refused("ConflictException", sfn.delete_state_machine_version, stateMachineVersionArn=one)
    assert message.endswith("Current list of aliases referencing this version: [live]")
    sfn.update_state_machine_alias(stateMachineAliasArn=alias, routingConfiguration=route((two, 100)))
    sfn.delete_state_machine_version(stateMachineVersionArn=one)
    sfn.delete_state_machine_alias(stateMachineAliasArn=alias)
    sfn.delete_state_machine_alias(stateMachineAliasArn=alias)
    message = refused("ResourceNotFound", sfn.update_state_machine_alias, stateMachineAliasArn=alias, description="x")
    assert message == "Request references a resource that does not exist."
    refused("StateMachineDoesNotExist", sfn.start_execution, stateMachineArn=alias)


def test_aliases_are_listed_newest_first_in_pages(sfn: Any) -> None:
    arn = made(sfn, "newest", PASS, publish=True)
    route = [{"stateMachineVersionArn": f"{arn}:1", "weight": 100}]
    for name in ("b", "c", "a"):
        sfn.create_state_machine_alias(name=name, routingConfiguration=route)
    found: list[str] = []
    request: dict[str, Any] = {"stateMachineArn": arn, "maxResults": 1}
    while True:
        page = sfn.list_state_machine_aliases(**request)
        found += [alias["stateMachineAliasArn"] for alias in page["stateMachineAliases"]]
        if "nextToken" not in page:
            break
        request["nextToken"] = page["nextToken"]
    assert found == [f"{arn}:a", f"{arn}:c", f"{arn}:b"]
    refused("InvalidToken", sfn.list_state_machine_aliases, stateMachineArn=arn, nextToken="WyJiIl0=")


def test_tags_are_of_machines_and_activities_alone(sfn: Any) -> None:
    arn = made(sfn, "tagged", PASS, publish=True, tags=[{"key": "a", "value": "1"}])
    activity = sfn.create_activity(name="tagged", tags=[{"key": "b", "value": "2"}])["activityArn"]
    assert sfn.list_tags_for_resource(resourceArn=activity)["tags"] == [{"key": "b", "value": "2"}]
    sfn.tag_resource(resourceArn=arn, tags=[{"key": "a", "value": "3"}, {"key": "c", "value": ""}])
    assert sfn.list_tags_for_resource(resourceArn=arn)["tags"] == [
        {"key": "a", "value": "3"},
        {"key": "c", "value": ""},
    ]
    message = refused("ResourceNotFound", sfn.tag_resource, resourceArn=f"{arn}:1", tags=[{"key": "a", "value": ""}])
    assert message == f"Resource not found: '{arn}:1'"
    many = [{"key": f"k{number}", "value": ""} for number in range(49)]
    refused("TooManyTags", sfn.tag_resource, resourceArn=arn, tags=many)


def test_validation_tells_all_faults(sfn: Any) -> None:
    text = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}}})
    found = sfn.validate_state_machine_definition(definition=text)
    assert (found["result"], found["truncated"]) == ("FAIL", False)
    assert {"MISSING_TRANSITION_TARGET"} <= {each["code"] for each in found["diagnostics"]}
    assert sfn.validate_state_machine_definition(definition=text, maxResults=1)["truncated"]
    found = sfn.validate_state_machine_definition(definition="not JSON")
    assert [each["code"] for each in found["diagnostics"]] == ["INVALID_JSON_DESCRIPTION"]
