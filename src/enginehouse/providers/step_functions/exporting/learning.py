"""What Bedrock and SageMaker must be allowed, as AWS's pages on them have it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from enginehouse.providers.step_functions.exporting.arns import PARTITION, REGION, anywhere, mentions, role, static
from enginehouse.providers.step_functions.exporting.needs import Also, Given, Needs, Places, both, passed, within
from enginehouse.providers.step_functions.exporting.statements import Statement, allow, passing

_PROFILE = re.compile(r"(?:[a-z]{2}|apac|global|us-gov)\.(.+\..+)")


def _models(given: Given, field: str = "ModelId") -> tuple[str, ...]:
    """A model of Bedrock's own, or an inference profile and the models behind it, in whatever region they are."""
    name = static(given, field)
    if not name:
        return f"arn:{PARTITION}:bedrock:*::foundation-model/*", anywhere("bedrock", "*")
    behind = f"arn:{PARTITION}:bedrock:*::foundation-model/"
    if name.startswith("arn:"):
        return (name, f"{behind}*") if "inference-profile/" in name else (name,)
    profile = _PROFILE.fullmatch(name)
    if profile is not None:
        return anywhere("bedrock", f"inference-profile/{name}"), f"{behind}{profile[1]}"
    return (f"arn:{PARTITION}:bedrock:{REGION}::foundation-model/{name}",)


def _modelled(given: Given) -> Iterator[Statement]:
    for field, action in (("Input", "s3:GetObject"), ("Output", "s3:PutObject")):
        if mentions(given, field):
            place = given.get(field)
            uri = static(place, "S3Uri") if isinstance(place, Mapping) else ""
            yield allow(action, f"arn:{PARTITION}:s3:::{uri.removeprefix('s3://') or '*'}")
    if mentions(given, "GuardrailIdentifier"):
        name = static(given, "GuardrailIdentifier")
        yield allow(
            "bedrock:ApplyGuardrail",
            name if name.startswith("arn:") else anywhere("bedrock", f"guardrail/{name or '*'}"),
        )


def _customized(given: Given) -> tuple[str, ...]:
    made = (anywhere("bedrock", "custom-model/*"), anywhere("bedrock", "model-customization-job/*"))
    return (*_models(given, "BaseModelIdentifier"), *made)


def _named(kind: str, field: str) -> Places:
    """SageMaker's: it writes names in small letters into ARNs, and adds to some of them."""

    def places(given: Given) -> tuple[str, ...]:
        name = static(given, field)
        return tuple(anywhere("sagemaker", f"{kind}/{text}*") for text in sorted({name, name.lower()}))

    return places


def _of_sagemaker(also: Also, places: Places) -> Also:
    def all_of(given: Given) -> Iterator[Statement]:
        yield from also(given)
        yield allow("sagemaker:ListTags", "*")
        if mentions(given, "Tags"):
            yield allow("sagemaker:AddTags", *places(given))

    return all_of


def _sagemaker(
    action: str,
    kind: str,
    field: str,
    also: Also = lambda given: iter(()),
    *,
    rule: str = "",
    besides: Places = lambda given: (),
) -> Needs:
    own = _named(kind, field)
    waits = f"sagemaker:Describe{action.removeprefix('Create')} Stop{action.removeprefix('Create')}" if rule else ""
    rule = f"StepFunctionsGetEventsForSageMaker{rule}Rule" if rule else ""
    return Needs(f"sagemaker:{action}", both(own, besides), waits, own, rule, _of_sagemaker(also, own))


def _tuned(given: Given) -> Iterator[Statement]:
    """A tuning job's role is that of the training jobs that it starts."""
    one, many = given.get("TrainingJobDefinition"), given.get("TrainingJobDefinitions")
    inner = [item for item in [one, *(many if isinstance(many, list) else ())] if isinstance(item, Mapping)]
    yield passing("sagemaker", *(role(item, "RoleArn") for item in inner or [{}]))


_CONFIGURED = _named("endpoint-config", "EndpointConfigName")
_SAGEMAKER_ROLE = passed("sagemaker", "RoleArn")

LEARNING: Mapping[str, Needs] = {
    "bedrock:invokeModel": Needs("bedrock:InvokeModel", _models, also=_modelled),
    "bedrock:createModelCustomizationJob": Needs(
        "bedrock:CreateModelCustomizationJob",
        _customized,
        "bedrock:GetModelCustomizationJob StopModelCustomizationJob",
        within("bedrock", "model-customization-job/*"),
        also=passed("bedrock", "RoleArn"),
    ),
    "sagemaker:createEndpoint": _sagemaker("CreateEndpoint", "endpoint", "EndpointName", besides=_CONFIGURED),
    "sagemaker:updateEndpoint": _sagemaker("UpdateEndpoint", "endpoint", "EndpointName", besides=_CONFIGURED),
    "sagemaker:createEndpointConfig": _sagemaker("CreateEndpointConfig", "endpoint-config", "EndpointConfigName"),
    "sagemaker:createModel": _sagemaker("CreateModel", "model", "ModelName", passed("sagemaker", "ExecutionRoleArn")),
    "sagemaker:createTrainingJob": _sagemaker(
        "CreateTrainingJob", "training-job", "TrainingJobName", _SAGEMAKER_ROLE, rule="TrainingJobs"
    ),
    "sagemaker:createTransformJob": _sagemaker(
        "CreateTransformJob", "transform-job", "TransformJobName", rule="TransformJobs"
    ),
    "sagemaker:createProcessingJob": _sagemaker(
        "CreateProcessingJob", "processing-job", "ProcessingJobName", _SAGEMAKER_ROLE, rule="ProcessingJobs"
    ),
    "sagemaker:createLabelingJob": _sagemaker(
        "CreateLabelingJob", "labeling-job", "LabelingJobName", _SAGEMAKER_ROLE, rule="LabelingJobs"
    ),
    "sagemaker:createHyperParameterTuningJob": _sagemaker(
        "CreateHyperParameterTuningJob",
        "hyper-parameter-tuning-job",
        "HyperParameterTuningJobName",
        _tuned,
        rule="TuningJobs",
    ),
}
