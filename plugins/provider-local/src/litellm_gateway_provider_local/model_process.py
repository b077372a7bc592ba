"""The model server's own process: load the model, serve it on loopback, end when the parent does.

Started as a script with nothing of the gateway imported. It reads its options as one line of JSON from
stdin, answers with one line on stdout, and lives until stdin closes. Native code that crashes, spins or exits
does so here, away from the application.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
import time
from importlib import import_module
from typing import Any

_LOG_SHOWN = 4096


def main() -> None:
    """Serve until the parent is gone."""
    answers = os.fdopen(os.dup(1), "w")
    log = tempfile.TemporaryFile()  # noqa: SIM115 - lives until the model is loaded
    os.dup2(log.fileno(), 1)
    os.dup2(log.fileno(), 2)
    options = json.loads(sys.stdin.buffer.readline())
    parent = os.getppid()
    try:
        server = _serve(options)
    except Exception as error:
        answers.write(json.dumps({"error": _reason(error, log)}) + "\n")
        answers.flush()
        os._exit(1)
    _silence()
    log.close()
    answers.write(json.dumps({"address": server.listening_address}) + "\n")
    answers.close()
    threading.Thread(target=_leave_with_parent, args=(parent,), daemon=True).start()
    sys.stdin.buffer.read()  # blocks until the parent closes its end or dies
    os._exit(0)


def _serve(options: dict[str, Any]) -> Any:
    sys.path[:] = options["import_path"]
    xllamacpp: Any = import_module("xllamacpp")
    params = xllamacpp.CommonParams()
    params.model.path = options["model_path"]
    params.model_alias = {options["model_name"]}
    params.api_keys = [options["api_key"]]
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.n_parallel = options["parallel"]
    params.n_ctx = options["context_tokens"] * options["parallel"]
    # One cache for all slots, each held to its share. With a cache per slot the server cuts a batch of several
    # texts into pieces and takes the mean of a text's last piece only: a wrong vector.
    params.kv_unified = True
    params.kv_unified_per_slot = options["context_tokens"]
    params.n_predict = options["max_tokens"]
    params.embedding = True
    params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    params.n_batch = params.n_ubatch = options["embedding_tokens"]  # a text is embedded in one batch
    for cpu in (params.cpuparams, params.cpuparams_batch):
        cpu.n_threads = options["threads"]
        cpu.poll = 0  # waiting threads sleep; spinning ones starve a busy machine
    params.cache_ram_mib = 0  # prompts of finished conversations are not kept
    params.fit_params = False
    params.ui = False
    params.endpoint_slots = False
    params.verbosity = 1  # errors only
    if options["seed"] is not None:
        params.sampling.seed = options["seed"]
    return xllamacpp.Server(params)


def _reason(error: Exception, log: Any) -> str:
    """Give the first error the native code wrote, without its time stamp; else the exception itself."""
    log.seek(0)
    for line in log.read(_LOG_SHOWN).decode("utf-8", "replace").split("\n"):
        _, mark, text = line.partition(" E ")
        if mark:
            return str(text).strip()
    return f"{type(error).__name__}: {error}"


def _silence() -> None:
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.dup2(nothing, 2)
    os.close(nothing)


def _leave_with_parent(parent: int) -> None:
    """Watch the parent itself as well: a forked child of it may hold its end of stdin open."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(0)


if __name__ == "__main__":
    main()
