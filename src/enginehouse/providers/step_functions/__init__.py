"""AWS Step Functions: AWS runs the definition, our workers its tasks. boto3 is imported on first use."""

from enginehouse.providers.step_functions.provider import StepFunctionsProvider

__all__ = ["StepFunctionsProvider"]
