"""What the governor is worth and what it costs: too many workers under a quota, an engine that leaks, and its looking."""
import programs
from sampling import in_turns, table
from tune import quota, run

QUOTA = 1.0  # cores
CROWD = ("--workers", 6, "--threads", 1)
LEAK_KIB, ITEM_MS, LEAKY_ITEMS = 1024, 10, 6000
LOOKS = 60  # seconds


def crowd(place, turns, passes):
    """Six workers where one fits, over real pictures; and the plan's own choice."""
    with quota(QUOTA) as (before, stat):
        if not before:
            return "Skipped: no right to make a control group here.\n"
        cases = {"6 workers, governor": ("--governor", "act", *CROWD),
                 "6 workers, no governor": ("--governor", "watch", *CROWD),
                 "as planned": ()}  # fmt: skip
        samples = in_turns({name: (lambda o=options: run(place, passes, *o, before=before, stat=stat))
                            for name, options in cases.items()}, turns)
    rows = [[name, f"{samples.median(name, lambda m: m['throttled']):.0f}",
             f"{samples.median(name, lambda m: m['rate']):.1f}",
             f"{samples.median(name, lambda m: m['item_ms']['p50']):.1f}",
             f"{samples.median(name, lambda m: m['item_ms']['p99']):.1f}",
             f"{samples.median(name, lambda m: m['workers']):.0f}",
             f"{samples.median(name, lambda m: m['memory']['peak_bytes'] / 1e6):.0f}"] for name in cases]
    gain = samples.ratio("6 workers, governor", "6 workers, no governor", lambda m: m["rate"])
    return (f"A group with a quota of {QUOTA:g} of {place.cores} cores, {passes} passes over the pictures, medians of "
            f"{turns} turns; the governor's own first seconds are in it.\n\n"
            + table(["", "throttled, % of periods", "pictures/s", "p50 ms", "p99 ms", "workers at the end",
                     "peak memory, MB"], rows)
            + f"\nRate with the governor to without: {gain.median:.2f} ({gain.least:.2f} to {gain.most:.2f}).\n")  # fmt: skip


def leak(place, turns):
    """An engine that leaks against the same that does not, with a budget of 400 MiB."""
    names = place.scratch / "leaky.txt"
    names.write_text("".join(f"item/{i}\n" for i in range(LEAKY_ITEMS)))
    models = {"leaks 1 MiB an item": f"kind = raw\nsleep_us = {ITEM_MS * 1000}\nleak_kb = {LEAK_KIB}\n",
              "does not": f"kind = raw\nsleep_us = {ITEM_MS * 1000}\n"}  # fmt: skip
    cases = {name: (lambda m=place.fake_model(f"leak-{i}", text): programs.headrace(
        place, m, [f"@{names}"], 2, "--memory-mb", 400)) for i, (name, text) in enumerate(models.items())}
    samples = in_turns(cases, turns)
    first, second = models
    cost = samples.ratio(first, second, lambda m: m["seconds"])
    last = samples.values[first][-1]
    return (f"{LEAKY_ITEMS} items of {ITEM_MS} ms in 2 workers with `--memory-mb 400`: the leaking engine takes "
            f"{100 * (cost.median - 1):.1f} % longer ({100 * (cost.least - 1):.1f} to {100 * (cost.most - 1):.1f}). It leaked "
            f"{LEAKY_ITEMS * LEAK_KIB / 1024:,.0f} MiB; {last['governor']['recycled']} workers were replaced, "
            f"{last['governor']['evictions']} killed, the peak was {last['memory']['peak_bytes'] / 2**20:.0f} MiB.\n")  # fmt: skip


def looking(place):
    """The time that it spends on looking, in peace."""
    names = place.scratch / "long.txt"
    workers = 8
    names.write_text("".join(f"item/{i}\n" for i in range(LOOKS * workers * 50)))
    model = place.fake_model("peace", "kind = raw\nsleep_us = 20000\n")
    done = programs.headrace(place, model, [f"@{names}"], workers)
    share = 100 * done["governor"]["cost_seconds"] / done["seconds"]
    return f"In peace, with {workers} workers, {done['seconds']:.0f} s: looking took {share:.3f} % of a core.\n"


def measure(place, turns, passes):
    return ("### Too many workers\n\n" + crowd(place, turns, passes) + "\n### An engine that leaks\n\n"
            + leak(place, turns) + "\n### Cost\n\n" + looking(place))
