"""Rooms stay small, stand on their floor, and keep nothing to themselves between gateways."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

LARGEST = 320
PER_PROCESS = {
    "core/src/litellm_gateway/blocking.py": {"_current"},
    "core/src/litellm_gateway/hookspecs.py": {"hookimpl", "hookspec"},
}
PUBLIC = {
    "answer_builder", "batch_errors", "batch_records", "config", "contracts", "dialect_batches", "dialects",
    "discovery", "doctor", "error_statuses", "errors", "framing", "gateway", "hookspecs", "json_codec", "messages",
    "model_catalog", "requests", "responses", "retry_after", "scaffolding", "secrets", "telemetry", "testing", "wire",
    "wire_shapes",
    # for command lines
    "__main__",
    # for limit stores and shared states
    "limit_store", "shared_state",
    # for transports
    "addressing", "bounded_wait", "known_heads", "network", "open_response", "per_loop",
}  # fmt: skip
"""Rooms of the core that plugins may import from."""
CHANGERS = {"append", "add", "clear", "discard", "extend", "insert", "pop", "popitem", "remove", "setdefault", "update"}
FORBIDDEN_MODULES = {"pickle", "marshal", "shelve", "dill", "cloudpickle"}
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__"}
FORBIDDEN_ATTRIBUTES = {"splitlines", "iter_lines", "aiter_lines"}


def test_no_room_outgrows_its_walls(tree) -> None:
    """No module that ships has more lines than the hard limit."""
    sizes = {path: tree.text(path).count("\n") for path in tree.sources()}

    too_large = {path: size for path, size in sizes.items() if size > LARGEST}

    assert len(sizes) > 50
    assert too_large == {}


def test_every_room_says_what_it_does(tree) -> None:
    """The top of each module that ships holds one to three sentences, or a short page for a tree of names."""
    silent = [path for path, module in tree.sources().items() if not ast.get_docstring(module)]

    assert silent == []


def test_the_floors_hold(tree) -> None:
    """Import contracts: a room imports only from lower floors, and one room each is the door to a library."""
    program = shutil.which("lint-imports", path=str(Path(sys.executable).parent))
    assert program, "import-linter belongs to the development group"

    done = subprocess.run(
        [program, "--no-cache"], cwd=tree.root, capture_output=True, text=True, check=False, timeout=120
    )

    assert done.returncode == 0, done.stdout[-4000:]


def test_plugins_use_public_rooms_only(tree) -> None:
    """What is not listed here may change without a word to plugin authors."""
    strangers = {
        f"{plugin}: {name}"
        for plugin, names in _used_by_plugins(tree).items()
        for name in names
        if name.startswith("litellm_gateway.") and name.split(".")[1] not in PUBLIC
    }

    assert strangers == set()


def test_plugins_know_nothing_of_each_other(tree) -> None:
    """A plugin imports itself, core, and the libraries its project names: dialects, and clients of servers."""
    for plugin, names in _used_by_plugins(tree).items():
        dependencies = tree.toml(f"plugins/{plugin}/pyproject.toml")["project"]["dependencies"]
        allowed = {
            each.partition(">")[0].replace("-", "_")
            for each in dependencies
            if each.startswith(("litellm-gateway-dialect-", "litellm-gateway-client-"))
        } | {f"litellm_gateway_{plugin.replace('-', '_')}", "litellm_gateway"}

        packages = {name.partition(".")[0] for name in names if name.startswith("litellm_gateway")}
        assert packages <= allowed, plugin


def test_core_knows_no_plugin(tree) -> None:
    """Not even by name: plugins are found, never imported."""
    users = [
        path
        for path, module in tree.sources().items()
        if path.startswith("core/") and any(name.startswith("litellm_gateway_") for name in _modules_named(module))
    ]

    assert users == []


def test_no_room_keeps_state_of_its_own(tree) -> None:
    """What a gateway knows lives in the gateway: modules hold constants, types and functions."""
    found = {path: names for path, module in tree.sources().items() if (names := _stateful_names(module))}

    assert found == PER_PROCESS


def test_constants_stay_constant(tree) -> None:
    """No code changes a module's own constant."""
    changed = [f"{path}: {name}" for path, module in tree.sources().items() for name in _changed_constants(module)]

    assert changed == []


def test_nothing_unpickles(tree) -> None:
    """No code imports a serialiser that can run code, but the suites that look for such."""
    users = [path for path, module in tree.sources().items() if _imported(module) & FORBIDDEN_MODULES]

    assert [path for path in users if "/litellm_gateway/testing/" not in path] == []


def test_nothing_runs_text_or_splits_lines_by_guess(tree) -> None:
    """No ``eval``, no ``splitlines`` (it breaks at U+2028), no wall clock where durations are measured."""
    found = [
        f"{path}:{node.lineno} {name}"
        for path, module in tree.sources().items()
        for node in ast.walk(module)
        if isinstance(node, ast.Call) and (name := _forbidden(node.func))
    ]

    assert found == []


def _stateful_names(module: ast.Module) -> set[str]:
    names = {name for node in ast.walk(module) if isinstance(node, ast.Global) for name in node.names}
    for node in module.body:
        value = getattr(node, "value", None)
        if not isinstance(node, ast.Assign | ast.AnnAssign) or not _may_change(value):
            continue
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        names |= {target.id for target in targets if isinstance(target, ast.Name) and _is_variable(target.id)}
    names |= {node.name for node in module.body if _remembers_without_end(node)}
    return names


def _may_change(value: ast.expr | None) -> bool:
    if isinstance(value, ast.Call):
        return not (isinstance(value.func, ast.Name) and value.func.id in {"TypeVar", "ParamSpec", "NewType"})
    return isinstance(value, ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp)


def _is_variable(name: str) -> bool:
    return not name.startswith("__") and name != name.upper()


def _remembers_without_end(node: ast.stmt) -> bool:
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    has_arguments = bool(node.args.args or node.args.kwonlyargs)  # without any, there is one answer to remember
    marks = {ast.unparse(mark) for mark in node.decorator_list}
    return has_arguments and bool(marks & {"cache", "functools.cache", "lru_cache(maxsize=None)"})


def _changed_constants(module: ast.Module) -> set[str]:
    """Name the constants that code inside functions changes; building them up at the top is fine."""
    constants = {
        target.id
        for node in module.body
        if isinstance(node, ast.Assign | ast.AnnAssign) and _may_change(node.value)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name) and not _is_variable(target.id)
    }
    changed = set()
    functions = [node for node in ast.walk(module) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    for node in (inner for function in functions for inner in ast.walk(function)):
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
            changed.add(ast.unparse(node.value))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CHANGERS:
            changed.add(ast.unparse(node.func.value))
    return constants & changed


def _modules_named(module: ast.Module) -> set[str]:
    """Name every module imported anywhere, those of ``from package import module`` included."""
    names = set()
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == "litellm_gateway":
            rooms = {f"litellm_gateway.{alias.name}" for alias in node.names}
            names |= {"litellm_gateway"} | {room for room in rooms if find_spec(room)}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


def _imported(module: ast.Module) -> set[str]:
    return {name.partition(".")[0] for name in _modules_named(module)}


def _used_by_plugins(tree) -> dict[str, set[str]]:
    used: dict[str, set[str]] = {plugin: set() for plugin in tree.plugins()}
    for path, module in tree.sources().items():
        if path.startswith("plugins/"):
            used[path.split("/")[1]] |= _modules_named(module)
    return used


def _forbidden(function: ast.expr) -> str | None:
    if isinstance(function, ast.Name) and function.id in FORBIDDEN_CALLS:
        return function.id
    if isinstance(function, ast.Attribute) and function.attr in FORBIDDEN_ATTRIBUTES:
        return function.attr
    return "time.time" if ast.unparse(function) == "time.time" else None
