"""Names of definitions follow from botocore's by rule, for every service there is."""

from __future__ import annotations

import pytest
from botocore.loaders import Loader

from enginehouse.tasks.aws import catalog
from enginehouse.tasks.aws.names import (
    action_name,
    capital,
    exception_name,
    field_name,
    service_action,
    service_prefix,
)


# Prefixes of errors as AWS's page on SDK integrations lists them, by the service's id in botocore's models.
@pytest.mark.parametrize(
    ("service_id", "prefix"),
    [
        ("SFN", "Sfn"),
        ("DynamoDB", "DynamoDb"),
        ("DynamoDB Streams", "DynamoDbStreams"),
        ("SQS", "Sqs"),
        ("CloudWatch Logs", "CloudWatchLogs"),
        ("EventBridge", "EventBridge"),
        ("CloudHSM V2", "CloudHsmV2"),
        ("ApiGatewayV2", "ApiGatewayV2"),
        ("WAFV2", "Wafv2"),
        ("WAF Regional", "WafRegional"),
        ("Config Service", "Config"),
        ("Database Migration Service", "DatabaseMigration"),
        ("Cost and Usage Report Service", "CostAndUsageReport"),
        ("Directory Service", "Directory"),
        ("IoT", "Iot"),
        ("IoTSiteWise", "IoTSiteWise"),
        ("IoT Wireless", "IotWireless"),
        ("Route 53 Domains", "Route53Domains"),
        ("Route53Resolver", "Route53Resolver"),
        ("Resource Groups Tagging API", "ResourceGroupsTaggingApi"),
        ("SageMaker A2I Runtime", "SageMakerA2IRuntime"),
        ("Sagemaker Edge", "SagemakerEdge"),
        ("codestar notifications", "CodestarNotifications"),
        ("MTurk", "MTurk"),
        ("XRay", "XRay"),
        ("FSx", "FSx"),
        ("Ec2", "Ec2"),
        ("EC2 Instance Connect", "Ec2InstanceConnect"),
        ("Lex Models V2", "LexModelsV2"),
        ("ElastiCache", "ElastiCache"),
    ],
)
def test_services(service_id: str, prefix: str) -> None:
    assert service_prefix(service_id) == prefix


@pytest.mark.parametrize(
    ("shape", "name"),
    [
        ("ConditionalCheckFailedException", "ConditionalCheckFailedException"),
        ("QueueDoesNotExist", "QueueDoesNotExistException"),
        ("DBInstanceNotFoundFault", "DbInstanceNotFoundException"),
        ("NoSuchKey", "NoSuchKeyException"),
        ("InvalidToken", "InvalidTokenException"),
    ],
)
def test_exceptions(shape: str, name: str) -> None:
    assert exception_name(shape) == name


@pytest.mark.parametrize(
    ("member", "name"),
    [
        ("DBInstanceIdentifier", "DbInstanceIdentifier"),
        ("MD5OfMessageBody", "Md5OfMessageBody"),
        ("ChecksumCRC32", "ChecksumCRC32"),
        ("ETag", "ETag"),
        ("SSEKMSKeyId", "SsekmsKeyId"),
        ("taskArn", "TaskArn"),
        ("S", "S"),
        ("SS", "Ss"),
        ("BOOL", "Bool"),
        ("NULL", "Nul"),
        ("", ""),
    ],
)
def test_fields(member: str, name: str) -> None:
    assert field_name(member) == name if member else capital(member) == name


@pytest.mark.parametrize(
    ("resource", "action"),
    [
        ("arn:aws:states:::sqs:sendMessage", "sqs:sendMessage"),
        ("arn:aws-cn:states:::aws-sdk:s3:getObject", "aws-sdk:s3:getObject"),
        ("arn:aws:states:::http:invoke", ""),
        ("arn:aws:states:us-east-1:111111111111:activity:a", ""),
        ("arn:aws:lambda:us-east-1:111111111111:function:f", ""),
        ("task:sqs", ""),
    ],
)
def test_actions_of_services(resource: str, action: str) -> None:
    assert service_action(resource) == action


def test_every_action_and_every_field_of_every_service_has_one_name() -> None:
    loader, actions, fields = Loader(include_default_search_paths=True), 0, 0
    for name in catalog.services().values():
        model = loader.load_service_model(name, "service-2")
        named = {action_name(operation): operation for operation in model["operations"]}
        assert len(named) == len(model["operations"]), name
        assert all(action[0].islower() for action in named), name
        actions += len(named)
        for shape, described in model["shapes"].items():
            members = described.get("members", {})
            for naming in (field_name, capital):
                assert len({naming(member) for member in members}) == len(members), (name, shape)
            fields += len(members)
    assert actions > 15_000
    assert fields > 100_000
