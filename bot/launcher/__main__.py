"""The launcher: ``python -m bot.launcher build|run|stop``."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import errno
import fcntl
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import ValidationError

from bot.launcher.processes import processes_of
from bot.launcher.secrets import staff_passwords
from bot.launcher.steps import Builder, prepare_settings
from bot.launcher.supervisor import Supervisor, is_taken
from bot.launcher.wechat_demo import demo_environment, publish_menu
from bot.launcher.words import LauncherError, fail, say
from core.settings import Settings


class AlreadyRunning(LauncherError):
    """Another launcher holds the lock."""


@contextmanager
def single_launcher(settings: Settings) -> Iterator[None]:
    """Holds the lock of this ``var`` folder. Raises AlreadyRunning."""
    path = settings.var_dir / "launcher.pid"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise AlreadyRunning("the system is running already") from error
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
        yield
        handle.truncate(0)


def build(settings: Settings, secrets: dict[str, str], only: str | None) -> None:
    """Builds what is due."""
    Builder(settings, secrets).build(only)


async def serve(settings: Settings, secrets: dict[str, str], begun: float) -> None:
    """Runs until a signal comes."""
    builder = Builder(settings, secrets)
    logs = settings.var_dir / "logs"
    environment = builder.environment() | demo_environment(settings)
    supervisor = Supervisor(processes_of(settings), environment, logs)
    supervisor.check_ports()
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stopped.set)
    say("• Starting")
    starting = asyncio.create_task(supervisor.start())
    waiting = asyncio.create_task(stopped.wait())
    try:
        await asyncio.wait({starting, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            if settings.wechat_demo == "on":
                await asyncio.to_thread(publish_menu, environment, logs / "wechat.log")
            announce(settings, secrets, supervisor, time.monotonic() - begun)
            await waiting
    finally:
        starting.cancel()
        with contextlib.suppress(asyncio.CancelledError, LauncherError):
            await starting
        say("• Stopping")
        await supervisor.stop()
        say("  all processes ended")


def announce(
    settings: Settings, secrets: dict[str, str], supervisor: Supervisor, seconds: float
) -> None:
    """Prints the URLs, the demo logins and what the system uses."""
    base = f"http://localhost:{settings.app_port}"
    memory = supervisor.memory()
    parts = ", ".join(f"{name} {used / 2**20:.0f}" for name, used in memory.items())
    say("")
    say(
        f"畅答 is ready after {seconds:.0f} s; resident {sum(memory.values()) / 2**20:.0f} MB ({parts})"
    )
    say("")
    say(f"  Customer chat   {base}/            demo phones 13800000001…5, SMS code 246810")
    say(f"  Agent desk      {base}/desk")
    say(f"  Supervisors     {base}/ops")
    say(f"  Knowledge       {base}/knowledge")
    say(f"  API             {base}/docs")
    if settings.wechat_demo == "on":
        say(f"  WeChat demo     http://localhost:{settings.wechat_demo_port}/")
    say("")
    for name, password in staff_passwords(secrets).items():
        say(f"  {name:<14}{password}")
    say("")
    say(f"Logs: {settings.var_dir / 'logs'}. Ctrl-C stops everything.")


def stop(settings: Settings) -> int:
    """Stops the launcher of this ``var`` folder and waits for it."""
    path = settings.var_dir / "launcher.pid"
    with contextlib.suppress(AlreadyRunning), single_launcher(settings):
        say("nothing is running")
        return 0
    pid = int(path.read_text().strip() or 0)
    os.kill(pid, signal.SIGTERM)
    for _ in range(150):
        with contextlib.suppress(AlreadyRunning), single_launcher(settings):
            say("stopped")
            return 0
        time.sleep(0.1)
    return fail(f"process {pid} does not stop")


def _explain(error: OSError) -> str:
    if error.errno == errno.ENOSPC:
        return "the disk is full: free some space and run the command again"
    return str(error)


def run(options: argparse.Namespace) -> int:
    """Does what the command line asks; the exit status."""
    begun = time.monotonic()
    try:
        settings, secrets = prepare_settings()
        if options.command == "stop":
            return stop(settings)
        if options.command == "build" and options.only:
            build(settings, secrets, options.only)
            return 0
        with single_launcher(settings) if options.command == "run" else contextlib.nullcontext():
            build(settings, secrets, None)
            if options.command == "run":
                asyncio.run(serve(settings, secrets, begun))
    except AlreadyRunning:
        say(
            f"畅答 is running already: http://localhost:{Settings().app_port}/  (make stop ends it)"
        )
        if Settings().wechat_demo == "on" and not is_taken(Settings().wechat_demo_port):
            return fail("it runs without the WeChat demo: make stop, then make demo-wechat")
    except ValidationError as error:
        return fail(f"a setting is wrong:\n{error}")
    except LauncherError as error:
        return fail(str(error))
    except OSError as error:
        return fail(_explain(error))
    except KeyboardInterrupt:
        say("stopped before it was ready; the next run goes on from here")
        return 130
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="changda", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    building = commands.add_parser("build", help="build what is missing")
    building.add_argument("--only", choices=("encoder", "phrasings", "database", "seed", "train"))
    commands.add_parser("run", help="build, start and watch")
    commands.add_parser("stop", help="stop a running system")
    return run(parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
