"""AWS services as tasks: what ``arn:aws:states:::SERVICE:ACTION`` asks for, called for real.

botocore is imported by ``services`` and below, which ``TaskRunner`` loads with the first call.
"""

from enginehouse.tasks.aws.access import AwsAccess, aws_access

__all__ = ["AwsAccess", "aws_access"]
