"""Whether anybody asks for a queue's work, from what Temporal tells of it."""

from __future__ import annotations

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.taskqueue.v1 import PollerInfo, TaskQueueStats
from temporalio.api.workflowservice.v1 import DescribeTaskQueueResponse

from enginehouse.providers.temporal.standing import polled

SCHEDULED = 100
"""When the work was put into the queue."""


@pytest.mark.parametrize(
    ("asked", "waited", "living"),
    [
        ([], 0, False),
        ([], 60, False),
        ([90], 0, True),
        ([90], 9, True),
        ([90, 95], 10, False),  # a living one would have taken it
        ([90, 101], 60, True),
        ([100], 60, True),
    ],
)
def test_a_poller_that_left_work_lying_is_dead(asked: list[int], waited: int, living: bool) -> None:
    queue = DescribeTaskQueueResponse(
        pollers=[PollerInfo(last_access_time=Timestamp(seconds=at)) for at in asked],
        stats=TaskQueueStats(approximate_backlog_age=Duration(seconds=waited)),
    )
    assert polled(queue, Timestamp(seconds=SCHEDULED)) == living
