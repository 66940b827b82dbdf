"""How a Temporal cluster is reached, and how this process works for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from enginehouse.names import Names
from enginehouse.tasks import Handler, HttpAccess, ItemSource
from enginehouse.tasks.aws import AwsAccess
from enginehouse.tasks.lambda_invoke import LambdaFunction

MEMO = "enginehouse"
NATIVE = "enginehouse-native"
"""The memo of all schedules that hold definitions, and of all executions that were started here: ``{"native": true}`` in those
that Temporal runs without us."""

PROVIDER = "temporal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """``TemporalProvider`` says what each means. What is None is left to Temporal's own environment configuration."""

    address: str | None = None
    namespace: str | None = None
    api_key: str | None = None
    tls: bool | None = None
    profile: str | None = None
    config_file: str | None = None
    codec: Any = None
    interceptors: tuple[Any, ...] = ()
    task_queue: str = "enginehouse"
    prefix: str = "enginehouse:"
    timeout: float = 8.0
    grace: float = 2.0
    drain: float = 2.0
    liveness: float = 30.0
    works: bool = False
    metrics: str = ""
    tuning: dict[str, Any] = field(default_factory=dict)
    handlers: dict[str, Handler] = field(default_factory=dict)
    lambdas: dict[str, LambdaFunction] = field(default_factory=dict)
    http: HttpAccess = field(default_factory=HttpAccess)
    threads: int | None = None
    items: ItemSource | None = None
    aws: AwsAccess | None = None
    names: Names = field(default_factory=Names)
