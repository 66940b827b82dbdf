"""The way to AWS: clients of boto3, called on threads that nobody else needs, tried again within a budget of time."""

from __future__ import annotations

import asyncio
import functools
import os
import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import boto3
import botocore
import botocore.loaders
import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError, ParamValidationError
from botocore.parsers import ResponseParserError
from botocore.utils import parse_timestamp
from botocore.validate import ParamValidator

from enginehouse.errors import ProviderError, ProviderUnavailableError
from enginehouse.providers.step_functions.faults import STRANGE, THROTTLED, code_of, is_absent, is_transient, unremarked
from enginehouse.providers.step_functions.settings import Settings
from enginehouse.tasks.aws.strangers import refuse_strangers
from enginehouse.tasks.threads import Threads

_CONNECT, _READ, _SLOW = 3.0, 5.0, 310.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 2.0
# A server that is not there is told of soon: the caller may try again, and knows better how long.
_ABSENT = 2.0

_AGENT = f"enginehouse Boto3/{boto3.__version__} Botocore/{botocore.__version__}"
"""boto3 makes up its own anew for each call, which costs a thirtieth of a small one."""

_CHECKED = frozenset({"create_state_machine", "update_state_machine"})
"""The operations that are given what a caller wrote; the members of all others are made here."""

_EMPTY = frozenset(
    {
        "delete_activity",
        "delete_state_machine",
        "send_task_failure",
        "send_task_heartbeat",
        "send_task_success",
        "stop_execution",
        "tag_resource",
    }
)
"""The operations that AWS answers without a member; some servers forget StopExecution's."""


class Connection:
    """boto3 clients of one set of credentials, and the threads that call them.

    A call that its caller has given up holds its thread until its socket times out, and nothing else: there are
    ``settings.threads``, and none is the loop's own.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._threads = Threads(settings.threads)
        self._slow = Threads(settings.threads)
        self._session: Any = None
        self.client: Any = None
        self._slow_client: Any = None

    async def open(self) -> None:
        """Read AWS's configuration and make the client. Raises boto3's own errors."""
        await self._threads.run(self._open)

    def _open(self) -> None:
        core = botocore.session.Session(profile=self._settings.profile)
        core.register_component("data_loader", _loader())
        core.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_time)
        # botocore does not read AWS_REGION, as AWS's other tools do before all else.
        region = self._settings.region or os.environ.get("AWS_REGION") or None
        self._session = boto3.session.Session(botocore_session=core, region_name=region)
        self.client = self.make("stepfunctions", self._settings.endpoint, read=_READ, pool=self._settings.threads)

    def make(self, service: str, endpoint: str | None, *, read: float, pool: int) -> Any:
        """A client of its own, which waits ``read`` seconds for an answer. To be called on a thread."""
        config = Config(
            connect_timeout=_CONNECT,
            read_timeout=read,
            retries={"total_max_attempts": 1, "mode": "standard"},
            max_pool_connections=pool,
            user_agent=_AGENT,
            inject_host_prefix=endpoint is None,
            parameter_validation=False,
        )
        client = self._session.client(service, endpoint_url=endpoint, config=config)
        refuse_strangers(client)
        return client

    @property
    def region(self) -> str:
        return str(self.client.meta.region_name)

    async def on_thread(self, call: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        return await self._threads.run(functools.partial(call, *args, **kwargs))

    async def account(self) -> str:
        """The account of the credentials, as STS tells it."""
        client = await self.on_thread(self.make, "sts", None, read=_READ, pool=1)
        answer = await self._within(functools.partial(client.get_caller_identity), self._settings.timeout)
        return str(answer["Account"])

    async def ask(self, operation: str, **members: Any) -> Any:
        """AWS's answer. What is throttled or lost on the way is asked again while the budget lasts, then
        ``ProviderUnavailableError``; any other error is boto3's own, raised as it is."""
        if operation in _CHECKED:
            self._check(operation, members)
        call = functools.partial(getattr(self.client, operation), **members)
        return _understood(operation, await self._within(call, self._settings.timeout))

    def _check(self, operation: str, members: dict[str, Any]) -> None:
        """What boto3 checks of members by itself, which is a good part of what a small call costs."""
        model = self.client.meta
        shape = model.service_model.operation_model(model.method_to_api_mapping[operation]).input_shape
        report = ParamValidator().validate(members, shape)
        if report.has_errors():
            raise ParamValidationError(report=report.generate_report())

    async def ask_slowly(self, operation: str, **members: Any) -> Any:
        """AWS's answer to an operation that answers when it is done, within ``_SLOW`` seconds. It is asked again where it was throttled
        alone, so that nothing has begun; on threads of its own: one that is given up would keep its thread from all other calls for so long."""
        loop = asyncio.get_running_loop()
        end, pause = loop.time() + self._settings.timeout, _FIRST_PAUSE
        if self._slow_client is None:
            pool = self._settings.threads
            made = await self.on_thread(self.make, "stepfunctions", self._settings.endpoint, read=_SLOW, pool=pool)
            self._slow_client = self._slow_client or made
        call = functools.partial(getattr(self._slow_client, operation), **members)
        while True:
            try:
                return _understood(operation, await self._slow.run(_called, call))
            except ClientError as error:
                if code_of(error) not in THROTTLED or loop.time() + pause > end:
                    raise
            await asyncio.sleep(pause * random.uniform(0.5, 1))
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _within(self, call: Callable[[], Any], seconds: float) -> Any:
        loop = asyncio.get_running_loop()
        begun, pause, last = loop.time(), _FIRST_PAUSE, None
        limit = asyncio.timeout_at(begun + seconds)
        try:
            async with limit:
                while True:
                    try:
                        return await self._threads.run(_called, call)
                    except Exception as error:
                        unremarked(error)
                        if not is_transient(error):
                            raise
                        last = error
                        spent = loop.time() - begun + pause
                        if spent > (min(seconds, _ABSENT) if is_absent(error) else seconds):
                            raise ProviderUnavailableError(_told(error, loop.time() - begun)) from error
                    await asyncio.sleep(pause * random.uniform(0.5, 1))
                    pause = min(pause * 2, _LONGEST_PAUSE)
        except TimeoutError:
            if limit.expired():
                raise ProviderUnavailableError(f"AWS has not answered within {seconds:g} s") from last
            raise

    def close(self) -> None:
        """Let the threads go; a call that still waits for its socket is not waited for."""
        for client in (self.client, self._slow_client):
            if client is not None:
                client.close()
        self._threads.close()
        self._slow.close()


@functools.cache
def _loader() -> Any:
    """What reads the services' models; they are kept, for the next provider that is opened."""
    return botocore.loaders.create_loader()


def _time(value: float | str) -> datetime:
    """A time as Step Functions sends it, a number; boto3's own way is a twentieth of what a small call costs."""
    return parse_timestamp(value) if isinstance(value, str) else datetime.fromtimestamp(value, UTC)


def _called(call: Callable[[], Any]) -> Any:
    """The answer to a call. Raises ``ProviderError`` for one that boto3 stumbles over."""
    try:
        return call()
    except (AttributeError, TypeError, ResponseParserError) as error:
        raise ProviderError(STRANGE) from error


def _understood(operation: str, answer: Any) -> Any:
    """The answer. Raises ``ProviderError`` where it has no member of those that it should have."""
    if not answer.keys() - {"ResponseMetadata"} and operation not in _EMPTY:
        raise ProviderError(STRANGE)
    return answer


def _told(error: Exception, seconds: float) -> str:
    code = code_of(error)
    what = f"AWS throttles or fails ({code})" if code else "AWS cannot be reached"
    return f"{what}, for {seconds:.1f} s of trying"
