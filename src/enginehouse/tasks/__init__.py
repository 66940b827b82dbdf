"""Task functions: how they are marked, found, told where they run, and run.

Knows no engine. A host hands ``TaskRunner.run`` the core's ``ScheduleTask`` and gets its outcome back.
"""

from enginehouse.tasks.context import ExecutionInfo, TaskContext
from enginehouse.tasks.failures import TaskError
from enginehouse.tasks.handlers import Handler, Tasks, handlers_of, load_tasks, task
from enginehouse.tasks.http_invoke import HttpAccess
from enginehouse.tasks.readers import ItemSource, LocalFiles
from enginehouse.tasks.runner import TaskRunner

__all__ = [
    "ExecutionInfo",
    "Handler",
    "HttpAccess",
    "ItemSource",
    "LocalFiles",
    "TaskContext",
    "TaskError",
    "TaskRunner",
    "Tasks",
    "handlers_of",
    "load_tasks",
    "task",
]
