"""What the rarer optimized integrations need is what AWS's pages say, on what the definition names."""

from __future__ import annotations

from typing import Any

import pytest

from enginehouse.providers.step_functions.exporting.permissions import needed
from enginehouse.providers.step_functions.exporting.statements import Statement

ROLE = "arn:aws:iam::123456789012:role/worker"


def of(name: str, given: dict[str, Any]) -> list[Statement]:
    state = {"Type": "Task", "Resource": f"arn:aws:states:::{name}", "Parameters": given, "End": True}
    return needed({"StartAt": "T", "States": {"T": state}}, "machine")


def shown(name: str, given: dict[str, Any]) -> dict[str, str]:
    """The resources of each action, without where they are."""
    found: dict[str, str] = {}
    for item in of(name, given):
        places = " ".join(
            arn.replace("arn:<partition>:", "").replace("<region>:<account>:", "") for arn in item.resources
        )
        found |= dict.fromkeys(item.actions, places)
    return found


def rule(name: str) -> dict[str, str]:
    return dict.fromkeys(("events:DescribeRule", "events:PutRule", "events:PutTargets"), f"events:rule/{name}")


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("apigateway:invoke", {"ApiEndpoint": "a.execute-api.eu-central-1.amazonaws.com", "Method": "GET"}, {}),
        ("apigateway:invoke", {"ApiEndpoint": "a.b", "Method": "GET", "AuthType": "NO_AUTH"}, {}),
        (
            "apigateway:invoke",
            {"ApiEndpoint": "a.execute-api.x.amazonaws.com", "Method": "GET", "Stage": "live", "Path": "/pets", "AuthType": "IAM_ROLE"},
            {"execute-api:Invoke": "execute-api:a/live/GET/pets"},
        ),
        (
            "apigateway:invoke",
            {"ApiEndpoint.$": "$.x", "Method": "GET", "AuthType.$": "$.y"},
            {"execute-api:Invoke": "execute-api:*/$default/GET/*"},
        ),
        ("athena:stopQueryExecution", {"QueryExecutionId.$": "$"}, {"athena:StopQueryExecution": "athena:workgroup/*"}),
        (
            "athena:getQueryResults",
            {"QueryExecutionId.$": "$"},
            {"athena:GetQueryResults": "athena:workgroup/*", "s3:GetObject": "s3:::*"},
        ),
        (
            "bedrock:invokeModel",
            {"ModelId": "anthropic.claude-v2", "Input": {"S3Uri": "s3://bucket/in.json"}, "Output": {"S3Uri.$": "$.out"}},
            {
                "bedrock:InvokeModel": "bedrock:<region>::foundation-model/anthropic.claude-v2",
                "s3:GetObject": "s3:::bucket/in.json",
                "s3:PutObject": "s3:::*",
            },
        ),
        (
            "bedrock:invokeModel",
            {"ModelId": "eu.anthropic.claude-sonnet-4-v1:0"},
            {
                "bedrock:InvokeModel": "bedrock:*::foundation-model/anthropic.claude-sonnet-4-v1:0 "
                "bedrock:inference-profile/eu.anthropic.claude-sonnet-4-v1:0"
            },
        ),
        ("codebuild:startBuild", {"ProjectName": "p"}, {"codebuild:StartBuild": "codebuild:project/p"}),
        (
            "codebuild:startBuild.sync",
            {"ProjectName.$": "$.p"},
            {
                "codebuild:StartBuild": "codebuild:project/*",
                "codebuild:BatchGetBuilds": "codebuild:project/*",
                "codebuild:StopBuild": "codebuild:project/*",
                **rule("StepFunctionsGetEventForCodeBuildStartBuildRule"),
            },
        ),
        ("codebuild:stopBuild", {"Id": "p:1-2"}, {"codebuild:StopBuild": "codebuild:project/p"}),
        (
            "databrew:startJobRun.sync",
            {"Name": "j"},
            dict.fromkeys(("databrew:StartJobRun", "databrew:ListJobRuns", "databrew:StopJobRun"), "databrew:job/j"),
        ),
        (
            "eks:deleteNodegroup.sync",
            {"ClusterName": "c", "NodegroupName": "n"},
            dict.fromkeys(("eks:DeleteNodegroup", "eks:DescribeNodegroup"), "eks:nodegroup/c/n/*"),
        ),
        ("eks:runJob.sync", {"ClusterName": "c"}, {}),
        (
            "elasticmapreduce:addStep.sync",
            {"ClusterId": "j-1", "Step": {}},
            {
                "elasticmapreduce:AddJobFlowSteps": "elasticmapreduce:cluster/j-1",
                "elasticmapreduce:CancelSteps": "elasticmapreduce:cluster/j-1",
                "elasticmapreduce:DescribeStep": "elasticmapreduce:cluster/j-1",
                **rule("StepFunctionsGetEventForEMRAddJobFlowStepsRule"),
            },
        ),
        (
            "emr-containers:startJobRun.sync",
            {"VirtualClusterId": "v", "ExecutionRoleArn": ROLE},
            {
                "emr-containers:StartJobRun": "emr-containers:/virtualclusters/v",
                "emr-containers:CancelJobRun": "emr-containers:/virtualclusters/v/jobruns/*",
                "emr-containers:DescribeJobRun": "emr-containers:/virtualclusters/v/jobruns/*",
            },
        ),
        (
            "emr-serverless:startJobRun.sync",
            {"ApplicationId": "a", "ExecutionRoleArn": ROLE},
            {
                "emr-serverless:StartJobRun": "emr-serverless:/applications/a",
                "emr-serverless:CancelJobRun": "emr-serverless:/applications/a/jobruns/*",
                "emr-serverless:GetJobRun": "emr-serverless:/applications/a/jobruns/*",
                "iam:PassRole": ROLE,
                **rule("StepFunctionsGetEventsForEMRServerlessJobRule"),
            },
        ),
        (
            "mediaconvert:createJob.sync",
            {"Role": ROLE, "Settings": {}},
            {
                **dict.fromkeys(("mediaconvert:CreateJob", "mediaconvert:CancelJob", "mediaconvert:GetJob"), "*"),
                "iam:PassRole": ROLE,
                **rule("StepFunctionsGetEventsForMediaConvertJobRule"),
            },
        ),
        (
            "sagemaker:createTrainingJob.sync",
            {"TrainingJobName": "Job", "RoleArn": ROLE},
            {
                **dict.fromkeys(
                    ("sagemaker:CreateTrainingJob", "sagemaker:DescribeTrainingJob", "sagemaker:StopTrainingJob"),
                    "sagemaker:training-job/Job* sagemaker:training-job/job*",
                ),
                "sagemaker:ListTags": "*",
                "iam:PassRole": ROLE,
                **rule("StepFunctionsGetEventsForSageMakerTrainingJobsRule"),
            },
        ),
        (
            "sagemaker:createHyperParameterTuningJob",
            {"HyperParameterTuningJobName": "t", "TrainingJobDefinition": {"RoleArn": ROLE}},
            {
                "sagemaker:CreateHyperParameterTuningJob": "sagemaker:hyper-parameter-tuning-job/t*",
                "sagemaker:ListTags": "*",
                "iam:PassRole": ROLE,
            },
        ),
        ("ecs:runTask", {"TaskDefinition": "d:1", "Tags": []}, {
            "ecs:RunTask": "ecs:task-definition/d:1",
            "ecs:TagResource": "ecs:task/*",
            "iam:PassRole": "iam::<account>:role/*",
        }),
    ],
)  # fmt: skip
def test_a_task(name: str, given: dict[str, Any], expected: dict[str, str]) -> None:
    assert shown(name, given) == expected


@pytest.mark.parametrize(
    ("given", "workgroup"), [({}, "primary"), ({"WorkGroup": "w"}, "w"), ({"WorkGroup.$": "$"}, "*")]
)
def test_a_query_is_bound_to_its_workgroup(given: dict[str, Any], workgroup: str) -> None:
    found = shown("athena:startQueryExecution.sync", {"QueryString": "select 1", **given})
    assert found["athena:StartQueryExecution"] == f"athena:datacatalog/* athena:workgroup/{workgroup}"
    assert found["athena:StopQueryExecution"] == f"athena:workgroup/{workgroup}"
    assert {"glue:GetTable", "s3:PutObject", "lakeformation:GetDataAccess"} <= found.keys()
    assert not any(action.startswith("events:") for action in found)  # AWS asks again and again


def test_a_role_is_handed_to_its_service_alone() -> None:
    given = {"Name": "c", "ServiceRole": "EMR_DefaultRole", "JobFlowRole.$": "$.role", "Instances": {}}
    (passed,) = [item for item in of("elasticmapreduce:createCluster", given) if item.actions == ("iam:PassRole",)]
    assert passed.resources == (
        "arn:<partition>:iam::<account>:role/*",
        "arn:<partition>:iam::<account>:role/EMR_DefaultRole",
    )
    services = passed.condition["StringEquals"]["iam:PassedToService"]
    assert services == ["elasticmapreduce.amazonaws.com", "ec2.amazonaws.com", "application-autoscaling.amazonaws.com"]


def test_a_job_on_kubernetes_runs_as_the_role_that_is_named() -> None:
    given = {"VirtualClusterId.$": "$.v", "ExecutionRoleArn": ROLE}
    (start,) = of("emr-containers:startJobRun", given)
    assert start.condition == {"StringEquals": {"emr-containers:ExecutionRoleArn": ROLE}}
