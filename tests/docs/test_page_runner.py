"""A page that is wrong fails, whatever is wrong with it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

RUNNER = Path(__file__).parent / "page_runner"

WRONG = {
    "an error": "```python\nraise ValueError('boom')\n```",
    "a failed check": "<!-- invisible-code-block: python\nassert 1 == 2\n-->",
    "a name of another page": "```python\nprint(gateway)\n```",
    "other output": "```python\nprint('one')\n```\n\n<!-- prints -->\n```text\ntwo\n```",
    "output of nothing": "<!-- prints -->\n```text\ntwo\n```",
    "an awaited error": "```python\nimport asyncio\nawait asyncio.sleep(0)\nraise ValueError('boom')\n```",
    "a block without an end": "```python\nprint(1)\n",
    "a mark without a block": "<!-- prints -->\nwords",
    "no reason not to run": "<!-- not run -->\n```python\nraise ValueError\n```",
    "a language nobody checks": "```perl\nprint 1\n```",
    "broken toml": "```toml\n[a\n```",
    "broken json": '```json\n{"a": }\n```',
    "a file that is no Python": "<!-- file: a.py -->\n```python\ndef\n```",
    "an unknown program": "```bash\nlitellm-gatewy doctor\n```",
    "an unknown command": "```bash\nlitellm-gateway ask Hello\n```",
    "an unknown option": "```bash\nlitellm-gateway generate --loud Hello\n```",
    "an option without its value": "```bash\nlitellm-gateway generate Hello --model\n```",
    "an unknown command of the module": "```bash\npython -m litellm_gateway ask\n```",
    "an unknown option of the module": "```bash\npython -m litellm_gateway plugins --loud\n```",
    "an unknown package": "```bash\npip install litellm-gateway-provider-nobody\n```",
    "an unknown extra": "```bash\npip install 'litellm-gateway[nobody]'\n```",
    "a path without a package": "```bash\npip install ./core && pip install ./plugins/nobody\n```",
    "a second command that is wrong": "```bash\ngit diff | litellm-gateway generate --loud\n```",
    "a stand-in nobody knows": "<!-- stand-in: nobody -->\n\nwords",
    "a command that fails": "<!-- runs -->\n```bash\ncd nowhere\n```",
}

RIGHT = {
    "names last from block to block": "```python\na = 1\n```\n\n```python\nassert a == 1\n```",
    "await": "```python\nimport asyncio\nawait asyncio.sleep(0)\n```",
    "one event loop for a page": (
        "```python\nimport asyncio\nloop = asyncio.get_running_loop()\nawait asyncio.sleep(0)\n```\n\n"
        "```python\nawait asyncio.sleep(0)\nassert loop is asyncio.get_running_loop()\n```"
    ),
    "asyncio.run": "```python\nimport asyncio\nasyncio.run(asyncio.sleep(0))\n```",
    "a block in a list": "- item\n\n   ```python\n   a = 1\n   ```",
    "a file and its import": "<!-- file: src/some_module.py -->\n```python\na = 1\n```\n\n"
    "<!-- invisible-code-block: python\nimport sys\nsys.path.insert(0, 'src')\nimport some_module\n-->",
    "what a block prints": "```python\nprint('one')\n```\n\n<!-- prints -->\n```text\none\n```",
    "what a command prints": "<!-- runs -->\n```bash\necho one\n```\n\n<!-- prints -->\n```text\none\n```",
    "stand-ins": (
        "".join(f"<!-- stand-in: {name} -->\n" for name in ("openai", "anthropic", "google", "cohere"))
        + "\n```python\nfrom litellm_gateway import create_gateway\nfor name in stand_ins:\n"
        "    with create_gateway(provider=name) as gateway:\n"
        "        whole = gateway.generate('Hi').text\n"
        "        assert whole and whole == ''.join(gateway.generate_stream('Hi'))\n"
        "        stand_ins[name].say(calls=(('look', {'at': 1}),))\n"
        "        assert gateway.generate('Hi', tools=[{'name': 'look'}]).tool_calls[0].parse() == {'at': 1}\n"
        "        assert len(stand_ins[name].requests) == 3\n```"
    ),
    "a reason not to run": "<!-- not run: it never ends -->\n```python\nwhile True: pass\n```",
    "commands": '```bash\nlitellm-gateway generate -m a/b "Hello" < /dev/null\npip install ./core ./plugins/cli\n```',
}


def run(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    page = folder / "page.md"
    page.write_text(f"# Page\n\n{text}\n", encoding="utf-8")
    command = [sys.executable, str(RUNNER), str(page)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG)
def test_a_wrong_page_fails_and_says_where(tmp_path: Path, text: str) -> None:
    """The runner ends with an error that names page and line."""
    done = run(tmp_path, text)

    assert done.returncode != 0
    assert "page.md" in done.stderr


@pytest.mark.parametrize("text", RIGHT.values(), ids=RIGHT)
def test_a_right_page_passes(tmp_path: Path, text: str) -> None:
    """What a page may do, it may do."""
    done = run(tmp_path, text)

    assert done.returncode == 0, done.stderr
