"""The demo, in three acts that only call the command line, as you would.

``demo.py`` provisions a tenant, or goes on with a demo that was cut off; ``demo.py crash`` kills the engine half-way and
goes on; ``demo.py failure`` is given a broken catalogue and takes everything back.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
WORKFLOW = "tenant-provisioning"
NOT_FOUND = 5


def provision() -> int:
    listed = tool("list", "executions", "--state", "running", "--state", "pending", "--json")
    items = json.loads(listed)["items"] if listed else []
    names = [item["execution_id"].partition(":")[2] for item in items]
    unfinished = [name for name in names if name.startswith("demo-")]
    if unfinished:
        say(f"{unfinished[0]} was cut off, and goes on: what is done is not done again")
    name = unfinished[0] if unfinished else new_name("demo")
    status = follow(name)
    if status in (0, 1):
        look_around(name)
    else:
        say(f"{name} is not finished; the same command goes on with it")
    return status


def crash() -> int:
    name = new_name("crash")
    engine = subprocess.Popen(command(*run(name)), cwd=HERE)
    while engine.poll() is None and not any(event["type"] == "WaitStateEntered" for event in history(name)):
        time.sleep(0.1)
    engine.kill()
    if engine.wait() != -signal.SIGKILL:
        return engine.returncode
    kept = history(name)
    say(f"kill -9 hit the engine. The store holds {len(kept)} events. The same command goes on:")
    status = follow(name)
    if history(name)[: len(kept)] != kept:
        say("the history from before the kill is not what it was: this is a fault of enginehouse")
        return 1
    say(
        f"the {len(kept)} events from before the kill are the first of {len(history(name))}: nothing lost, nothing doubled"
    )
    look_around(name)
    return status


def failure() -> int:
    name = new_name("failure")
    if subprocess.run(command(*run(name, "broken-input.json")), cwd=HERE, check=False).returncode != 1:
        return 1
    say("it failed as it should: a price in the catalogue is no number. The folder, database and service are gone")
    look_around(name)
    return 0


def follow(name: str) -> int:
    """Run to the end, and say where the tenant's service is."""
    process = subprocess.Popen(command(*run(name)), cwd=HERE, stdout=subprocess.PIPE, text=True)
    output, _ = process.communicate()
    if process.returncode == 0:
        tenant = json.loads(output)
        say(
            f"{tenant['tenant']} sells {tenant['plans']} plans at {tenant['url']} until two minutes pass without a visit"
        )
    return process.returncode


def look_around(name: str) -> None:
    tools, here = os.path.relpath(Path(sys.executable).parent), os.path.relpath(HERE)
    provider = os.environ.get("ENGINEHOUSE_PROVIDER")
    there = f"; export ENGINEHOUSE_PROVIDER={provider}" if provider else ""
    say(
        f"look around:\n    PATH=$PWD/{tools}:$PATH; cd {here}{there}"
        f"\n    enginehouse history {WORKFLOW}:{name}"
        f"\n    enginehouse graph {WORKFLOW} --execution {WORKFLOW}:{name} --output demo.svg"
        f"\n    enginehouse list executions"
    )


def history(name: str) -> list[dict]:
    return [json.loads(line) for line in tool("history", f"{WORKFLOW}:{name}", "--json").splitlines()]


def run(name: str, input: str = "input.json") -> list[str]:
    return ["run", f"{WORKFLOW}.yaml", "--input", f"@{input}", "--name", name]


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "enginehouse.cli", *words]


def tool(*words: str) -> str:
    done = subprocess.run(command(*words), cwd=HERE, capture_output=True, text=True, check=False)
    nothing_yet = done.returncode == NOT_FOUND or words[0] == "history"
    return done.stdout if done.returncode == 0 or nothing_yet else sys.exit(done.stderr)


def new_name(act: str) -> str:
    return time.strftime(f"{act}-%Y%m%d-%H%M%S")


def say(text: str) -> None:
    print(f"\n>>> {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C is for the command that runs; it ends cleanly by itself
    acts = {"provision": provision, "crash": crash, "failure": failure}
    sys.exit(acts[sys.argv[1] if len(sys.argv) > 1 else "provision"]())
