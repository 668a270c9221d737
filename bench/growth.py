"""How time and memory grow with items, and throughput with workers."""
import programs
from plot import plot
from sampling import in_turns, table

ITEMS = (1_000, 10_000, 100_000, 1_000_000)
WORKERS = (1, 2, 4, 8, 16, 32, 64)
WAIT = 0.1  # seconds that an item takes in the second part
MIB = 1 << 20


def list_of_names(place, count):
    file = place.scratch / f"names-{count}.txt"
    if not file.exists():
        with open(file, "w", encoding="ascii") as out:
            out.writelines(f"item/{i:09d}\n" for i in range(count))
    return file


def by_items(place, turns, figures):
    model = place.fake_model("noop", "noop = 1\n")
    cases = {str(n): (lambda n=n: programs.headrace(place, model, [f"@{list_of_names(place, n)}"], place.cores))
             for n in ITEMS}
    samples = in_turns(cases, turns)
    def seconds(m):
        return m["seconds"] - m["first_answer_seconds"]

    def memory(m):
        return m["supervisor_peak_bytes"] / MIB

    rows = [[f"{n:,}", *samples.spread(str(n), seconds).columns("{:.3f}"),
             f"{samples.median(str(n), lambda m: 1e6 * seconds(m) / m['items']):.2f}",
             f"{samples.median(str(n), lambda m: 1e6 * m['cpu_seconds'] / m['items']):.2f}",
             *samples.spread(str(n), memory).columns()] for n in ITEMS]
    if figures:
        plot(figures / "growth-time.svg", "Time for N items that do nothing", "items", "seconds",
             {"headrace run": [(n, samples.median(str(n), seconds)) for n in ITEMS]}, log=True)
        plot(figures / "growth-memory.svg", "Peak memory of the supervisor", "items", "MiB resident",
             {"headrace run": [(n, samples.median(str(n), memory)) for n in ITEMS]}, log=True, y_from=1, y_to=100)
    first, last = str(ITEMS[-2]), str(ITEMS[-1])
    grown = [samples.ratio(last, first, what) for what in (seconds, lambda m: m["cpu_seconds"], memory)]
    head = ["items", "seconds, median", "least to most", "µs an item", "CPU µs an item", "supervisor MiB, median",
            "least to most"]
    return table(head, rows) + (
        f"\nFrom 100,000 to 1,000,000 items: {grown[0].median:.2f} times the time and {grown[1].median:.2f} "
        f"times the CPU time (10 is linear), {grown[2].median:.2f} times the memory (1 is constant). The target "
        "for a million items is at most 20 MB resident: "
        f"{samples.median(last, lambda m: m['supervisor_peak_bytes']) / 1e6:.1f} MB.\n")


def by_workers(place, turns, items, figures):
    """Efficiency with an engine that only waits; start and end are subtracted, as with pictures."""
    model = place.fake_model("wait", f"kind = raw\nsleep_us = {WAIT * 1e6:.0f}\n")

    def once(workers):
        few = max(items // 4, 1)
        long, short = (programs.headrace(place, model, [f"@{list_of_names(place, workers * n)}"], workers)
                       for n in (items + few, few))
        return {"efficiency": items * WAIT / (long["seconds"] - short["seconds"])}

    samples = in_turns({str(n): (lambda n=n: once(n)) for n in WORKERS}, turns)
    rows = [[str(n), "0.98", *samples.spread(str(n), lambda m: m["efficiency"]).columns("{:.4f}")]
            for n in WORKERS]
    if figures:
        plot(figures / "growth-workers.svg", "Efficiency with an engine that waits 100 ms an item", "workers",
             "ideal time / measured time",
             {"headrace run": [(n, samples.median(str(n), lambda m: m["efficiency"])) for n in WORKERS]},
             log_x=True, y_from=0, y_to=1.1)
    return table(["workers", "target", "efficiency, median", "least to most"], rows) + (
        f"\n{items} items a worker, of {1000 * WAIT:.0f} ms each.\n")


def measure(place, turns, items, figures):
    return "### Items\n\n" + by_items(place, turns, figures) + "\n### Workers\n\n" + by_workers(
        place, turns, items, figures)
