"""What ``enginehouse export`` prints is taken by those it is for: cfn-lint, moto's CloudFormation, a parser of Terraform's."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hcl2
import pytest
import yaml

from enginehouse.asl.validation.resources import INTEGRATIONS, REQUIRED_PARAMETERS
from tests.moto_server import client, moto_server

CONFIG = """
[providers.step-functions]
region = "us-east-1"
account = "123456789012"

[providers.step-functions.resources]
pack = "https://sqs.us-east-1.amazonaws.com/123456789012/pack-queue"
greet = "arn:aws:lambda:us-east-1:123456789012:function:greet"
"""
ORDER = """
QueryLanguage: JSONata
StartAt: Reserve
States:
  Reserve: { Type: Task, Resource: "task:reserve-it", Next: Again }
  Again: { Type: Task, Resource: "task:reserve_it", Next: Pack }
  Pack: { Type: Task, Resource: "task:pack", Next: Greet }
  Greet: { Type: Task, Resource: "task:greet", Next: Note }
  Note:
    Type: Task
    Resource: arn:aws:states:::sns:publish
    Arguments:
      TopicArn: arn:aws:sns:us-east-1:123456789012:t
      Message: "{% 'a ${dollar} and %{percent} and \\"quotes\\" ' & $states.input.x %}"
    Next: Run
  Run:
    Type: Task
    Resource: arn:aws:states:::states:startExecution.sync:2
    Arguments: { StateMachineArn: "arn:aws:states:us-east-1:123456789012:stateMachine:other" }
    Next: Each
  Each:
    Type: Map
    ItemReader:
      Resource: arn:aws:states:::s3:getObject
      ReaderConfig: { InputType: JSON }
      Arguments: { Bucket: bucket, Key: in.json }
    ItemProcessor:
      ProcessorConfig: { Mode: DISTRIBUTED, ExecutionType: STANDARD }
      StartAt: Put
      States:
        Put:
          Type: Task
          Resource: arn:aws:states:::aws-sdk:dynamodb:putItem
          Arguments: { TableName: orders, Item: { id: { S: "{% $states.input %}" } } }
          End: true
    End: true
"""
# what AWS takes, and cfn-lint's own schema of the language does not
EXPRESSIONS = """
QueryLanguage: JSONata
StartAt: Each
States:
  Each:
    Type: Map
    Items: [1, 2]
    MaxConcurrency: "{% 1 + 1 %}"
    ItemProcessor: { StartAt: P, States: { P: { Type: Pass, End: true } } }
    Output: ["{% $states.result %}"]
    End: true
"""
PLAIN = "StartAt: P\nStates:\n  P: { Type: Pass, End: true }\n"


def every_integration() -> dict[str, Any]:
    """A definition that calls each of AWS's optimized integrations, and waits for its job where it can."""
    states = {}
    for service, actions in INTEGRATIONS.items():
        for action, patterns in actions.items():
            suffix = ".sync" if "sync" in patterns else ""
            given = {f"{name}.$": "$.x" for name in REQUIRED_PARAMETERS.get(f"{service}:{action}", ())}
            states[f"{service} {action}"] = {
                "Type": "Task",
                "Resource": f"arn:aws:states:::{service}:{action}{suffix}",
                "Parameters": {**given, "Tags.$": "$.tags"},
            }
    names = list(states)
    for name, following in itertools.pairwise(names):
        states[name]["Next"] = following
    states[names[-1]]["End"] = True
    return {"StartAt": names[0], "States": states}


@pytest.fixture
def exported(tmp_path: Path) -> Any:
    (tmp_path / "enginehouse.toml").write_text(CONFIG)
    (tmp_path / "order.yaml").write_text(ORDER)
    (tmp_path / "plain.yaml").write_text(PLAIN)
    (tmp_path / "expressions.yaml").write_text(EXPRESSIONS)
    (tmp_path / "integrations.yaml").write_text(json.dumps(every_integration()))

    def export(*words: str, status: int = 0) -> str:
        command = [sys.executable, "-m", "enginehouse.cli", "export", *words]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
        assert done.returncode == status, done.stderr
        return done.stdout if status == 0 else done.stderr

    return export


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    with moto_server() as url:
        yield url


@pytest.mark.parametrize(
    "words",
    [
        ("order.yaml", "--tracing", "--logs", "ALL", "--id", "an id that AWS does not take!"),
        ("plain.yaml", "--type", "EXPRESS", "--logs", "OFF"),
        ("expressions.yaml",),
        ("integrations.yaml",),
    ],
)
def test_cfn_lint_finds_nothing(words: tuple[str, ...], exported: Any, tmp_path: Path) -> None:
    template = tmp_path / "template.yaml"
    template.write_text(exported(*words))
    lint = subprocess.run(
        [Path(sys.executable).with_name("cfn-lint"), template], capture_output=True, text=True, timeout=300
    )
    assert lint.returncode == 0, lint.stdout


def test_the_region_is_read_from_the_environment_too(
    exported: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "enginehouse.toml").write_text('[providers.step-functions]\naccount = "123456789012"\n')
    for name, region in (("AWS_DEFAULT_REGION", "eu-west-3"), ("AWS_REGION", "cn-north-1")):
        monkeypatch.setenv(name, region)
        assert f":states:{region}:123456789012:activity:" in exported("order.yaml", "--format", "asl")


def test_the_template_makes_what_create_makes(exported: Any) -> None:
    template = yaml.safe_load(exported("order.yaml"))
    kinds: dict[str, list[str]] = {}
    for key, resource in template["Resources"].items():
        kinds.setdefault(resource["Type"], []).append(key)
    assert kinds == {
        "AWS::StepFunctions::Activity": ["ActivityReserveIt", "ActivityReserveIt2"],
        "AWS::SQS::Queue": ["QueuePackQueue"],
        "AWS::Logs::LogGroup": ["Logs"],
        "AWS::IAM::Role": ["Role"],
        "AWS::StepFunctions::StateMachine": ["StateMachine"],
    }
    properties = template["Resources"]["StateMachine"]["Properties"]
    states = json.loads(properties["DefinitionString"])["States"]
    assert states["Reserve"]["Resource"] == "${ActivityReserveIt}"
    assert states["Pack"]["Arguments"]["QueueUrl"] == "${QueuePackQueue}"
    assert "${Dollar}{dollar}" in states["Note"]["Arguments"]["Message"]
    assert properties["DefinitionSubstitutions"]["Dollar"] == "$"


def test_moto_deploys_it(exported: Any, moto: str) -> None:
    cloudformation = client(moto, "cloudformation")
    cloudformation.create_stack(StackName="order", TemplateBody=exported("order.yaml"), Capabilities=["CAPABILITY_IAM"])
    (stack,) = cloudformation.describe_stacks(StackName="order")["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    outputs = {item["OutputKey"]: item["OutputValue"] for item in stack["Outputs"]}
    machine = client(moto, "stepfunctions").describe_state_machine(stateMachineArn=outputs["StateMachineArn"])
    assert machine["name"] == "order"
    assert machine["roleArn"] == outputs["RoleArn"]


def test_terraform_reads_it(exported: Any) -> None:
    text = exported("order.yaml", "--format", "terraform", "--tracing")
    read = hcl2.loads(text)
    made = {kind.strip('"') for block in read["resource"] for kind in block}
    assert made == {
        "aws_sfn_activity",
        "aws_sqs_queue",
        "aws_cloudwatch_log_group",
        "aws_iam_role",
        "aws_iam_role_policy",
        "aws_sfn_state_machine",
    }
    assert '"Resource" = "${aws_sfn_activity.activity_reserve_it2.id}"' in text
    assert "a $${dollar} and %%{percent}" in text


def test_tags_are_those_that_create_is_given(exported: Any) -> None:
    words = ("plain.yaml", "--tag", "team=a", "--tag", "cost center=7/a@b")
    machine = yaml.safe_load(exported(*words))["Resources"]["StateMachine"]["Properties"]
    assert machine["Tags"] == [{"Key": "team", "Value": "a"}, {"Key": "cost center", "Value": "7/a@b"}]
    assert '"cost center" = "7/a@b"' in exported(*words, "--format", "terraform")


def test_asl_is_what_aws_gets(exported: Any) -> None:
    states = json.loads(exported("order.yaml", "--format", "asl"))["States"]
    assert states["Reserve"]["Resource"] == "arn:aws:states:us-east-1:123456789012:activity:enginehouse-reserve-it"
    assert states["Greet"]["Resource"] == "arn:aws:lambda:us-east-1:123456789012:function:greet"
    assert states["Pack"]["Resource"] == "arn:aws:states:::sqs:sendMessage.waitForTaskToken"


ENCRYPTED = """
import sys
from enginehouse import WorkflowSpec
from enginehouse.providers.step_functions.exporting import stack_of
from enginehouse.providers.step_functions.exporting.cloudformation import cloudformation
from enginehouse.providers.step_functions.exporting.terraform import terraform
from enginehouse.providers.step_functions.settings import Settings

key = {"type": "CUSTOMER_MANAGED_KMS_KEY", "kmsKeyId": "alias/mine", "kmsDataKeyReusePeriodSeconds": 300}
definition = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
spec = WorkflowSpec(workflow_id="größe 日本", definition=definition, provider_config={"encryptionConfiguration": key})
print({"cloudformation": cloudformation, "terraform": terraform}[sys.argv[1]](stack_of(spec, Settings())))
"""


def test_encryption_and_an_id_of_any_letters(tmp_path: Path) -> None:
    def made(format: str) -> str:
        return subprocess.run(
            [sys.executable, "-c", ENCRYPTED, format], capture_output=True, text=True, timeout=120, check=True
        ).stdout

    template = tmp_path / "template.yaml"
    template.write_text(made("cloudformation"))
    lint = subprocess.run(
        [Path(sys.executable).with_name("cfn-lint"), template], capture_output=True, text=True, timeout=300
    )
    assert lint.returncode == 0, lint.stdout
    assert yaml.safe_load(template.read_text())["Resources"]["StateMachine"]["Properties"][
        "EncryptionConfiguration"
    ] == {
        "Type": "CUSTOMER_MANAGED_KMS_KEY",
        "KmsKeyId": "alias/mine",
        "KmsDataKeyReusePeriodSeconds": 300,
    }
    (machine,) = [
        body
        for block in hcl2.loads(made("terraform"))["resource"]
        for kind, labels in block.items()
        if kind.strip('"') == "aws_sfn_state_machine"
        for body in labels.values()
        if isinstance(body, dict)
    ]
    (encryption,) = machine["encryption_configuration"]
    assert encryption["kms_key_id"].strip('"') == "alias/mine"
    assert encryption["kms_data_key_reuse_period_seconds"] == 300


def test_what_the_role_lacks_is_said(tmp_path: Path) -> None:
    (tmp_path / "query.yaml").write_text(
        "StartAt: T\nStates:\n  T: { Type: Task, Resource: 'arn:aws:states:::newservice:do.waitForTaskToken',"
        " Parameters: { Token.$: $$.Task.Token }, End: true }\n"
    )
    command = [sys.executable, "-m", "enginehouse.cli", "export", "query.yaml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0
    assert "what arn:aws:states:::newservice:do.waitForTaskToken needs is not known here" in done.stderr


def test_a_role_that_iam_would_not_take_is_told_of(tmp_path: Path) -> None:
    arn = "arn:aws:lambda:eu-central-1:123456789012:function"
    task = {"Type": "Task", "End": True}
    branches = [
        {"StartAt": f"T{number}", "States": {f"T{number}": {**task, "Resource": f"{arn}:{'f' * 50}{number}"}}}
        for number in range(100)
    ]
    many = {"StartAt": "All", "States": {"All": {"Type": "Parallel", "Branches": branches, "End": True}}}
    (tmp_path / "many.json").write_text(json.dumps(many))
    command = [sys.executable, "-m", "enginehouse.cli", "export", "many.json"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0
    assert "characters, and IAM takes 10,240" in done.stderr


def test_faults_of_the_definition_are_shown(exported: Any, tmp_path: Path) -> None:
    (tmp_path / "wrong.yaml").write_text("StartAt: Q\nStates:\n  P: { Type: Pass, End: true }\n")
    assert "Q" in exported("wrong.yaml", status=2)
    (tmp_path / "file.yaml").write_text(
        'StartAt: T\nStates:\n  T: { Type: Task, Resource: "arn:aws:states:::aws-sdk:sqss:x", Parameters: {}, End: true }\n'
    )
    assert "did you mean 'sqs'" in exported("file.yaml", status=2)


def test_asl_needs_a_place(exported: Any, tmp_path: Path) -> None:
    (tmp_path / "enginehouse.toml").write_text("")
    assert "Set region, and role or account" in exported("order.yaml", "--format", "asl", status=2)
