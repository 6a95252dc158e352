"""A SLURM of one node on this machine, in a folder of its own, while it is used.

`python -m tests.cluster.start_slurm FOLDER` starts one and keeps it until Ctrl-C; its
commands find it by `export SLURM_CONF=FOLDER/slurm.conf`.
"""

import getpass
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

_PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "srun")
_SBIN = ("/usr/sbin", "/usr/local/sbin")  # not on every user's PATH
_SECONDS = 30.0  # until the node takes jobs

# Two partitions on one node: what comes to `urgent` preempts what runs in `patient`,
# which is queued again. No accounting, as on many a small cluster.
_CONF = """\
ClusterName=crossemo
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ctld}
SlurmdPort={slurmd}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
MailProg=/bin/true
SlurmdParameters=config_overrides
ReturnToService=2
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1,requeue_delay=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
JobRequeue=1
KillWait={grace}
UnkillableStepTimeout=60
MessageTimeout=30
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} State=UNKNOWN
PartitionName=patient Nodes={host} Default=YES PriorityTier=1 GraceTime=0 State=UP
PartitionName=graceful Nodes={host} PriorityTier=1 GraceTime={grace} State=UP
PartitionName=urgent Nodes={host} PriorityTier=2 State=UP
"""


class NoSlurmError(Exception):
    """SLURM can't be started here; the message says why."""


@contextmanager
def slurm(folder: Path, cpus: int = 1, grace: int = 20) -> Iterator[dict[str, str]]:
    """Start SLURM and stop it in the end, with all its jobs.

    Args:
        folder: Where its files lie; no path longer than a socket's name may be.
        cpus: Processors of its only node, whatever the machine has.
        grace: Seconds from the signal to end until a process is killed.

    Yields:
        What the environment of a process needs that speaks to it.

    Raises:
        NoSlurmError: A program is missing, or the node takes no jobs.
    """
    path = os.pathsep.join([os.environ["PATH"], *_SBIN])
    if missing := [name for name in _PROGRAMS if not shutil.which(name, path=path)]:
        raise NoSlurmError(
            f"no {', '.join(missing)} here: apt-get install slurm-wlm munge"
        )
    conf = _configure(folder, path, cpus, grace)
    environment = {"SLURM_CONF": str(conf), "PATH": path}
    with ExitStack() as stack:
        for name, command in _daemons(folder).items():
            log = stack.enter_context((folder / f"{name}.out").open("ab"))
            daemon = subprocess.Popen(
                command,
                env={**os.environ, **environment},
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for this process
            )
            stack.callback(_stop, daemon)
            _wait_for(name, folder, daemon, environment)
        stack.callback(_cancel, environment)
        yield environment


def _configure(folder: Path, path: str, cpus: int, grace: int) -> Path:
    for name in ("state", "spool"):
        (folder / name).mkdir(parents=True)
    key = folder / "munge.key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o400)
    ctld, slurmd = _free_ports()
    conf = folder / "slurm.conf"
    conf.write_text(
        _CONF.format(
            host=socket.gethostname().partition(".")[0],
            user=getpass.getuser(),
            **{"ctld": ctld, "slurmd": slurmd, "cpus": cpus, "grace": grace},
            folder=folder,
        )
    )
    plugin = "disabled" if _version(path) >= (23, 11) else "autodetect"
    (folder / "cgroup.conf").write_text(f"CgroupPlugin={plugin}\n")
    return conf


def _version(path: str) -> tuple[int, ...]:
    slurmd = str(shutil.which("slurmd", path=path))
    version = subprocess.check_output([slurmd, "-V"], text=True).split()[-1]
    return tuple(int(part) for part in version.split(".")[:2])


def _daemons(folder: Path) -> dict[str, list[str]]:
    conf = str(folder / "slurm.conf")
    munged = ["munged", "--foreground", "--force", f"--key-file={folder}/munge.key"]
    munged += [
        f"--{name}={folder}/munge.{name.partition('-')[0]}"
        for name in ("socket", "pid-file", "log-file", "seed-file")
    ]
    return {
        "munged": munged,
        "slurmctld": ["slurmctld", "-D", "-f", conf],
        "slurmd": ["slurmd", "-D", "-f", conf],
    }


def _wait_for(
    name: str,
    folder: Path,
    daemon: subprocess.Popen[bytes],
    environment: dict[str, str],
) -> None:
    """Wait until a daemon answers."""
    until = time.monotonic() + _SECONDS
    while time.monotonic() < until and daemon.poll() is None:
        if _answers(name, folder, environment):
            return
        time.sleep(0.2)
    said = (folder / f"{name}.out").read_text(errors="replace").strip()
    raise NoSlurmError(
        f"{name} doesn't start: {said.splitlines()[-1:] or 'in silence'}"
    )


def _answers(name: str, folder: Path, environment: dict[str, str]) -> bool:
    if name == "munged":
        return (folder / "munge.socket").exists()
    if name == "slurmctld":
        return "UP" in client(environment, "scontrol", "ping").split()
    return "idle" in client(environment, "sinfo", "--noheader", "--format=%T").split()


def client(environment: dict[str, str], *command: str) -> str:
    """Return what one of SLURM's commands prints; nothing if it fails."""
    with suppress(subprocess.TimeoutExpired):
        return subprocess.run(
            command,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        ).stdout
    return ""


def _cancel(environment: dict[str, str]) -> None:
    """Cancel all jobs, and wait for their processes to end."""
    user = f"--user={getpass.getuser()}"
    client(environment, "scancel", "--signal=KILL", "--full", user)
    client(environment, "scancel", user)
    until = time.monotonic() + _SECONDS
    while client(environment, "squeue", "--noheader") and time.monotonic() < until:
        time.sleep(0.2)


def _stop(daemon: subprocess.Popen[bytes]) -> None:
    daemon.terminate()
    try:
        daemon.wait(10)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()


def _free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        for each in (one, other):
            each.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with slurm(Path(sys.argv[1]).absolute()) as variables:
        print("\n".join(f"export {name}={value}" for name, value in variables.items()))
        with suppress(KeyboardInterrupt):
            signal.pause()
