"""A stack as a CloudFormation template, in YAML."""

from __future__ import annotations

import json
from typing import Any

import yaml

from enginehouse.providers.step_functions.exporting.arns import ACCOUNT, PARTITION, REGION
from enginehouse.providers.step_functions.exporting.stack import Stack
from enginehouse.providers.step_functions.exporting.statements import Statement

_PSEUDO = {PARTITION: "${AWS::Partition}", REGION: "${AWS::Region}", ACCOUNT: "${AWS::AccountId}"}
_RETENTION = 30
_DESCRIPTION_BYTES = 1024


# cfn-lint's own schema of the language refuses what AWS takes, a JSONata expression for a number say; the definition has been validated
# by stricter rules.
_CHECKED = {"cfn-lint": {"config": {"ignore_checks": ["E3601"]}}}


class _Text(str):
    """A text of several lines."""


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


_Dumper.add_representer(
    _Text, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", str(text), style="|")
)


def cloudformation(stack: Stack) -> str:
    """The template."""
    resources: dict[str, Any] = {key: _activity(name) for key, name in stack.activities.items()}
    resources |= {key: _queue(name) for key, name in stack.queues.items()}
    if stack.logs != "OFF":
        resources["Logs"] = {
            "Type": "AWS::Logs::LogGroup",
            "UpdateReplacePolicy": "Delete",
            "DeletionPolicy": "Delete",
            "Properties": {"LogGroupName": stack.log_group, "RetentionInDays": _RETENTION},
        }
    resources["Role"] = _role(stack)
    resources["StateMachine"] = _machine(stack)
    outputs: dict[str, Any] = {
        "StateMachineArn": {"Value": {"Ref": "StateMachine"}},
        "RoleArn": {"Value": {"Fn::GetAtt": ["Role", "Arn"]}},
    }
    outputs |= {f"{key}Arn": {"Value": {"Ref": key}} for key in stack.activities}
    outputs |= {f"{key}Url": {"Value": {"Ref": key}} for key in stack.queues}
    template = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": _cut(f"The workflow {stack.workflow_id}"),
        "Resources": resources,
        "Outputs": outputs,
    }
    text: str = yaml.dump(template, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    return text


def _cut(description: str) -> str:
    return description.encode()[:_DESCRIPTION_BYTES].decode(errors="ignore")


def _activity(name: str) -> dict[str, Any]:
    return {"Type": "AWS::StepFunctions::Activity", "Properties": {"Name": name}}


def _queue(name: str) -> dict[str, Any]:
    return {
        "Type": "AWS::SQS::Queue",
        "UpdateReplacePolicy": "Delete",
        "DeletionPolicy": "Delete",
        "Properties": {"QueueName": name},
    }


def _role(stack: Stack) -> dict[str, Any]:
    trusted = {
        "Effect": "Allow",
        "Principal": {"Service": "states.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}},
    }
    properties: dict[str, Any] = {
        "Description": stack.role_description,
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trusted]},
    }
    if stack.statements:
        document = {"Version": "2012-10-17", "Statement": [_statement(item) for item in stack.statements]}
        properties["Policies"] = [{"PolicyName": "workflow", "PolicyDocument": document}]
    return {"Type": "AWS::IAM::Role", "Properties": properties}


def _statement(statement: Statement) -> dict[str, Any]:
    made: dict[str, Any] = {
        "Effect": "Allow",
        "Action": list(statement.actions),
        "Resource": [_arn(item) for item in statement.resources],
    }
    return {**made, "Condition": statement.condition} if statement.condition else made


def _arn(text: str) -> Any:
    if not any(token in text for token in _PSEUDO):
        return text
    for token, reference in _PSEUDO.items():
        text = text.replace(token, reference)
    return {"Fn::Sub": text}


_DOLLAR = "Dollar"


def _plain(value: Any, places: frozenset[str]) -> Any:
    """The definition with each dollar sign that would begin a substitution as one itself."""
    if isinstance(value, dict):
        return {_plain(key, places): _plain(item, places) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item, places) for item in value]
    if isinstance(value, str) and value not in places:
        return value.replace("${", f"${{{_DOLLAR}}}{{")
    return value


def _machine(stack: Stack) -> dict[str, Any]:
    keys = [*stack.activities, *stack.queues]
    definition = _plain(stack.definition, frozenset(f"${{{key}}}" for key in keys))
    text = json.dumps(definition, indent=2, ensure_ascii=False)
    properties: dict[str, Any] = {
        "StateMachineName": stack.name,
        "StateMachineType": stack.type,
        "RoleArn": {"Fn::GetAtt": ["Role", "Arn"]},
        "DefinitionString": _Text(text),
    }
    substitutions: dict[str, Any] = {key: {"Ref": key} for key in keys}
    if f"${{{_DOLLAR}}}" in text:
        substitutions[_DOLLAR] = "$"
    if substitutions:
        properties["DefinitionSubstitutions"] = substitutions
    if stack.logs != "OFF":
        group = {"CloudWatchLogsLogGroup": {"LogGroupArn": {"Fn::GetAtt": ["Logs", "Arn"]}}}
        properties["LoggingConfiguration"] = {
            "Level": stack.logs,
            "IncludeExecutionData": stack.logs == "ALL",
            "Destinations": [group],
        }
    if stack.tracing:
        properties["TracingConfiguration"] = {"Enabled": True}
    if stack.encryption:
        properties["EncryptionConfiguration"] = {
            f"{key[:1].upper()}{key[1:]}": value for key, value in stack.encryption.items()
        }
    if stack.tags:
        properties["Tags"] = [{"Key": key, "Value": value} for key, value in stack.tags.items()]
    return {"Type": "AWS::StepFunctions::StateMachine", "Metadata": _CHECKED, "Properties": properties}
