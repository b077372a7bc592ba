"""Run the Python blocks of one page one after another, in one namespace, as its reader would."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import inspect
import io
import sys
import types
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from pages import Block


class Session:
    """The namespace of one page and the event loop its ``await`` lines share.

    Attributes:
        printed: What the last block wrote to standard output.
    """

    def __init__(self, page: Path, names: dict[str, Any]) -> None:
        self._page = page
        self._module = types.ModuleType("__main__")
        self._module.__dict__.update(names, __file__=str(page))
        self._runner = asyncio.Runner()
        self.printed = ""
        sys.modules["__main__"] = self._module  # classes of a page live where a script's would

    def run(self, block: Block) -> None:
        """Run one block; a line that awaits runs in the page's event loop, as in a notebook."""
        tree = ast.parse(block.text, str(self._page))
        ast.increment_lineno(tree, block.line - 1)
        code = compile(tree, str(self._page), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        heard = io.StringIO()
        try:
            with contextlib.redirect_stdout(heard):
                if code.co_flags & inspect.CO_COROUTINE:
                    self._runner.run(self._awaited(code))
                else:
                    exec(code, self._module.__dict__)
        finally:
            self.printed = heard.getvalue()
            sys.stdout.write(self.printed)

    async def _awaited(self, code: types.CodeType) -> None:
        await types.FunctionType(code, self._module.__dict__)()

    def close(self) -> None:
        """End the event loop."""
        self._runner.close()
