"""What the optimized integrations beyond the everyday ones must be allowed, as AWS's pages on each have it.

https://docs.aws.amazon.com/step-functions/latest/dg/integrate-optimized.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from enginehouse.providers.step_functions.exporting.arns import ACCOUNT, PARTITION, anywhere, mentions, role, static
from enginehouse.providers.step_functions.exporting.learning import LEARNING
from enginehouse.providers.step_functions.exporting.needs import Given, Needs, both, everything, passed, within
from enginehouse.providers.step_functions.exporting.statements import Statement, allow, passing


def _of_build(given: Given) -> tuple[str, ...]:
    """A build is known by its project and a number."""
    return (anywhere("codebuild", f"project/{static(given, 'Id').partition(':')[0] or '*'}"),)


_DATA = """BatchCreatePartition BatchDeletePartition BatchDeleteTable BatchGetPartition CreateDatabase CreatePartition CreateTable
DeleteDatabase DeletePartition DeleteTable GetDatabase GetDatabases GetPartition GetPartitions GetTable GetTables UpdateDatabase
UpdatePartition UpdateTable"""
_FILES = """AbortMultipartUpload CreateBucket GetBucketLocation GetObject ListBucket ListBucketMultipartUploads
ListMultipartUploadParts PutObject"""


def _workgroup(given: Given) -> tuple[str, ...]:
    name = static(given, "WorkGroup") or ("*" if mentions(given, "WorkGroup") else "primary")
    return (anywhere("athena", f"workgroup/{name}"),)


def _queried(given: Given) -> Iterator[Statement]:
    """What a query reads and writes is not known: all that AWS's own template has."""
    yield allow(f"s3:{_FILES}", f"arn:{PARTITION}:s3:::*")
    kinds = ("catalog", "database/*", "table/*", "userDefinedFunction/*")
    yield allow(f"glue:{_DATA}", *(anywhere("glue", kind) for kind in kinds))
    yield allow("lakeformation:GetDataAccess", "*")


def _read(given: Given) -> Iterator[Statement]:
    yield allow("s3:GetObject", f"arn:{PARTITION}:s3:::*")


def _called(given: Given) -> tuple[str, ...]:
    """The method of an API; ``Path`` and ``Stage`` are parts of its ARN."""
    parts = [static(given, name).strip("/") or "*" for name in ("Stage", "Method", "Path")]
    if not mentions(given, "Stage"):
        parts[0] = "$default"
    host = static(given, "ApiEndpoint")
    api = (urlsplit(host).hostname or host if "//" in host else host).partition(".")[0]
    return (anywhere("execute-api", "/".join([api or "*", *parts])),)


def _invoked(given: Given) -> Iterator[Statement]:
    if static(given, "AuthType") != "NO_AUTH" and mentions(given, "AuthType"):
        yield allow("execute-api:Invoke", *_called(given))


def _linked(service: str, name: str) -> Statement:
    """The first of its kind in an account makes the service's own role."""
    place = f"arn:{PARTITION}:iam::{ACCOUNT}:role/aws-service-role/{service}.amazonaws.com/{name}*"
    like = {"StringLike": {"iam:AWSServiceName": f"{service}.amazonaws.com"}}
    return allow("iam:CreateServiceLinkedRole", place, condition=like)


def _clustered(given: Given) -> Iterator[Statement]:
    fields = ["ServiceRole", "JobFlowRole", *(["AutoScalingRole"] if mentions(given, "AutoScalingRole") else [])]
    yield passing(("elasticmapreduce", "ec2", "application-autoscaling"), *(role(given, field) for field in fields))
    if mentions(given, "Tags"):
        yield allow("elasticmapreduce:AddTags", "*")


def _grouped(given: Given) -> Iterator[Statement]:
    yield allow("ec2:DescribeSubnets", "*")
    yield allow("iam:GetRole ListAttachedRolePolicies", role(given, "NodeRole"))
    yield passing("eks", role(given, "NodeRole"))


def _contained(given: Given) -> Iterator[Statement]:
    arn = static(given, "ExecutionRoleArn")
    condition = {"StringEquals": {"emr-containers:ExecutionRoleArn": arn}} if arn else None
    yield allow("emr-containers:StartJobRun", *_VIRTUAL(given), condition=condition)


_VIRTUAL = within("emr-containers", "/virtualclusters/{}", "VirtualClusterId")
_CLUSTER = within("elasticmapreduce", "cluster/{}", "ClusterId")
_PROJECT = within("codebuild", "project/{}", "ProjectName")
_APPLICATION = within("emr-serverless", "/applications/{}", "ApplicationId")
_RUN = within("emr-serverless", "/applications/{}/jobruns/{}", "ApplicationId", "JobRunId")
_WORKGROUPS = within("athena", "workgroup/*")
_EKS = within("eks", "cluster/{}", "Name")
_NODES = within("eks", "nodegroup/{}/{}/*", "ClusterName", "NodegroupName")
_FARGATE = within("eks", "fargateprofile/{}/{}/*", "ClusterName", "FargateProfileName")
_BUILD_RULE = "StepFunctionsGetEventForCodeBuild{}Rule"
_EMR_RULE = "StepFunctionsGetEventForEMR{}Rule"
_APP_RULE = "StepFunctionsGetEventsForEMRServerlessApplicationRule"
_JOB_RULE = "StepFunctionsGetEventsForEMRServerlessJobRule"


INTEGRATIONS: Mapping[str, Needs] = {
    **LEARNING,
    "apigateway:invoke": Needs("", everything, also=_invoked),
    "athena:startQueryExecution": Needs(
        "athena:GetDataCatalog StartQueryExecution",
        both(_workgroup, within("athena", "datacatalog/*")),
        "athena:GetQueryExecution StopQueryExecution",
        _workgroup,
        also=_queried,
    ),
    "athena:stopQueryExecution": Needs("athena:StopQueryExecution", _WORKGROUPS),
    "athena:getQueryExecution": Needs("athena:GetQueryExecution", _WORKGROUPS),
    "athena:getQueryResults": Needs("athena:GetQueryResults", _WORKGROUPS, also=_read),
    "codebuild:startBuild": Needs(
        "codebuild:StartBuild",
        _PROJECT,
        "codebuild:BatchGetBuilds StopBuild",
        rule=_BUILD_RULE.format("StartBuild"),
    ),
    "codebuild:startBuildBatch": Needs(
        "codebuild:StartBuildBatch",
        _PROJECT,
        "codebuild:BatchGetBuildBatches StopBuildBatch",
        rule=_BUILD_RULE.format("StartBuildBatch"),
    ),
    "codebuild:retryBuildBatch": Needs(
        "codebuild:RetryBuildBatch",
        _of_build,
        "codebuild:BatchGetBuildBatches StopBuildBatch",
        rule=_BUILD_RULE.format("RetryBuildBatch"),
    ),
    "codebuild:stopBuild": Needs("codebuild:StopBuild", _of_build),
    "codebuild:stopBuildBatch": Needs("codebuild:StopBuildBatch", _of_build),
    "codebuild:deleteBuildBatch": Needs("codebuild:DeleteBuildBatch", _of_build),
    "codebuild:batchDeleteBuilds": Needs("codebuild:BatchDeleteBuilds", within("codebuild", "project/*")),
    "codebuild:batchGetReports": Needs("codebuild:BatchGetReports", within("codebuild", "report-group/*")),
    "databrew:startJobRun": Needs(
        "databrew:StartJobRun", within("databrew", "job/{}", "Name"), "databrew:ListJobRuns StopJobRun"
    ),
    "eks:createCluster": Needs(
        "eks:CreateCluster", everything, "eks:DeleteCluster DescribeCluster", _EKS, also=passed("eks", "RoleArn")
    ),
    "eks:deleteCluster": Needs("eks:DeleteCluster", _EKS, "eks:DescribeCluster"),
    "eks:createNodegroup": Needs(
        "eks:CreateNodegroup", everything, "eks:DeleteNodegroup DescribeNodegroup", _NODES, also=_grouped
    ),
    "eks:deleteNodegroup": Needs("eks:DeleteNodegroup", _NODES, "eks:DescribeNodegroup"),
    "eks:createFargateProfile": Needs(
        "eks:CreateFargateProfile",
        within("eks", "cluster/{}", "ClusterName"),
        "eks:DeleteFargateProfile DescribeFargateProfile",
        _FARGATE,
        also=lambda given: iter([passing(("eks", "eks-fargate-pods"), role(given, "PodExecutionRoleArn"))]),
    ),
    "eks:deleteFargateProfile": Needs("eks:DeleteFargateProfile", _FARGATE, "eks:DescribeFargateProfile"),
    "eks:call": Needs("", everything),  # these two the cluster itself allows
    "eks:runJob": Needs("", everything),
    "elasticmapreduce:createCluster": Needs(
        "elasticmapreduce:RunJobFlow",
        everything,
        "elasticmapreduce:DescribeCluster TerminateJobFlows",
        rule=_EMR_RULE.format("RunJobFlow"),
        also=_clustered,
    ),
    "elasticmapreduce:terminateCluster": Needs(
        "elasticmapreduce:TerminateJobFlows",
        _CLUSTER,
        "elasticmapreduce:DescribeCluster",
        rule=_EMR_RULE.format("TerminateJobFlows"),
    ),
    "elasticmapreduce:addStep": Needs(
        "elasticmapreduce:AddJobFlowSteps",
        _CLUSTER,
        "elasticmapreduce:CancelSteps DescribeStep",
        rule=_EMR_RULE.format("AddJobFlowSteps"),
    ),
    "elasticmapreduce:cancelStep": Needs("elasticmapreduce:CancelSteps", _CLUSTER),
    "elasticmapreduce:setClusterTerminationProtection": Needs("elasticmapreduce:SetTerminationProtection", _CLUSTER),
    "elasticmapreduce:modifyInstanceFleetByName": Needs(
        "elasticmapreduce:ListInstanceFleets ModifyInstanceFleet", _CLUSTER
    ),
    "elasticmapreduce:modifyInstanceGroupByName": Needs(
        "elasticmapreduce:ListInstanceGroups ModifyInstanceGroups", _CLUSTER
    ),
    "emr-containers:createVirtualCluster": Needs(
        "emr-containers:CreateVirtualCluster",
        everything,
        also=lambda given: iter([_linked("emr-containers", "AWSServiceRoleForAmazonEMRContainers")]),
    ),
    "emr-containers:deleteVirtualCluster": Needs(
        "emr-containers:DeleteVirtualCluster", _VIRTUAL, "emr-containers:DescribeVirtualCluster"
    ),
    "emr-containers:startJobRun": Needs(
        "",
        _VIRTUAL,
        "emr-containers:CancelJobRun DescribeJobRun",
        within("emr-containers", "/virtualclusters/{}/jobruns/*", "VirtualClusterId"),
        also=_contained,
    ),
    "emr-serverless:createApplication": Needs(
        "emr-serverless:CreateApplication",
        within("emr-serverless", "/*"),
        "emr-serverless:DeleteApplication GetApplication",
        within("emr-serverless", "/applications/*"),
        _APP_RULE,
        lambda given: iter([_linked("ops.emr-serverless", "AWSServiceRoleForAmazonEMRServerless")]),
    ),
    "emr-serverless:startApplication": Needs(
        "emr-serverless:StartApplication",
        _APPLICATION,
        "emr-serverless:GetApplication StopApplication",
        rule=_APP_RULE,
    ),
    "emr-serverless:stopApplication": Needs(
        "emr-serverless:StopApplication", _APPLICATION, "emr-serverless:GetApplication", rule=_APP_RULE
    ),
    "emr-serverless:deleteApplication": Needs(
        "emr-serverless:DeleteApplication", _APPLICATION, "emr-serverless:GetApplication", rule=_APP_RULE
    ),
    "emr-serverless:startJobRun": Needs(
        "emr-serverless:StartJobRun",
        _APPLICATION,
        "emr-serverless:CancelJobRun GetJobRun",
        within("emr-serverless", "/applications/{}/jobruns/*", "ApplicationId"),
        _JOB_RULE,
        passed("emr-serverless", "ExecutionRoleArn"),
    ),
    "emr-serverless:cancelJobRun": Needs(
        "emr-serverless:CancelJobRun", _RUN, "emr-serverless:GetJobRun", rule=_JOB_RULE
    ),
    "mediaconvert:createJob": Needs(
        "mediaconvert:CreateJob",
        everything,
        "mediaconvert:CancelJob GetJob",
        rule="StepFunctionsGetEventsForMediaConvertJobRule",
        also=passed("mediaconvert", "Role"),
    ),
}
