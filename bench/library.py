"""The library: tasks, calls, messages, arrays and memory, beside Python's standard library, Boost and the machine."""
from pathlib import Path

import programs
from sampling import Spread, in_turns, table

WORKERS = 2
MANY = 8  # processes that read the same data
MIB, GIB = 2**20, 2**30


def room_for_copies(size):
    """Whether every one of MANY processes can have its own copy, with a few GiB to spare."""
    for line in Path("/proc/meminfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024 > MANY * size + 3 * GIB
    return False


class Figures:
    """What was measured, by case and name of the figure."""

    def __init__(self, samples):
        self.samples = samples

    def of(self, case, name):
        return self.samples.of(case, lambda measured: measured[name])

    def median(self, case, name):
        return Spread(self.of(case, name)).median

    def columns(self, case, name, form, scale=1.0):
        return Spread([value * scale for value in self.of(case, name)]).columns(form)

    def times(self, more, less):
        """How often `less` goes into `more`, each (case, name), turn by turn."""
        return Spread([a / b for a, b in zip(self.of(*more), self.of(*less))])


def ratio(spread):
    return [f"{spread.median:,.2f}" if spread.median < 10 else f"{spread.median:,.0f}",
            f"{spread.least:,.2f} to {spread.most:,.2f}" if spread.median < 10 else
            f"{spread.least:,.0f} to {spread.most:,.0f}"]


def rates(f, unit, against, rows):
    """rows: (text, target, case, name)."""
    head = ["", f"thousand {unit} a second, median", "least to most", "target", f"times {against[0]}, median",
            "least to most"]
    return table(head, [[text, *f.columns(case, name, "{:,.0f}", 1e-3), target,
                         *ratio(f.times((case, name), against[1:]))] for text, target, case, name in rows])


def trips(f, against, rows):
    """rows: (text, target, case, name without _p50)."""
    head = ["", "µs, p50", "least to most", "p99", "target", f"{against[0]} takes as many times, median",
            "least to most"]
    return table(head, [[text, *f.columns(case, f"{name}_p50", "{:.1f}"), f"{f.median(case, f'{name}_p99'):,.1f}",
                         target, *ratio(f.times(against[1:], (case, f"{name}_p50")))]
                        for text, target, case, name in rows])


def tasks(f):
    against = ("`Pool.map(chunksize=1)`", "python tasks", "map_1")
    return rates(f, "tasks", against, [
        ("Headrace `Pool::map`", "100", "tasks", "map_auto"),
        ("Headrace `Pool::imap`", "100", "tasks", "imap_auto"),
        ("Headrace `Pool::map`, chunk 1", "", "tasks", "map_1"),
        ("Headrace `Pool::imap`, chunk 1", "", "tasks", "imap_1"),
        ("Python `Pool.map(chunksize=1)`", "", "python tasks", "map_1"),
        ("Python `Pool.map`", "", "python tasks", "map_default"),
        ("Python `ProcessPoolExecutor.map(chunksize=1)`", "", "python tasks", "executor_1"),
        ("Python `ProcessPoolExecutor.map(chunksize=1000)`", "", "python tasks", "executor_1000")])


def calls(f):
    return trips(f, ("`Pool.apply`", "python tasks", "apply_p50"), [
        ("Headrace `submit<f>(x).get()`", "20", "tasks", "call"),
        ("Python `Pool.apply`", "", "python tasks", "apply"),
        ("Python `ProcessPoolExecutor.submit().result()`", "", "python tasks", "submit"),
        ("the machine: a futex, two processes", "", "hardware", "futex"),
        ("the machine: an eventfd, two processes", "", "hardware", "eventfd"),
        ("the machine: a pipe, two processes", "", "hardware", "pipe")])


def messages(f, boost):
    against = ("`multiprocessing.Queue`", "python messages", "queue")
    one_way = [("Headrace `Queue<long>`, `put` and `take`", "50", "messages", "one_by_one"),
               ("Headrace `Queue<long>`, `put_all` and `take_some(64)`", "50", "messages", "by_64"),
               ("Python `multiprocessing.Queue`", "", "python messages", "queue"),
               ("Python `multiprocessing.Pipe`", "", "python messages", "pipe")]
    two_ways = [("Headrace `Queue<long>`, two of them", "", "messages", "round_trip"),
                ("Python `multiprocessing.Queue`, two of them", "", "python messages", "queue_trip"),
                ("Python `multiprocessing.Pipe`, two of them", "", "python messages", "pipe_trip")]
    if boost:
        one_way.append(("Boost `message_queue`", "", "boost messages", "one_by_one"))
        two_ways.append(("Boost `message_queue`, two of them", "", "boost messages", "round_trip"))
    return (rates(f, "messages", against, one_way),
            trips(f, ("`multiprocessing.Queue`", "python messages", "queue_trip_p50"), two_ways))


def arrays(f):
    rows = []
    for size, case in (("8 MiB", "arrays of 8 MiB"), ("1 GiB", "arrays of 1 GiB")):
        for text, name in (("Headrace `Queue`", "queue"), ("Headrace `submit`", "submit")):
            rows.append([f"{text}, {size}", "20", *f.columns(case, f"{name}_p50", "{:,.1f}"),
                         f"{f.median(case, f'{name}_p99'):,.1f}", f"{f.median(case, f'{name}_first'):,.0f}"])
        rows.append([f"Headrace `Queue`, {size}, each of many in a row", "", *f.columns(case, "stream", "{:,.2f}"),
                     "", ""])
        for text, name in (("Python `multiprocessing.Queue`", "queue"), ("Python `multiprocessing.Pipe`", "pipe")):
            rows.append([f"{text}, {size}", "", *f.columns(f"python {case}", f"{name}_p50", "{:,.0f}"),
                         f"{f.median(f'python {case}', f'{name}_p99'):,.0f}" if size == "8 MiB" else "", ""])
    for size, name in (("8 MiB", "copy_8"), ("1 GiB", "copy_1024")):
        rows.append([f"the machine: `memcpy`, {size}", "", *f.columns("hardware", f"{name}_p50", "{:,.0f}"), "", ""])
    return table(["", "target", "µs, p50", "least to most", "p99", "the first"], rows)


def memory(f, copies):
    cases = (("one frozen `SharedArray` of 1 GB", "memory shared"),
             (f"a copy in each process, {copies / 1e9:.2g} GB", "memory private"),
             ("the same without the data", "memory of nothing"))
    return table(["", "MB in all, median", "least to most"],
                 [[f"{MANY} workers, {text}", *f.columns(case, "bytes", "{:,.0f}", 1e-6)] for text, case in cases])


def cases_of(place, boost, copies):
    def ours(*arguments):
        return lambda: programs.figures(place, "library", *arguments)

    def python(*arguments):
        return lambda: programs.python_library(place, *arguments)

    cases = {"tasks": ours("tasks", WORKERS, 5_000_000, 20_000), "python tasks": python("tasks", WORKERS, 500_000, 5000),
             "messages": ours("messages", 3_000_000, 20_000), "python messages": python("messages", 200_000, 5000)}
    if boost:
        cases["boost messages"] = lambda: programs.figures(place, "boost_queue", 2_000_000, 20_000)
    cases |= {"arrays of 8 MiB": ours("arrays", 8 * MIB, 5000), "python arrays of 8 MiB": python("arrays", 8 * MIB, 50),
              "arrays of 1 GiB": ours("arrays", GIB, 5000), "python arrays of 1 GiB": python("arrays", GIB, 1),
              "memory shared": ours("memory", MANY, 10**9, "shared"),
              "memory private": ours("memory", MANY, copies, "private"),
              "memory of nothing": ours("memory", MANY, 8000, "shared"),
              "hardware": lambda: programs.figures(place, "hardware", 20_000)}
    return cases


def measure(place, turns):
    boost = place.program("boost_queue").exists()
    copies = 10**9 if room_for_copies(10**9) else 256 * 10**6
    f = Figures(in_turns(cases_of(place, boost, copies), turns))
    one_way, two_ways = messages(f, boost)
    constant = f.times(("arrays of 1 GiB", "queue_p50"), ("arrays of 8 MiB", "queue_p50"))
    parts = [f"### Tasks\n\nThat do nothing, {WORKERS} workers.\n\n{tasks(f)}",
             f"### One call\n\nThere and back, {WORKERS} workers.\n\n{calls(f)}",
             f"### Messages\n\nOf 8 bytes, from one process to one other.\n\n{one_way}\nThere and back:\n\n{two_ways}"
             f"\nA cache line goes from one processor to another and back in "
             f"{f.median('hardware', 'line_p50') * 1000:,.0f} ns here.\n",
             f"### Arrays handed over\n\n{arrays(f)}\nThrough the `Queue`, 1 GiB takes {constant.median:.2f} times as "
             f"long as 8 MiB ({constant.least:.2f} to {constant.most:.2f}).\n",
             f"### Memory\n\n{memory(f, copies)}", f"Turns: {turns}.\n"]
    return "\n".join(parts)
