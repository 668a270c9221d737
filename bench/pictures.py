"""Pictures a second: headrace run, its limit, Python's Pool, and the engine alone."""
import json

import programs
from sampling import in_turns, table

CHUNKS = (1, 4, 16, 64)
ENGINES = {"openvino": "OpenVINO", "onnxruntime": "ONNX Runtime"}
KINDS = (("openvino", "f32"), ("openvino", "auto"), ("onnxruntime", "f32"))
OURS, LIMIT, POOL, TUNED = "headrace run", "the limit", "Python Pool", "Python Pool with tuned decoding"


def rate(measured):
    return measured["items"] / measured["seconds"]


def cpu_ms(measured):
    return 1000 * measured["cpu_seconds"] / measured["items"]


def steady(place, model, passes, *options):
    """`passes` passes over the pictures beyond the first: a run with one pass is subtracted from one with more, and
    with it start, load, the first touch of everything, and the end."""
    names = place.list_of_pictures()
    long, short = (programs.headrace(place, model, [f"@{place.repeated(names, n)}"], place.cores, *options)
                   for n in (passes + 1, 1))
    return {key: long[key] - short[key] for key in ("items", "seconds", "cpu_seconds", "failed")}


def agreement(place, pool):
    """Whether both sides did the same: inputs with the same best class here and there, in words. Where two classes are
    nearly level, a level of 255 in a pixel decides; so those with a clear best class are counted apart."""
    out = place.scratch / "agree.jsonl"
    programs.headrace(place, place.variant("f32"), [f"@{place.list_of_pictures()}"], place.cores, results=out)
    theirs = json.loads(pool.read_text())
    every, clear = [], []
    for line in out.read_text().splitlines():
        answer = json.loads(line)
        if answer["status"] != "ok" or theirs[answer["input"]] is None:
            continue
        first, second = answer["result"]["top"][:2]
        every.append(first["class"] == theirs[answer["input"]])
        if first["score"] - second["score"] > 0.1:
            clear.append(every[-1])
    return (f"{sum(every)} of {len(every)} pictures, {sum(clear)} of the {len(clear)} whose best class leads by more than "
            "0.1")


def tune(place, care):
    """The chunk size that makes the Pool fastest, and what each gave."""
    def once(chunk):
        return rate(programs.python_pool(place, "pictures", place.model, "openvino", "f32", place.list_of_pictures(), 1,
                                         place.cores, chunk, care, place.scratch / "pool.json"))
    rates = {chunk: once(chunk) for chunk in CHUNKS}
    return max(rates, key=rates.get), rates


def cases(place, passes, chunk):
    """What takes turns: {(program, engine, precision): function}."""
    names = place.list_of_pictures()

    def pool(engine, precision, care):
        return lambda: programs.python_pool(place, "pictures", place.model, engine, precision, names, passes,
                                            place.cores, chunk[care], care)

    found = {}
    for engine, precision in KINDS:
        model = place.variant(precision)
        found[OURS, engine, precision] = lambda e=engine, m=model: steady(place, m, passes, "--engine", e)
        found[LIMIT, engine, precision] = lambda e=engine, m=model: programs.limit(place, m, e, names, passes)
        found[POOL, engine, precision] = pool(engine, precision, "plain")
        if (engine, precision) == KINDS[0]:
            found[TUNED, engine, precision] = pool(engine, precision, "tuned")
    found["benchmark_app", "openvino", "f32"] = lambda: programs.benchmark_app(place, place.model, 5)
    return found


def rates_table(samples, passes):
    rows = []
    for case in samples.values:
        program, engine, precision = case
        if program == "benchmark_app":
            rows.append([f"the model alone: {ENGINES[engine]}'s `benchmark_app`, {precision}",
                         *samples.spread(case, lambda m: m["rate"]).columns(), "", ""])
            continue
        rows.append([f"{program}, {ENGINES[engine]}, {precision}", *samples.spread(case, rate).columns(),
                     f"{samples.median(case, cpu_ms):.2f}",
                     f"{samples.median(case, lambda m: m['failed'] / passes):.0f}"])
    return table(["", "pictures a second, median", "least to most", "CPU ms a picture", "failed of a pass"], rows)


def ratios_table(samples):
    def row(case, other, target, what):
        rates, cpu = samples.ratio(case, other, rate), samples.ratio(case, other, cpu_ms)
        return [what, target, *rates.columns("{:.3f}"), f"{cpu.median:.3f}"]

    rows = []
    for kind in KINDS:
        engine, precision = kind
        for program, target in ((LIMIT, "0.97"), (POOL, "1.5"), (TUNED, "")):
            if (program, *kind) in samples.values:
                rows.append(row((OURS, *kind), (program, *kind), target,
                                f"headrace run to {program}, {ENGINES[engine]}, {precision}"))
    rows.append(row((OURS, *KINDS[0]), (OURS, *KINDS[2]), "", "headrace run, OpenVINO to ONNX Runtime, f32"))
    return table(["ratio within a turn", "target", "of rates, median", "least to most", "of CPU time"], rows)


def measure(place, turns, passes):
    best = {care: tune(place, care) for care in ("tuned", "plain")}
    same = agreement(place, place.scratch / "pool.json")
    samples = in_turns(cases(place, passes, {care: chunk for care, (chunk, _) in best.items()}), turns)
    tried = "; ".join(f"{care}: " + ", ".join(f"{chunk} gives {value:.0f}/s" for chunk, value in rates.items())
                      for care, (_, rates) in best.items())
    count = len(place.list_of_pictures().read_text().splitlines())
    return rates_table(samples, passes) + "\n" + ratios_table(samples) + (
        f"\n{count} pictures, {passes} passes a turn, {turns} turns, {place.cores} processes of 1 thread. The Pool's "
        f"`chunksize` was tuned first ({tried}). Same best class in `headrace run` and in the plain Pool: {same}.\n")
