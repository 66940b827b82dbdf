"""Recorded behaviour that is not met, by case id, each with the reason. Whatever differs and is not here fails the tests."""

from __future__ import annotations

_SUITE = "tests/aws/services/stepfunctions/v2"
_MAPS = f"{_SUITE}/scenarios/test_base_scenarios.py::TestBaseScenarios"
_ASSIGN = f"{_SUITE}/assign/test_assign_reference_variables.py::TestAssignReferenceVariables"

_EVALUATION = (
    "Recorded in November 2024, when EvaluationFailed followed the event before the state's Entered event (0 for the first "
    "state). Recordings since December 2024 have it follow the Entered event, and so does the core."
)
_MAP_RUN = (
    "Recorded by June 2024, when the MapStateExited of a distributed Map followed MapRunSucceeded. Recordings since November "
    "2024 have it follow the event before that, and so does the core."
)

KNOWN_MISSES: dict[str, str] = {
    f"{_ASSIGN}::test_undefined_reference[BASE_UNDEFINED_ARGUMENTS]": _EVALUATION,
    f"{_SUITE}/intrinsic_functions/test_math_operations_jsonata.py::TestMathOperationsJSONata::test_math_random_seeded": (
        _EVALUATION
    ),
    f"{_MAPS}::test_map_state_items_eval_jsonata_variable_sampling_fail[boolean]": _EVALUATION,
    f"{_MAPS}::test_map_state_items_input_types[boolean]": _EVALUATION,
    f"{_MAPS}::test_map_state_items_variable_sampling[number]": _EVALUATION,
    f"{_MAPS}::test_map_state_config_distributed_parameters": _MAP_RUN,
    f"{_MAPS}::test_map_state_tolerated_failure_count_path[1]": _MAP_RUN,
    f"{_MAPS}::test_map_state_tolerated_failure_percentage_path[0]": _MAP_RUN,
    f"{_MAPS}::test_map_state_tolerated_failure_percentage_path[1]": _MAP_RUN,
    f"{_MAPS}::test_map_state_tolerated_failure_percentage_path[1.1]": _MAP_RUN,
    f"{_ASSIGN}::test_reference_in_map_state[MAP_STATE_REFERENCE_IN_MAX_CONCURRENCY_PATH]": (
        "The recording holds the `output` of three events, the JSON texts 1, 2 and 3, as numbers; the `input` of the same "
        "iterations, and the same field in every other recording, is text."
    ),
    f"{_MAPS}::test_parallel_state_nested": (
        "The recording lacks the ParallelStateExited event of the inner state, which its own ids leave room for (9, 11)."
    ),
}

_MOTO_S3 = "moto's S3 answers no ChecksumType."

SERVICE_MISSES: dict[str, str] = {
    f"{_SUITE}/callback/test_callback.py::TestCallback::test_sqs_wait_for_task_tok_with_heartbeat": (
        "A placeholder was replaced within a placeholder, `<<task_token>:1>`: the token would have to stand in brackets."
    ),
    f"{_SUITE}/callback/test_callback.py::TestCallback::test_start_execution_sync": (
        "Recorded in 2023, before AWS could redrive: its answer has no RedriveCount. Later recordings have one, and so do we."
    ),
    f"{_SUITE}/error_handling/test_task_service_dynamodb.py::TestTaskServiceDynamoDB::test_put_item_invalid_table_name": (
        "moto's DynamoDB does not check the name of a table: it answers that there is none of that name."
    ),
    f"{_SUITE}/error_handling/test_task_service_sqs.py::TestTaskServiceSqs::test_send_message_no_such_queue": (
        "The recorded cause names another queue than the case's input does."
    ),
    f"{_SUITE}/services/test_events_task_service.py::TestTaskServiceEvents::test_put_events_malformed_detail": (
        "moto's EventBridge takes an event whose Detail is no object."
    ),
    **{
        f"{_SUITE}/services/test_aws_sdk_task_service.py::TestTaskServiceAwsSdk::test_s3_put_object[{kind}]": _MOTO_S3
        for kind in ("dict", "num", "str")
    },
    **{
        f"{_MAPS}::test_map_item_reader_{name}": _MAP_RUN
        for name in (
            "base_csv_headers_decl",
            "csv_first_row_extra_fields",
            "csv_headers_decl_extra_fields",
            "csv_headers_first_row_typed_headers",
            "csv_max_items[100000000]",
            "csv_max_items_paths[100000000]",
            "csv_max_items_paths[100000001]",
            "csv_max_items_paths[2]",
        )
    },
}
"""What the cases that call services do not meet with moto's server as AWS."""
