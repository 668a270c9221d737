"""What the tests of the container image stand on: the image's root file system, started by start_contained as a
container engine would, and what the Dockerfile says of it.

HEADRACE_TEST_IMAGE is what image/make-root laid out, HEADRACE_TEST_STARTER the starter. Every container here has a
read-only root, a user whom no file names, no capabilities, an engine's seccomp rules, 64 MB of /dev/shm, a network and
processes of its own, and, where the machine lets a test make them, control groups of one core and 1 GB.
"""

import ctypes
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))
import cgroups  # noqa: E402
import job  # noqa: E402
import serving  # noqa: E402

OUTSIDE = job.BINARY  # the same program in its build folder
IMAGE = Path(os.environ.get("HEADRACE_TEST_IMAGE", job.ROOT / "build/image"))
STARTER = os.environ.get("HEADRACE_TEST_STARTER", str(job.ROOT / "build/release/bin/start_contained"))
USER = "12345:0"  # a platform's choice: any user, the root group


def instructions():
    """The lines of the Dockerfile: (word, rest)."""
    text = re.sub(r"^\s*#.*\n", "", (job.ROOT / "Dockerfile").read_text(), flags=re.M).replace("\\\n", " ")
    return [tuple(line.split(None, 1)) for line in text.splitlines() if line.strip()]


def last_stage():
    lines = instructions()
    begin = max(i for i, (word, _) in enumerate(lines) if word == "FROM")
    return lines[begin:]


def instruction(name):
    """What the image says with this word."""
    (rest,) = [rest for word, rest in last_stage() if word == name]
    return rest


def health_check():
    return json.loads(instruction("HEALTHCHECK").split(" CMD ", 1)[1])


(job.BINARY,) = json.loads(instruction("ENTRYPOINT"))  # so that job.Run starts it where it starts the program


def test(body):
    """Runs `body` in an empty folder that the container's user may enter."""
    if os.geteuid() != 0:
        job.skip("starting a container takes root")
    namespaces = ["unshare", "--mount", "--pid", "--net", "--ipc", "--uts", "--cgroup", "--fork", "true"]
    if subprocess.run(namespaces, capture_output=True).returncode != 0:
        job.skip("namespaces are not allowed here")
    if "\toverlay\n" not in Path("/proc/filesystems").read_text():
        job.skip("this kernel has no overlay file system")

    def in_a_folder():
        os.chmod(".", 0o755)
        os.mkdir("volume", 0o777)
        os.chmod("volume", 0o777)
        try:
            body()
        finally:
            for run in Contained.begun:  # with the starter everything goes that it started
                if run.running():
                    run.process.kill()
                    run.process.wait()

    job.test(cgroups.removed_after(in_a_folder))


def volume(name=""):
    """A path in the volume, the same inside and outside."""
    return str(Path("volume", name).resolve())


def groups(cpus=1, memory=1 << 30):
    """New control groups with these limits; none where nobody may make any."""
    try:
        return [cgroups.group("cpu", "cpu.cfs_quota_us", round(100_000 * cpus)),
                cgroups.group("memory", "memory.limit_in_bytes", memory)]  # fmt: skip
    except SystemExit:  # it has said why
        print("goes on without limits")
        return []


def mounted(*paths, read_only=True):
    """Options that mount each at its own path, so that results name the same files inside and outside."""
    return [word for path in paths for word in ("--volume", f"{path}:{path}" + (":ro" if read_only else ""))]


def real_mounts():
    """The demo's model and pictures, and the volume."""
    return [*mounted(job.real_model(), job.CACHE / "pictures"), *mounted(volume(), read_only=False)]


def with_fake_engine(**keys):
    """Another image, as a user makes one of ours: with an engine for tests, and a model for it at /model."""
    image = copy_of_image()
    engine = Path(OUTSIDE).parent / "engines/headrace_engine_fake.so"
    shutil.copy(engine, image / "usr/lib/headrace/engines")
    shutil.copytree(job.fake(**keys), image / "model")
    return image


def copy_of_image():
    """FROM headrace: files are links as long as they lie on the same disk."""
    image = Path("image").resolve()
    subprocess.run(["cp", "-a", "--link", IMAGE, image], check=False, capture_output=True)
    if not (image / "usr/bin/headrace").exists():
        shutil.rmtree(image, ignore_errors=True)
        subprocess.run(["cp", "-a", IMAGE, image], check=True)
    return image


def started(*mounts, image=None, user=USER, limits=None):
    """What to put before the entry point."""
    limits = groups() if limits is None else limits
    return [*(cgroups.join(*limits) if limits else []), STARTER, "--user", user, "--env", "E2E_MARK", *mounts,
            str(image or IMAGE)]  # fmt: skip


class Contained(job.Run):
    """A run whose process 1 is `first`: the starter's only child."""

    begun = []

    def __init__(self, *arguments, **more):
        super().__init__(*arguments, **more)
        Contained.begun.append(self)

    @property
    def first(self):
        def child():
            found = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
            return [int(pid) for pid in found if job.BINARY.encode() in Path(f"/proc/{pid}/cmdline").read_bytes()]

        return job.until(lambda: child() or not self.running(), 30, "it is started")[0]

    def inside(self, *command, user=USER):
        """As an engine runs a command in a container that is up."""
        uid, gid = user.split(":")
        return subprocess.run(["nsenter", "-t", str(self.first), "-a", "-S", uid, "-G", gid, *command],
                              capture_output=True, text=True, timeout=60)  # fmt: skip


class ContainedServer(serving.Server):
    """`headrace serve` in a container, at its own address; from here on this test lives in that network."""

    def __init__(self, *arguments, before, ready=True, **more):
        self.run = Contained(*arguments, command="serve", before=before, **more)
        self.run.until_said("serving ")
        with open(f"/proc/{self.run.first}/ns/net", "rb") as network:
            assert ctypes.CDLL(None, use_errno=True).setns(network.fileno(), 0) == 0, os.strerror(ctypes.get_errno())
        self.host, self.port = "127.0.0.1", 8080
        if ready:
            self.until_ready()


def run(*arguments, before, code=0, seconds=120, **more):
    return Contained(*arguments, before=before, **more).end(code, seconds)
