"""A gateway as a process: from its settings to SIGTERM."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

from gateways.edge.config import Settings
from gateways.edge.gateway import AlreadyRunning, Gateway
from gateways.edge.keyring import KeyUnavailable
from gateways.edge.log import configure

# Long polls hold one each, the rest answers short questions.
THREADS = 16


def follow_life_pipe(descriptor: int | None = None) -> None:
    """End this process when the other end of an inherited pipe closes: its parent is gone.

    Args:
        descriptor: The reading end; by default the one named by RIS_LIFE_FD, and without that nothing is followed.
    """
    named = os.environ.get("RIS_LIFE_FD", "")
    descriptor = int(named) if descriptor is None and named else descriptor
    if descriptor is None:
        return

    def watch(readable: int) -> None:
        with contextlib.suppress(OSError):
            while os.read(readable, 1):
                pass
        os._exit(0)

    threading.Thread(target=watch, args=(descriptor,), daemon=True, name="life-pipe").start()


async def _serve(settings: Settings) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(THREADS, thread_name_prefix="line"))
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, ended.set)
    gateway = Gateway(settings)
    try:
        await gateway.start()
    except (OSError, AlreadyRunning, KeyUnavailable) as error:
        print(f"passerelle non démarrée : {_reason(error)}", file=sys.stderr, flush=True)
        os._exit(1)
    await ended.wait()
    await gateway.stop()
    # What is still in a thread is a long poll of a queue: nothing of ours, and not worth its seconds.
    os._exit(0)


def _reason(error: Exception) -> str:
    if isinstance(error, AlreadyRunning):
        return "dossier déjà tenu par une autre passerelle"
    if isinstance(error, KeyUnavailable):
        return f"clé du dossier indisponible (ni credential, ni KMS : {error})"
    return getattr(error, "strerror", None) or type(error).__name__


def run(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT."""
    configure()
    asyncio.run(_serve(settings))
