"""``enginehouse providers``."""

from __future__ import annotations

from enginehouse.cli.options import Engine
from enginehouse.cli.output import write_json, write_table
from enginehouse.cli.session import settings_of
from enginehouse.errors import EnginehouseError
from enginehouse.graph.spans import Span
from enginehouse.registry import Registry


def providers(*, engine: Engine | None = None) -> int:
    """List the engines that can be used, and what each can do.

    A provider whose library is missing is listed with the command that installs it.

    For example:

        enginehouse providers
        enginehouse providers --json
    """
    engine = engine or Engine()
    settings = settings_of(engine)
    registry = Registry(settings.providers, origins=settings.origins)
    found = [_described(registry, name, name == settings.provider) for name in registry.list()]
    if engine.json:
        write_json(found)
        return 0
    rows = [
        (
            Span(str(item["name"]), "name"),
            "default" if item["default"] else "",
            Span("ready", "succeeded") if item["ready"] else Span("not ready", "warning"),
            str(item["can"]) if item["ready"] else str(item["problem"]),
        )
        for item in found
    ]
    write_table(("provider", "", "state", "can also"), rows)
    return 0


def _described(registry: Registry, name: str, default: bool) -> dict[str, object]:
    try:
        provider = registry.get(name)
    except EnginehouseError as error:
        return {"name": name, "default": default, "ready": False, "problem": str(error), "can": ""}
    from enginehouse import abc

    capabilities = {
        "list": abc.ListsWorkflows,
        "watch": abc.WatchesExecutions,
        "task tokens": abc.TakesTaskTokens,
        "update": abc.UpdatesWorkflows,
        "redrive": abc.RedrivesExecutions,
        "definitions": abc.DescribesWorkflows,
        "map runs": abc.DescribesMapRuns,
        "purge": abc.PurgesExecutions,
        "audit": abc.KeepsAudit,
    }
    able = [word for word, protocol in capabilities.items() if isinstance(provider, protocol)]
    return {"name": name, "default": default, "ready": True, "problem": "", "can": ", ".join(able)}
