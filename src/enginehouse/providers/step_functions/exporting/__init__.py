"""A workflow as infrastructure: what create makes on AWS, written down for CloudFormation or Terraform. Pure."""

from enginehouse.providers.step_functions.exporting.stack import POLICY_LIMIT, Logs, Stack, stack_of

__all__ = ["POLICY_LIMIT", "Logs", "Stack", "stack_of"]
