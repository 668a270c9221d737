"""Items a second that do nothing, and the way of a single one, there and back."""
import programs
from sampling import in_turns, table

WORKERS = (2, 8, 64)


def measure(place, turns, items):
    depth = {n: programs.mailbox(place, n) for n in WORKERS}
    cases = {f"{n} workers": (lambda n=n: programs.dispatch(place, n, depth[n], items, 5000)) for n in WORKERS}
    cases |= {f"Pool of {n}": (lambda n=n: programs.python_pool(place, "dispatch", n, items // 100, 2000))
              for n in (2, 8)}
    samples = in_turns(cases, turns)
    def rate(m):
        return m["items_per_second"] / 1000

    rows = []
    for case in cases:
        name = f"Headrace, {case}" if "workers" in case else f"Python {case}, `map(chunksize=1)` and `apply`"
        rows.append([name, "5,000" if case == "8 workers" else "", *samples.spread(case, rate).columns("{:,.0f}"),
                     f"{samples.median(case, lambda m: m['round_trip_us']['p50']):.1f}",
                     f"{samples.median(case, lambda m: m['round_trip_us']['p99']):.1f}"])
    text = table(["", "target", "thousand items a second, median", "least to most", "round trip µs, p50", "p99"], rows)
    rates = [samples.ratio(f"{n} workers", f"Pool of {n}", rate) for n in (2, 8)]
    trips = [samples.ratio(f"Pool of {n}", f"{n} workers", lambda m: m["round_trip_us"]["p50"]) for n in (2, 8)]
    return text + (f"\nAgainst Python's Pool within a turn: {rates[0].median:,.0f} times the items with 2 workers and "
                   f"{rates[1].median:,.0f} times with 8; a round trip takes 1/{trips[0].median:.1f} and "
                   f"1/{trips[1].median:.1f} of the time. {items:,} items a turn, mailboxes as `headrace run` "
                   f"plans them ({', '.join(f'{depth[n]} items with {n} workers' for n in WORKERS)}), {turns} turns.\n")
