"""What only a Map has: its processor's configuration, where items come from, batches, where results go, its label."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from enginehouse.asl.validation import values as v
from enginehouse.asl.validation.report import JSONATA, JSONPATH, Report, child, kind, listed

READERS = ("arn:aws:states:::s3:getObject", "arn:aws:states:::s3:listObjectsV2", "file:read")
WRITERS = ("arn:aws:states:::s3:putObject", "file:write")
"""The service's own, and the portable ones of this project, which read and write files of the host's folder."""
DISTRIBUTED = "DISTRIBUTED"

_STATES_ARN = re.compile(r"arn:[a-z][a-z0-9-]*:states:::")
_LABEL = re.compile(r"[^\s?*<>{}\[\]:;,\\|^~$#%&`\"\x00-\x1f\x7f-\x9f]{1,40}\Z")

Shape = Mapping[str, tuple[v.Check, str]]

_CONFIG: Shape = {"Mode": (v.one_of("INLINE", DISTRIBUTED), ""), "ExecutionType": (v.one_of("STANDARD", "EXPRESS"), "")}


def _strings(report: Report, at: str, value: Any) -> None:
    if type(value) is not list or not value or any(type(item) is not str for item in value):
        report.error(at, "This must be a list of texts that is not empty.")


def check_processor_config(report: Report, at: str, value: Any) -> None:
    """Inline or distributed."""
    if not _check_shape(report, at, value, _CONFIG, "ProcessorConfig"):
        return
    mode = value.get("Mode")
    if mode == DISTRIBUTED:
        if report.express:
            message = f"The mode {DISTRIBUTED} is not supported inside an EXPRESS workflow."
            report.error(f"{at}/Mode", message)
        if "ExecutionType" not in value:
            report.error(at, "This field is required: ExecutionType.", "It is `STANDARD` or `EXPRESS`.")
    elif "ExecutionType" in value:
        place = f"{at}/ExecutionType"
        if mode == "INLINE":
            report.error(place, "The field `ExecutionType` is not supported with the mode INLINE.")
        else:
            report.warning(place, f"`ExecutionType` has a meaning with the mode {DISTRIBUTED} only.")


_READER: Shape = {
    "Resource": (v.anything, ""),
    "Parameters": (v.object_template, JSONPATH),
    "Arguments": (v.object_template, JSONATA),
    "ReaderConfig": (v.anything, ""),
}
_READER_CONFIG: Shape = {
    "InputType": (v.one_of("CSV", "JSON", "JSONL", "MANIFEST", "PARQUET"), ""),
    "CSVHeaderLocation": (v.one_of("FIRST_ROW", "GIVEN"), ""),
    "CSVHeaders": (_strings, ""),
    "CSVDelimiter": (v.one_of("COMMA", "PIPE", "SEMICOLON", "SPACE", "TAB"), ""),
    "ItemsPointer": (v.text, ""),
    "ManifestType": (v.one_of("ATHENA_DATA", "S3_INVENTORY"), ""),
    "MaxItems": (v.integer(0, None), ""),
    "MaxItemsPath": (v.reference_path, JSONPATH),
    "Transformation": (v.one_of("NONE", "LOAD_AND_FLATTEN"), ""),
    "ExpectedBucketOwner": (v.text, ""),
}


def check_reader(report: Report, at: str, value: Any) -> None:
    """Where a distributed Map reads its items."""
    if not _check_shape(report, at, value, _READER, "ItemReader"):
        return
    _check_call(report, at, value, READERS)
    if "Resource" not in value:
        report.error(at, "This field is required: Resource.")
    if "ReaderConfig" not in value:
        return
    config, place = value["ReaderConfig"], f"{at}/ReaderConfig"
    if not _check_shape(report, place, config, _READER_CONFIG, "ReaderConfig"):
        return
    if "MaxItems" in config and "MaxItemsPath" in config:
        _report_both(report, place, "MaxItems", "MaxItemsPath")
    kind_of_input = config.get("InputType")
    if config.get("Transformation") == "LOAD_AND_FLATTEN" and kind_of_input is None:
        report.error(place, "The field `InputType` is required for LOAD_AND_FLATTEN.", "It says what the objects hold.")
    if kind_of_input == "CSV" and "CSVHeaderLocation" not in config:
        hint = "It is `FIRST_ROW`, or `GIVEN` with `CSVHeaders`."
        report.error(place, "The field `CSVHeaderLocation` is required for CSV.", hint)
    if kind_of_input in ("JSON", "JSONL", "PARQUET"):
        for key in ("CSVHeaderLocation", "CSVHeaders", "CSVDelimiter"):
            if key in config:
                report.error(f"{place}/{key}", f"The field `{key}` is not supported for {kind_of_input}.")
    elif config.get("CSVHeaderLocation") == "GIVEN" and "CSVHeaders" not in config:
        report.error(place, "This field is required: CSVHeaders.")
    if config.get("CSVHeaderLocation") == "FIRST_ROW" and "CSVHeaders" in config:
        report.warning(f"{place}/CSVHeaders", "The headers are read from the first row, so these are not used.")


_BATCHER: Shape = {
    "BatchInput": (v.template, ""),
    "MaxItemsPerBatch": (v.integer(1, None), ""),
    "MaxItemsPerBatchPath": (v.reference_path, JSONPATH),
    "MaxInputBytesPerBatch": (v.integer(1, 262_144), ""),
    "MaxInputBytesPerBatchPath": (v.reference_path, JSONPATH),
}


def check_batcher(report: Report, at: str, value: Any) -> None:
    """How items are put together."""
    if not _check_shape(report, at, value, _BATCHER, "ItemBatcher"):
        return
    limits = ("MaxItemsPerBatch", "MaxInputBytesPerBatch")
    for name in limits:
        if name in value and f"{name}Path" in value:
            _report_both(report, at, name, f"{name}Path")
    if not any(name in value or f"{name}Path" in value for name in limits):
        report.error(at, f"One of these fields is required: {listed(limits)}.")


_WRITER: Shape = {
    "Resource": (v.anything, ""),
    "Parameters": (v.object_template, JSONPATH),
    "Arguments": (v.object_template, JSONATA),
    "WriterConfig": (v.anything, ""),
}
_WRITER_CONFIG: Shape = {
    "OutputType": (v.one_of("JSON", "JSONL"), ""),
    "Transformation": (v.one_of("NONE", "COMPACT", "FLATTEN"), ""),
}


def check_writer(report: Report, at: str, value: Any) -> None:
    """Where a distributed Map writes its results."""
    if not _check_shape(report, at, value, _WRITER, "ResultWriter"):
        return
    _check_call(report, at, value, WRITERS)
    if "Resource" not in value and "WriterConfig" not in value:
        report.error(at, "One of these fields is required: `Resource` or `WriterConfig`.")
    if "WriterConfig" in value:
        _check_shape(report, f"{at}/WriterConfig", value["WriterConfig"], _WRITER_CONFIG, "WriterConfig")


def check_label(report: Report, at: str, value: Any) -> None:
    """The name of a distributed Map in ARNs."""
    if type(value) is not str or not _LABEL.match(value):
        message = 'A label has 1 to 40 characters, no spaces, and none of ? * < > { } [ ] : ; , \\ | ^ ~ $ # % & ` ".'
        report.error(at, message)


def check_inline(report: Report, at: str, state: Mapping[str, Any]) -> None:
    """Fields that mean nothing where the Map is inline."""
    if any(is_distributed(state.get(field)) for field in ("ItemProcessor", "Iterator")):
        return
    for key in ("ItemReader", "ItemBatcher", "ResultWriter", "Label"):
        if key in state:
            hint = f'Set `"Mode": "{DISTRIBUTED}"` in `ProcessorConfig`.'
            report.warning(f"{at}/{key}", f"`{key}` has a meaning in a distributed Map only.", hint)


def is_distributed(processor: Any, execution_type: str = "") -> bool:
    """Whether an item processor runs in child executions, where ``execution_type`` is given of this type."""
    config = processor.get("ProcessorConfig") if type(processor) is dict else None
    if type(config) is not dict or config.get("Mode") != DISTRIBUTED:
        return False
    return not execution_type or config.get("ExecutionType") == execution_type


def _check_shape(report: Report, at: str, value: Any, shape: Shape, owner: str) -> bool:
    if type(value) is not dict:
        report.error(at, f"`{owner}` must be an object, not {kind(value)}.")
        return False
    for key, item in value.items():
        field = shape.get(key)
        if field is None:
            message = f"The field `{key:.80}` is not supported in {owner}."
            report.error(child(at, key), message, report.did_you_mean(key, shape))
        elif field[1] and field[1] != report.language:
            message = f"The query language here is {report.language}, but `{key}` is a field of {field[1]} states only."
            report.error(f"{at}/{key}", message)
        else:
            field[0](report, f"{at}/{key}", item)
    return True


def _check_call(report: Report, at: str, value: dict[str, Any], calls: tuple[str, ...]) -> None:
    resource = value.get("Resource")
    if "Resource" in value and (
        type(resource) is not str or _STATES_ARN.sub("arn:aws:states:::", resource, count=1) not in calls
    ):
        report.error(f"{at}/Resource", f"The resource must be {listed(calls)}.")


def _report_both(report: Report, at: str, one: str, other: str) -> None:
    report.error(at, f"There should only be one of these fields: {one}, {other}.")
