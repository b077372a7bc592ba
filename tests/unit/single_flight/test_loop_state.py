from __future__ import annotations

import asyncio
import gc
import threading
import weakref

from litellm_gateway.loop_state import LoopLocal


class Thing:
    pass


def test_each_loop_has_its_own_value() -> None:
    """The same within a loop, another in the next and in another thread's."""
    things = LoopLocal(Thing)
    seen: list[Thing] = []

    async def look() -> None:
        first = things.here()
        await asyncio.sleep(0)
        assert things.here() is first
        seen.append(first)

    asyncio.run(look())
    asyncio.run(look())
    thread = threading.Thread(target=lambda: asyncio.run(look()))
    thread.start()
    thread.join()

    assert len({id(thing) for thing in seen}) == 3


def test_values_go_with_their_loops() -> None:
    """Nothing is held of a loop that is gone."""
    things = LoopLocal(Thing)
    seen: list[weakref.ref[Thing]] = []

    async def look() -> None:
        seen.append(weakref.ref(things.here()))

    for _ in range(5):
        asyncio.run(look())
    gc.collect()

    assert [reference() for reference in seen] == [None] * 5


def test_a_closed_loop_held_by_its_own_value_is_let_go() -> None:
    """A value that holds its loop, as a pending task does, is dropped when another loop comes."""
    things: LoopLocal[list[object]] = LoopLocal(list)
    seen: list[weakref.ref[asyncio.AbstractEventLoop]] = []

    async def look() -> None:
        loop = asyncio.get_running_loop()
        things.here().append(loop)
        seen.append(weakref.ref(loop))

    for _ in range(5):
        asyncio.run(look())
    gc.collect()

    assert [reference() is None for reference in seen] == [True, True, True, True, False]
