"""What a stack has besides its definition: its key, what its role is called, and what the role lacks."""

from __future__ import annotations

import json
import re
from typing import Any

import hcl2
import pytest
import yaml

from enginehouse.asl.validation.resources import INTEGRATIONS
from enginehouse.models import WorkflowSpec
from enginehouse.providers.step_functions.exporting import Stack, stack_of
from enginehouse.providers.step_functions.exporting.cloudformation import cloudformation
from enginehouse.providers.step_functions.exporting.permissions import untold
from enginehouse.providers.step_functions.exporting.terraform import terraform
from enginehouse.providers.step_functions.settings import Settings, Target

HERE = "<region>:<account>"
LAMBDA = "arn:aws:lambda:eu-central-1:123456789012:function:f"


def stack(resource: str, workflow_id: str = "flow", **config: Any) -> Stack:
    state = {"Type": "Task", "Resource": resource, "Parameters": {"QueryString": "select 1"}, "End": True}
    definition = {"StartAt": "T", "States": {"T": state}}
    spec = WorkflowSpec(workflow_id=workflow_id, definition=definition, provider_config=config)
    return stack_of(spec, Settings(), logs="OFF")


def test_an_integration_whose_permissions_are_not_known_is_told() -> None:
    resource = "arn:aws:states:::newservice:do"
    assert stack(resource).untold == [resource]
    assert stack(LAMBDA).untold == []


def test_what_every_integration_of_aws_needs_is_known() -> None:
    for service, actions in INTEGRATIONS.items():
        for action in actions:
            state = {"Type": "Task", "Resource": f"arn:aws:states:::{service}:{action}", "End": True}
            assert untold({"StartAt": "T", "States": {"T": state}}) == []


@pytest.mark.parametrize(
    ("key", "resource", "condition"),
    [
        ("arn:aws:kms:x:1:key/7", "arn:aws:kms:x:1:key/7", {}),
        ("7", f"arn:<partition>:kms:{HERE}:key/7", {}),
        (
            "alias/mine",
            f"arn:<partition>:kms:{HERE}:key/*",
            {"ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/mine"}},
        ),
    ],
)
def test_a_key_is_allowed_by_its_arn(key: str, resource: str, condition: dict[str, Any]) -> None:
    encryption = {"type": "CUSTOMER_MANAGED_KMS_KEY", "kmsKeyId": key}
    made = stack(LAMBDA, encryptionConfiguration=encryption)
    (found,) = [item for item in made.statements if item.actions == ("kms:Decrypt", "kms:GenerateDataKey")]
    assert (found.resources, found.condition) == ((resource,), condition)
    assert made.encryption == encryption


def test_the_role_is_described_in_letters_that_iam_takes() -> None:
    assert stack(LAMBDA, "größe/日本").role_description == "What the workflow größe/?? needs"


def test_a_template_is_described_in_as_many_bytes_as_cloudformation_takes() -> None:
    template = yaml.safe_load(cloudformation(stack(LAMBDA, "\u65e5\u672c" * 400)))
    assert 1000 < len(template["Description"].encode()) <= 1024


@pytest.mark.parametrize("text", ["\b \f", "\\b \\f", "\\\b", 'a "b" \\ \n\t\x01', "${x} %{y}"])
def test_terraform_reads_any_text(text: str) -> None:
    """HCL knows fewer escapes than JSON: \\n, \\r, \\t, quotes, backslashes and code points."""
    state = {"Type": "Pass", "Result": text, "End": True}
    spec = WorkflowSpec(workflow_id="flow", definition={"StartAt": "P", "States": {"P": state}})
    written = terraform(stack_of(spec, Settings(), logs="OFF"))
    hcl2.loads(written)
    (line,) = [line.strip() for line in written.splitlines() if '"Result" =' in line]
    quoted = line.removeprefix('"Result" = ').replace("$${", "${").replace("%%{", "%{")
    assert set(re.findall(r"\\(.)", quoted)) <= set('nrt"\\u')
    assert json.loads(quoted) == text


def test_a_stack_for_china_names_integrations_as_they_are_there() -> None:
    definition = {"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": "task:pack", "End": True}}}
    queue = Target("queue", "https://sqs.cn-north-1.amazonaws.com.cn/123456789012/q")
    settings = Settings(region="cn-north-1", resources={"*": queue})
    made = stack_of(WorkflowSpec(workflow_id="flow", definition=definition), settings, logs="OFF")
    assert made.definition["States"]["T"]["Resource"] == "arn:aws-cn:states:::sqs:sendMessage.waitForTaskToken"


def test_a_policy_is_as_large_as_iam_counts_it() -> None:
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": ["lambda:InvokeFunction"], "Resource": [LAMBDA]}],
    }
    assert stack(LAMBDA).policy_size == len(json.dumps(policy, separators=(",", ":")))
