"""``python tests/docs/page_runner PAGE``: run or check every block of one page, in a folder of its own.

It is a process of its own for each page, so that a page works for whoever reads only this page.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import stand_ins
from pages import Block, Page, PageError, read_page
from python_blocks import Session
from shell_blocks import Workspace, check

ROOT = Path(__file__).parents[3]
SHELLS = frozenset({"bash", "sh", "console"})
DATA = {"toml": tomllib.loads, "json": json.loads}
PROSE = frozenset({"text", ""})


class PageRun:
    """One run through one page."""

    def __init__(self, page: Page) -> None:
        unknown = set(page.stand_ins) - set(stand_ins.VARIABLES)
        if unknown:
            raise PageError(f"{page.path}: there is no stand-in for {', '.join(unknown)}")
        servers = {name: stand_ins.start(name) for name in page.stand_ins}
        self._page = page
        self._workspace = Workspace(ROOT)
        self._session = Session(page.path, {"stand_ins": servers})
        self._printed: str | None = None

    def all_blocks(self) -> None:
        """Run or check every block in order."""
        for block in self._page.blocks:
            try:
                self._one(block)
            except PageError as error:
                raise PageError(f"{self._page.path}:{block.line}: {error}") from error
        self._session.close()

    def _one(self, block: Block) -> None:
        if block.mark == "not run":
            if not block.value:
                raise PageError("'not run' needs a reason")
            print(f"not run: {self._page.path.name}:{block.line}: {block.value}", file=sys.stderr)
        elif block.mark == "file":
            self._write(block)
        elif block.mark == "prints":
            self._compare(block)
        elif block.language == "python":
            self._session.run(block)
            self._printed = self._session.printed
        elif block.language in SHELLS:
            self._shell(block)
        elif block.language in DATA:
            self._read(block)
        elif block.language not in PROSE:
            raise PageError(f"nobody checks blocks of '{block.language}'")

    def _read(self, block: Block) -> None:
        try:
            DATA[block.language](block.text)
        except ValueError as error:
            raise PageError(f"this is no {block.language}: {error}") from error

    def _shell(self, block: Block) -> None:
        check(block.text, self._workspace)
        if block.mark != "runs":
            return
        done = subprocess.run(["sh", "-ec", block.text], capture_output=True, text=True, check=False)
        self._printed = done.stdout
        if done.returncode:
            raise PageError(f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}")

    def _compare(self, block: Block) -> None:
        if self._printed is None:
            raise PageError("'prints' has no block before it")
        if _lines(self._printed) != _lines(block.text):
            raise PageError(f"the page shows\n{block.text}\nbut the block before it prints\n{self._printed}")

    def _write(self, block: Block) -> None:
        """Write a file of the page; a ``pyproject.toml`` counts as installed from then on."""
        path = Path(block.value)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text, encoding="utf-8")
        if path.suffix == ".py":
            compile(block.text, str(self._page.path), "exec")
        if path.name == "pyproject.toml":
            _announce(path)
        importlib.invalidate_caches()


def _announce(pyproject: Path) -> None:
    """Lay beside the sources what an editable installation would leave: name, version, entry points."""
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    source = pyproject.parent / "src"
    folder = source / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    folder.mkdir(parents=True, exist_ok=True)
    metadata = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    (folder / "METADATA").write_text(metadata, encoding="utf-8")
    points = project.get("entry-points", {})
    lines = [f"[{group}]\n" + "".join(f"{name} = {target}\n" for name, target in named.items())
             for group, named in points.items()]  # fmt: skip
    (folder / "entry_points.txt").write_text("\n".join(lines), encoding="utf-8")
    sys.path.insert(0, str(source.absolute()))
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(source.absolute()), os.environ.get("PYTHONPATH"))))


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip().split("\n")]


def main() -> None:
    """Run the page named on the command line."""
    PageRun(read_page(Path(sys.argv[1]).absolute())).all_blocks()


if __name__ == "__main__":
    main()
