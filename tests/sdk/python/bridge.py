"""Lets one test speak for both clients of an SDK: `AsyncOpenAI` behind the calls of `OpenAI`.

Each coroutine runs to its end on one event loop, asynchronous iterators become plain ones, and
asynchronous context managers plain ones. Nothing of the SDK is replaced.
"""

import inspect

# Of the SDK's classes, those with methods that are coroutines.
ASYNCHRONOUS = ("openai.resources", "openai._response")


class Bridge:
    def __init__(self, target, loop):
        self._target = target
        self._loop = loop

    def __getattr__(self, name):
        value = getattr(self._target, name)
        if callable(value):
            return lambda *args, **kwargs: self._settle(value(*args, **kwargs))
        return self._settle(value)

    def __iter__(self):
        iterator = self._target.__aiter__()
        while True:
            try:
                item = self._loop.run_until_complete(iterator.__anext__())
            except StopAsyncIteration:
                return
            yield self._settle(item)

    def __enter__(self):
        return self._settle(self._target.__aenter__())

    def __exit__(self, *raised):
        return self._loop.run_until_complete(self._target.__aexit__(*raised))

    def _settle(self, value):
        if inspect.isawaitable(value):
            value = self._loop.run_until_complete(_awaited(value))
        asynchronous = hasattr(value, "__aiter__") or hasattr(value, "__aenter__")
        if asynchronous or type(value).__module__.startswith(ASYNCHRONOUS):
            return Bridge(value, self._loop)
        return value


async def _awaited(value):
    return await value
