"""A provider's session is opened once, on one loop, and what goes wrong in it is told in the contract's words."""

from __future__ import annotations

import asyncio

import pytest

from enginehouse import EnginehouseError, ExecutionNotFoundError, ProviderError, ProviderUnavailableError
from enginehouse.opening import Opening


class Made:
    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.closed = 0

    async def close(self) -> None:
        self.closed += 1


class Maker:
    def __init__(self, *faults: Exception) -> None:
        self.made: list[Made] = []
        self._faults = list(faults)

    async def __call__(self) -> Made:
        await asyncio.sleep(0)
        if self._faults:
            raise self._faults.pop()
        self.made.append(Made())
        return self.made[-1]


def translated(error: Exception) -> EnginehouseError | None:
    return ProviderUnavailableError("the engine is away") if isinstance(error, OSError) else None


async def test_callers_at_the_same_time_open_it_once() -> None:
    opening = Opening("engine", maker := Maker(), translated)
    first, *others = await asyncio.gather(*(opening.session() for _ in range(5)))
    assert all(other is first for other in others)
    assert maker.made == [first]


async def test_it_is_opened_anew_after_it_was_closed_and_closed_once() -> None:
    opening = Opening("engine", maker := Maker(), translated)
    first = await opening.session()
    await opening.close()
    await opening.close()
    assert (first.closed, await opening.session() is first, len(maker.made)) == (1, False, 2)


async def test_what_could_not_be_opened_is_tried_again_by_the_next_caller() -> None:
    opening = Opening("engine", Maker(OSError("away")), translated)
    with pytest.raises(ProviderUnavailableError) as caught:
        async with opening.asked("start_execution", workflow_id="w"):
            pass
    assert isinstance(caught.value.__cause__, OSError)
    assert (caught.value.operation, caught.value.workflow_id) == ("start_execution", "w")
    await opening.session()


async def test_another_loop_is_refused_while_the_first_one_lives_and_opens_anew_when_it_is_gone() -> None:
    opening = Opening("engine", maker := Maker(), translated)

    def elsewhere() -> Made | str:
        async def ask() -> Made | str:
            try:
                return await opening.session()
            except ProviderError as error:
                return str(error)

        return asyncio.run(ask())

    assert await asyncio.to_thread(elsewhere) is maker.made[0]
    assert await opening.session() is not maker.made[0]
    assert "another event loop" in str(await asyncio.to_thread(elsewhere))


async def test_callers_at_the_same_time_open_it_on_one_loop_after_the_other() -> None:
    opening = Opening("engine", maker := Maker(), translated)

    async def ask() -> None:
        await asyncio.gather(*(opening.session() for _ in range(3)))
        await opening.close()

    for _ in range(2):
        await asyncio.to_thread(asyncio.run, ask())
    assert [made.closed for made in maker.made] == [1, 1]


async def test_another_loop_is_refused_while_the_first_one_opens_it() -> None:
    opening = Opening("engine", maker := Maker(), translated)
    caller = asyncio.create_task(opening.session())
    await asyncio.sleep(0)  # it has begun to open
    with pytest.raises(ProviderError, match="another event loop"):
        await asyncio.to_thread(asyncio.run, opening.session())
    assert maker.made == [await caller]


async def test_what_is_being_opened_is_closed_too() -> None:
    opening = Opening("engine", maker := Maker(), translated)
    caller = asyncio.create_task(opening.session())
    await asyncio.sleep(0)  # it has begun to open
    await opening.close()
    assert [made.closed for made in maker.made] == [1]
    await caller


async def test_an_error_learns_what_was_asked_and_keeps_whom_it_names_itself() -> None:
    opening = Opening("engine", Maker(), translated)
    with pytest.raises(ExecutionNotFoundError) as caught:
        async with opening.asked("stop_execution", workflow_id="w", execution_id="e"):
            raise ExecutionNotFoundError("no such execution", execution_id="another")
    told = caught.value
    assert (told.operation, told.provider, told.workflow_id) == ("stop_execution", "engine", "w")
    assert told.execution_id == "another"


@pytest.mark.parametrize("error", [KeyError("ours"), asyncio.CancelledError()])
async def test_what_is_not_the_engine_s_passes_as_it_is(error: BaseException) -> None:
    opening = Opening("engine", Maker(), translated)
    with pytest.raises(type(error)) as caught:
        async with opening.asked("stop_execution"):
            raise error
    assert caught.value is error
