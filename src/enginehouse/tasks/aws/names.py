"""What things are called in definitions, by botocore's names for them.

``aws-sdk`` integrations are calls of the AWS SDK for Java 2 in capitals; its naming rules are public in its code generator.
https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html
"""

from __future__ import annotations

import re

_RESOURCE = re.compile(r"arn:[^:]*:states:::(.+)", re.DOTALL)
_NO_WORD = re.compile(r"[^A-Za-z0-9]+")
_VERSION = re.compile(r"([^a-z]{2,})v(\d+)|([^A-Z]{2,})V(\d+)")
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z][A-Za-z0-9])")
_ACRONYM = re.compile(r"([A-Z]+)([A-Z][a-z])")
_AFTER_DIGIT = re.compile(r"(\d)([A-Za-z])")


def service_action(resource: str) -> str:
    """``sqs:sendMessage`` or ``aws-sdk:s3:getObject`` of a resource that is an AWS service's action, else nothing."""
    found = _RESOURCE.fullmatch(resource)
    return "" if found is None or found[1] == "http:invoke" else found[1]


def _words(name: str) -> list[str]:
    text = _NO_WORD.sub(" ", name)
    text = _VERSION.sub(lambda at: f"{at[1]} v{at[2]} " if at[1] else f"{at[3]} V{at[4]} ", text)
    text = _HUMP.sub(" ", text)
    text = _ACRONYM.sub(r"\1 \2", text)
    text = _AFTER_DIGIT.sub(r"\1 \2", text)
    return text.split()


def pascal(name: str) -> str:
    """``DynamoDB`` as ``DynamoDb``, ``CloudWatch Logs`` as ``CloudWatchLogs``."""
    return "".join(word[:1].upper() + word[1:].lower() for word in _words(name))


def service_prefix(service_id: str) -> str:
    """The prefix of a service's errors; in lower case it is the service's name in a resource: ``Sfn``, ``DynamoDb``."""
    name = pascal(service_id)
    for leading in ("Amazon", "Aws"):
        name = name.removeprefix(leading)
    return name.removesuffix("Service")


def exception_name(shape: str) -> str:
    """``QueueDoesNotExist`` as ``QueueDoesNotExistException``, ``DBInstanceNotFoundFault`` as ``DbInstanceNotFoundException``."""
    return pascal(shape.removesuffix("Fault").removesuffix("Exception")) + "Exception"


def _uncapital(name: str) -> str:
    """The first letter small, and with it an acronym up to the capital that begins the next word."""
    end = 1
    while end < len(name) and name[end].isupper() and not name[end + 1 : end + 2].islower():
        end += 1
    return name[:end].lower() + name[end:]


def action_name(operation: str) -> str:
    """``DescribeDBInstances`` as ``describeDBInstances``."""
    return _uncapital(operation)


def field_name(member: str) -> str:
    """``DBInstanceIdentifier`` as ``DbInstanceIdentifier``, ``taskArn`` as ``TaskArn``, ``ETag`` as it is."""
    if member == "NULL":  # DynamoDB's; null is a word of Java's, so that the SDK has it renamed
        return "Nul"
    return capital(_uncapital(member))


def capital(member: str) -> str:
    """``taskArn`` as ``TaskArn``; what optimized integrations call a field."""
    return member[:1].upper() + member[1:]
