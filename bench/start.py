"""From the start of the process to the first result, against the engine's own start."""
import programs
from sampling import in_turns, table

DIMS = "1x3x224x224"


def measure(place, turns):
    first = place.list_of_pictures().read_text().splitlines()[0]
    model = place.variant("f32")
    small = place.scratch / "few.txt"
    small.write_text(f"{first}\n" * place.cores)

    def ours(engine, workers):
        return lambda: programs.seconds_to_first_line(
            [place.headrace, "run", model, f"@{small}", "--engine", engine, "--workers", workers, "--threads", 1,
             "--progress", "none", "--log-level", "error"])

    def theirs(engine):
        return lambda: programs.seconds_to_first_line(
            [place.program("first_result"), model, engine, place.engines, DIMS], **programs.ONE_THREAD)

    names = {"openvino": "OpenVINO", "onnxruntime": "ONNX Runtime"}
    cases = {}
    for engine in names:
        cases |= {f"{engine} alone": theirs(engine), f"{engine} 1": ours(engine, 1),
                  f"{engine} all": ours(engine, place.cores)}
    samples = in_turns(cases, turns)

    rows = []
    for engine, name in names.items():
        for what, text in ((" alone", "the engine itself: load, compile, infer once"),
                           (" 1", "`headrace run`, 1 worker"),
                           (" all", f"`headrace run`, {place.cores} workers at once")):
            case = engine + what
            rows.append([f"{name}: {text}", *samples.spread(case, lambda s: 1000 * s).columns("{:.0f}"),
                         f"{samples.ratio(case, engine + ' alone', lambda s: s).median:.2f}"])
    return table(["", "ms to the first result, median", "least to most", "ratio"], rows) + (
        f"\nFrom the start of the process to the first line of output, {turns} turns, everything in the page cache.\n")
