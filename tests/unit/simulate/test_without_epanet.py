"""Where EPANET has no wheel: it is built, or left out with a sentence, and all else works."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
INSTALL = ROOT / "deploy" / "install-locked"
LOCK = """\
amqtt==0.11.3 \\
    --hash=sha256:aa
owa-epanet==2.3.5 \\
    --hash=sha256:bb \\
    --hash=sha256:cc
rich==15.0.0 \\
    --hash=sha256:dd
"""
#: Stands in for the environment's Python: notes what pip is asked for, and refuses what the test says.
PYTHON = """\
#!/bin/sh
case "$*" in
  *sysconfig*) echo "$HERE/include"; exit ;;
esac
echo "$* PATH=$PATH" >> "$HERE/asked"
for last; do :; done
[ ! -f "$last" ] || cat "$last" >> "$HERE/asked"
case "$*" in
  *--only-binary*) exit "$NO_WHEEL" ;;
  *--no-binary*) echo "a compiler's complaint"; exit "$NO_BUILD" ;;
esac
"""


class Machine:
    """A folder with an environment, a lock file, and as much of a system as the script needs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "tools").mkdir()
        for tool in ("sh", "sed", "mktemp", "rm", "tail", "cat"):
            (folder / "tools" / tool).symlink_to(shutil.which(tool))
        (folder / "venv").mkdir()
        self.program("venv/python", PYTHON)
        (folder / "demo.lock").write_text(LOCK)

    def program(self, name: str, text: str = "#!/bin/sh\n") -> None:
        (self.folder / name).write_text(text)
        (self.folder / name).chmod(0o755)

    def compilers(self) -> None:
        self.program("tools/gcc")
        self.program("tools/g++")
        (self.folder / "include").mkdir()
        (self.folder / "include" / "Python.h").touch()

    def install(self, *, wheel: bool, builds: bool = True) -> str:
        environ = {"PATH": str(self.folder / "tools"), "HERE": str(self.folder), "BIN": "venv", "TMPDIR": "/tmp"}  # noqa: S108 - as a shell has it
        environ |= {"NO_WHEEL": str(int(not wheel)), "NO_BUILD": str(int(not builds))}
        done = subprocess.run(
            [INSTALL, "demo.lock"], cwd=self.folder, env=environ, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stderr

    @property
    def asked(self) -> list[str]:
        return (self.folder / "asked").read_text().splitlines()


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def test_a_wheel_is_taken_and_nothing_is_built(machine):
    assert machine.install(wheel=True) == ""
    assert not any("--no-binary" in line or "swig" in line for line in machine.asked)
    assert [line for line in machine.asked if "==" in line] == [
        "owa-epanet==2.3.5 \\", "amqtt==0.11.3 \\", "rich==15.0.0 \\"
    ]  # fmt: skip


def test_without_a_wheel_it_is_built_from_its_locked_source_with_an_absolute_path(machine):
    machine.compilers()
    assert machine.install(wheel=False) == ""
    (built,) = [line for line in machine.asked if "--no-binary" in line]
    assert "--require-hashes" in built
    assert f"PATH={machine.folder}/venv:" in built
    assert machine.asked.count("    --hash=sha256:cc") == 2  # the wheel was asked for with its hashes as well


def test_missing_compilers_are_named_and_the_rest_is_installed(machine):
    told = machine.install(wheel=False)
    assert len(told.splitlines()) == 1
    assert "to build it takes: apt-get install gcc g++ python3-dev. All else works; " in told
    assert machine.asked[-1] == "    --hash=sha256:dd"


def test_only_what_is_missing_is_named(machine):
    machine.compilers()
    (machine.folder / "tools/g++").unlink()
    assert "to build it takes: apt-get install g++. " in machine.install(wheel=False)


def test_a_build_that_fails_shows_why_and_the_rest_is_installed(machine):
    machine.compilers()
    told = machine.install(wheel=False, builds=False).splitlines()
    assert told[0] == "a compiler's complaint"
    assert told[-1].startswith("EPANET is left out: it could not be built, as said above.")
    assert machine.asked[-1] == "    --hash=sha256:dd"


@pytest.mark.parametrize("lock", ["gateway", "demo", "dev"])
def test_nothing_of_a_lock_file_is_lost_between_its_two_parts(machine, lock):
    text = (ROOT / "requirements" / f"{lock}.lock").read_text()
    (machine.folder / "demo.lock").write_text(text)
    machine.install(wheel=True)
    installed = [line for line in machine.asked if "pip" not in line.split()[:3]]
    assert sorted(installed) == sorted(text.splitlines())


def without_epanet(*arguments):
    script = (
        f"import sys; sys.modules['epanet'] = None; from edge_agent.cli.main import main; sys.exit(main({arguments}))"
    )
    environ = {name: value for name, value in os.environ.items() if not name.startswith("EDGE_AGENT_")}
    return subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize(
    "command",
    [
        ("demo", "--plain", "--duration", "1"),
        ("simulate", "--network", "config/riverside.inp", "--duration", "1"),
        ("simulate", "--network", "config/riverside.inp", "--scaffold"),
    ],
)
def test_what_needs_it_says_in_a_sentence_how_to_get_it(command):
    done = without_epanet(*command)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("EPANET is missing: ")
    assert "apt-get install gcc g++ python3-dev" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_does_not_need_it_works():
    assert without_epanet("check").returncode == 0
