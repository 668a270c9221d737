"""What `headrace serve` costs over its engine, and what it does when workers die, when it is told to end, when there is
too much to do, and when clients are odd."""
import asyncio
import contextlib
import json
import os
import signal
import socket
import time
from pathlib import Path

import load
import odd_clients
import pictures
import programs
from load import BROKEN, REFUSED, SILENT, quantile
from sampling import in_turns, table

WORKERS, CLIENTS = 2, 8
ALONE_SECONDS, RATE_SECONDS = 4, 6
CALM_SECONDS, KILL_SECONDS, STORM_SECONDS = 20, 60, 20
OVERLOAD_SECONDS, QUEUE = 12, 256
SHAPE = (1, 3, 224, 224)
TENSOR = bytes(4 * SHAPE[1] * SHAPE[2] * SHAPE[3])  # the engine takes as long for zeros as for anything else
SLEEP_MS = 5


def ms(seconds):
    return f"{1000 * seconds:.1f}"


def fake(place, kind):
    """A model of the fake engine that sleeps; kind: image, or tensors, which come back."""
    folder = place.scratch / f"sleeps-{kind}"
    if not folder.exists():
        folder.mkdir()
        image = 'size = 224\ntype = "u8"\n[output]\nkind = "raw"\n' if kind == "image" else ""
        (folder / "model.toml").write_text(f'file = "it.fake"\nengine = "fake"\n[input]\nkind = "{kind}"\n{image}')
        answers = "raw" if image else "echo"
        (folder / "it.fake").write_text(f"kind = {answers}\ninput = u8\nsleep_us = {1000 * SLEEP_MS}\n")
    return folder


def lite0(place):
    return load.tensors("image", "FP32", SHAPE, TENSOR)


def small_tensor():
    return load.tensors("INPUT0", "UINT8", [1, 1000], bytes(1000))


def file_of(place, name, content):
    """A list of one file with this content, for wrk."""
    body = place.scratch / name
    body.write_bytes(content)
    names = place.scratch / f"{name}.txt"
    names.write_text(f"{body}\n")
    return names


def some_pictures(place, count):
    """Evenly drawn from all."""
    names = place.list_of_pictures().read_text().splitlines()
    return [Path(name).read_bytes() for name in names[::max(len(names) // count, 1)][:count]]


# --- one client


def read_answer(connection, room):
    """Whole, by its Content-Length; its status."""
    got = b""
    while b"\r\n\r\n" not in got:
        got += connection.recv(65536)
    head, _, body = got.partition(b"\r\n\r\n")
    left = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0]) - len(body)
    while left > 0:
        left -= connection.recv_into(room)
    return int(head.split(b" ", 2)[1])


def one_client(server, bodies, headers, seconds):
    """One request after the other on one connection. What each took beside what the server's log says of it, in µs."""
    room, took, number = bytearray(1 << 20), {}, 0
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            name = f"{os.getpid()}-{time.monotonic_ns()}"
            data = load.request(server.path, bodies[number % len(bodies)], X_Request_Id=name, **headers)
            begin = time.perf_counter_ns()
            connection.sendall(data)
            status = read_answer(connection, room)
            took[name] = (time.perf_counter_ns() - begin) / 1000
            if status != 200:
                raise SystemExit(f"bench: one client got {status}")
            number += 1
    for name in list(took)[:20]:  # until caches and the governor of the processor's clock know the work
        del took[name]
    load.until(lambda: next(reversed(took)) in server.wrote(), 10, "the access log has the last request", server)
    lines = [json.loads(line) for line in server.wrote().splitlines() if line.startswith("{")]
    found = [(took[line["request_id"]], 1000 * (line["decode_ms"] + line["infer_ms"]), 1000 * line["queue_ms"])
             for line in lines if line.get("request_id") in took]
    over = [all_of_it - engine for all_of_it, engine, _ in found]
    return {"p50": quantile([f[0] for f in found], 0.5), "engine": quantile([f[1] for f in found], 0.5),
            "queue": quantile([f[2] for f in found], 0.5), "over_p50": quantile(over, 0.5),
            "over_p99": quantile(over, 0.99)}


def sockets_alone(size, seconds):
    """µs from sending so many bytes to another process until its short answer is here: what no server can be under."""
    here, there = socket.socket(), socket.socket()
    here.bind(("127.0.0.1", 0))
    here.listen()
    there.connect(here.getsockname())
    other, _ = here.accept()
    for each in (there, other):
        each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    child = os.fork()
    if child == 0:
        there.close()
        room = bytearray(1 << 20)
        left = size
        while got := other.recv_into(room, min(left, len(room))):
            left -= got
            if left == 0:
                other.sendall(room[:500])
                left = size
        os._exit(0)
    other.close()
    here.close()
    data, took, end = bytes(size), [], time.perf_counter() + seconds
    while time.perf_counter() < end:
        begin = time.perf_counter_ns()
        there.sendall(data)
        left = 500
        while left:
            left -= len(there.recv(left))
        took.append((time.perf_counter_ns() - begin) / 1000)
        time.sleep(SLEEP_MS / 1000)  # as long as an engine would make it wait
    there.close()
    os.waitpid(child, 0)
    return {"p50": quantile(took, 0.5)}


def overhead(place, turns):
    body, headers = lite0(place)
    picture = some_pictures(place, 3)[1]
    small, small_headers = small_tensor()
    with contextlib.ExitStack() as stack:
        def serve(model, *options):
            return stack.enter_context(load.Headrace(place, model, "--access-log", "-", *options, workers=1))

        sleeping, echoing = serve(fake(place, "image")), serve(fake(place, "tensors"))
        real = serve(place.variant("f32"), "--engine", "openvino")
        jobs = {f"a picture of {len(picture) // 1000} kB, a model that sleeps {SLEEP_MS} ms": (sleeping, [picture], {}),
                f"a tensor of 1 kB, a model that sleeps {SLEEP_MS} ms": (echoing, [small], small_headers),
                "all pictures, the demo's model": (real, some_pictures(place, 1000), {}),
                f"a tensor of {len(TENSOR) // 1000} kB, the demo's model": (real, [body], headers)}
        cases = {name: (lambda j=job: one_client(*j, ALONE_SECONDS)) for name, job in jobs.items()}
        sizes = {"1 kB": len(small), f"{len(picture) // 1000} kB": len(picture), f"{len(TENSOR) // 1000} kB": len(body)}
        cases |= {("sockets", name): (lambda s=size: sockets_alone(s, 2)) for name, size in sizes.items()}
        cases["serve"] = lambda: load.wrk(real.port, real.path, place.list_of_pictures(), 1, RATE_SECONDS)
        cases["limit"] = lambda: limit_of_one(place)
        samples = in_turns(cases, turns)
    rows = [[name, *(f"{samples.median(name, lambda m, k=key: m[k]) / 1000:.2f}" for key in ("p50", "engine")), "100",
             *samples.spread(name, lambda m: m["over_p50"]).columns("{:.0f}"),
             *(f"{samples.median(name, lambda m, k=key: m[k]):.0f}" for key in ("over_p99", "queue"))]
            for name in jobs]
    ratio = samples.ratio("serve", "limit", lambda m: m["rate"])
    return table(["one client, one worker", "a request, ms, p50", "decode and infer, ms, p50", "target",
                  "over these, µs, p50", "least to most", "p99", "of it until a worker took it, p50"], rows) + (
        "\nTwo processes and a socket between them, without any server: "
        + ", ".join(f"{samples.median(('sockets', name), lambda m: m['p50']):.0f} µs for {name}" for name in sizes)
        + f" there and a short answer back. Rate of all pictures, one client of `wrk`, to one process that decodes and "
        f"infers in a bare loop: {ratio.median:.3f} ({ratio.least:.3f} to {ratio.most:.3f}).\n")


def limit_of_one(place):
    text = programs.run([place.program("limit"), place.variant("f32"), "openvino", place.engines,
                         place.list_of_pictures(), 2, 1], **programs.ONE_THREAD)
    measured = json.loads(text)
    return {"rate": measured["items"] / measured["seconds"]}


# --- rates


def counted(server, measure):
    """What a client measured; and whether the server answered as many, but for those that were cut off at the end."""
    before = server.metric("nv_inference_request_success")
    measured = measure()
    load.until(lambda: server.metric("headrace_requests_open") == 0, 30, "all requests are answered", server)
    succeeded = server.metric("nv_inference_request_success") - before
    measured["agrees"] = 0 <= succeeded - (measured["requests"] - measured["not_200"]) <= 2 * CLIENTS
    return measured


def agree_in_words(differing):
    """Of answers counted at both ends."""
    names = "; ".join(differing)
    return f"**200s counted by the client and in /metrics differ: {names}.**" if names else (
        "200s counted by the client and in /metrics agree.")


def grpc_message(place, name, model, body_of_picture=None):
    """A ModelInferRequest in its gRPC frame, in a file: one raw tensor, or a picture as BYTES."""
    out = place.scratch / name
    if body_of_picture:
        (place.scratch / "picture").write_bytes(body_of_picture)
    script = ("import struct, sys; from tritonclient.grpc import service_pb2 as pb; model, source, out = sys.argv[1:]\n"
              "m = pb.ModelInferRequest(model_name=model); t = m.inputs.add(name='image')\n"
              "if source: data = open(source, 'rb').read(); t.datatype = 'BYTES'; t.shape.append(1); "
              "m.raw_input_contents.append(struct.pack('<I', len(data)) + data)\n"
              f"else: t.datatype = 'FP32'; t.shape.extend({list(SHAPE)}); "
              f"m.raw_input_contents.append(bytes({len(TENSOR)}))\n"
              "m = m.SerializeToString(); open(out, 'wb').write(struct.pack('>BI', 0, len(m)) + m)\n")
    programs.run([place.python, "-c", script, model, place.scratch / "picture" if body_of_picture else "", out])
    return out


def rates(place, turns, passes):
    body, headers = lite0(place)
    tensor = file_of(place, "tensor.bin", body)
    with contextlib.ExitStack() as stack:
        servers = {precision: stack.enter_context(load.Headrace(place, place.variant(precision), "--engine", "openvino",
                                                                workers=WORKERS, grpc=True))
                   for precision in ("f32", "auto")}
        one = some_pictures(place, 3)[1]
        one_listed = file_of(place, "one.jpg", one)
        in_grpc = grpc_message(place, "tensor.grpc", servers["f32"].name)
        one_in_grpc = grpc_message(place, "one.grpc", servers["f32"].name, one)

        def http(precision, bodies, fields=None):
            server = servers[precision]
            return counted(server, lambda: load.wrk(server.port, server.path, bodies, CLIENTS, RATE_SECONDS, fields))

        def grpc(message):
            server = servers["f32"]
            return counted(server, lambda: load.h2load(server.grpc_port, "/inference.GRPCInferenceService/ModelInfer",
                                                       message, CLIENTS, RATE_SECONDS, place.scratch))

        def run(precision):
            measured = pictures.steady(place, place.variant(precision), passes, "--engine", "openvino")
            return {"rate": pictures.rate(measured)}

        model = place.variant("f32")
        every = place.list_of_pictures()
        cases = {"serve, pictures, f32": lambda: http("f32", every), "run, f32": lambda: run("f32"),
                 "serve, pictures, auto": lambda: http("auto", every), "run, auto": lambda: run("auto"),
                 "serve, tensors, f32": lambda: http("f32", tensor, headers),
                 "gRPC, tensors, f32": lambda: grpc(in_grpc),
                 "engine": lambda: programs.benchmark_app(place, model, RATE_SECONDS, "-inference_only=false"),
                 "serve, one picture, f32": lambda: http("f32", one_listed),
                 "gRPC, one picture, f32": lambda: grpc(one_in_grpc)}
        samples = in_turns(cases, turns)
    comparisons = {"serve, pictures, f32": ("run, f32", "0.90"), "serve, pictures, auto": ("run, auto", "0.90"),
                   "serve, tensors, f32": ("engine", "0.95"), "gRPC, tensors, f32": ("engine", "0.95"),
                   "gRPC, one picture, f32": ("serve, one picture, f32", "")}
    words = {"run, f32": "`headrace run`, pictures, f32", "run, auto": "`headrace run`, pictures, auto",
             "engine": "the model alone: OpenVINO's `benchmark_app`, f32, input filled anew each time"}
    rows = []
    for case in cases:
        served = case not in words
        ratio = ["", "", ""]
        if case in comparisons:
            other, target = comparisons[case]
            ratio = [target, *samples.ratio(case, other, lambda m: m["rate"]).columns("{:.3f}")]
        client = [f"{samples.median(case, lambda m, k=key: m[k]) / 1000:.1f}" for key in ("p50_us", "p99_us")] + [
            f"{samples.median(case, lambda m: m['client_cpu']):.2f}",
            f"{sum(samples.of(case, lambda m: m['not_200']))}"] if served else [""] * 4
        rows.append([words.get(case, case), *samples.spread(case, lambda m: m["rate"]).columns(), *ratio, *client])
    differing = [case for case in cases if not all(samples.of(case, lambda m: m.get("agrees", True)))]
    return table(["", "a second, median", "least to most", "target", "ratio within a turn", "least to most", "p50 ms",
                  "p99 ms", "processors that the client took", "not 200"], rows) + (
        f"\n{WORKERS} workers, {CLIENTS} connections, `wrk` for HTTP and `h2load` for gRPC, on the same {place.cores} "
        "processors. Pictures: ratio to `headrace run`; tensors: to the model alone; one picture over gRPC: to the "
        f"same over HTTP. {agree_in_words(differing)}\n")


# --- workers that are killed


async def kill_again_and_again(server, every, stop):
    """One worker after the other; how many were killed."""
    killed, last = 0, None
    while not stop.is_set():
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(stop.wait(), every)
            break
        workers = server.workers()
        choice = [pid for pid in workers if pid != last] or workers
        if choice:
            last = choice[killed % len(choice)]
            with contextlib.suppress(ProcessLookupError):
                os.kill(last, signal.SIGKILL)
                killed += 1
    return killed


async def killed_under_load(server, requests, rate, seconds, every):
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, stop.set)
    killing = asyncio.create_task(kill_again_and_again(server, every, stop)) if every else None
    answers = await load.arrivals(server.port, requests, rate, seconds)
    return answers, await killing if killing else 0


def kills(place):
    small, headers = small_tensor()
    bodies = some_pictures(place, 200)
    with load.Headrace(place, place.variant("f32"), "--engine", "openvino", workers=WORKERS) as server:
        capacity = load.wrk(server.port, server.path, place.list_of_pictures(), CLIENTS, 4)["rate"]
    real, sleeping = place.variant("f32"), fake(place, "tensors")
    rate, spare = round(capacity / 2), ("--spare", 1)
    cases = (("the demo's model, nobody killed", real, (), WORKERS, rate, CALM_SECONDS, 0),
             ("the demo's model, 2 kills a second", real, (), WORKERS, rate, KILL_SECONDS, 0.5),
             ("the demo's model, 2 kills a second, `--spare 1`", real, spare, WORKERS, rate, KILL_SECONDS, 0.5),
             ("a model that sleeps, nobody killed", sleeping, (), 4, 200, CALM_SECONDS, 0),
             ("a model that sleeps, 20 kills a second", sleeping, (), 4, 200, STORM_SECONDS, 0.05))
    rows, differing = [], []
    for name, model, options, workers, pace, seconds, every in cases:
        with load.Headrace(place, model, *options, workers=workers) as server:
            data = ([load.request(server.path, body) for body in bodies] if model == real
                    else [load.request(server.path, small, **headers)])
            answers, killed = asyncio.run(killed_under_load(server, data, pace, seconds, every))
            good = [answer.seconds for answer in answers if answer.status == 200]
            succeeded = server.metric("nv_inference_request_success")
            retries = server.metric("headrace_retries_total")
        if succeeded != len(good):
            differing.append(f"{name}: {len(good)} and {succeeded:.0f}")
        rows.append([name, str(killed), f"{pace}", f"{len(answers):,}", f"{len(answers) - len(good)}", f"{retries:.0f}",
                     ms(quantile(good, 0.5)), ms(quantile(good, 0.99)), ms(quantile(good, 1))])
    return table(["", "killed", "requests a second", "requests", "not 200", "tried again", "p50 ms", "p99 ms",
                  "longest ms"], rows) + (
        f"\n{WORKERS} workers of the demo's model, 4 of the model that sleeps {SLEEP_MS} ms. Requests come at a steady "
        "rate, whatever happens: for the demo's model half of what it can do. Latency counts from when a request was "
        f"due. {agree_in_words(differing)}\n")


# --- told to end


async def told_to_end(server, requests):
    stop = asyncio.Event()
    asking = asyncio.create_task(load.asking(server.port, requests, 4 * CLIENTS, stop, pause=0.01))
    await asyncio.sleep(1.5)
    told = time.perf_counter()
    server.process.send_signal(signal.SIGTERM)
    while server.running():
        await asyncio.sleep(0.002)
    seconds = time.perf_counter() - told
    stop.set()
    return await asking, told, seconds, server.process.returncode


def ending(place, turns):
    small, headers = small_tensor()
    rows = []
    for turn in range(turns):
        with load.Headrace(place, fake(place, "tensors"), workers=WORKERS) as server:
            request = load.request(server.path, small, **headers)
            answers, told, seconds, code = asyncio.run(told_to_end(server, [request]))
        before = [a for a in answers if a.sent < told]
        in_flight = [a for a in before if a.sent + a.seconds > told]
        after = [a for a in answers if a.sent >= told]
        lost = [a for a in before if a.status in (BROKEN, REFUSED, SILENT)]
        rows.append([str(turn + 1), str(len(before)), str(len(in_flight)), str(sum(a.status == 200 for a in in_flight)),
                     str(sum(a.status == 503 for a in in_flight)), str(len(lost)),
                     *(str(sum(a.status in which for a in after))
                       for which in ((503,), (200,), (BROKEN, SILENT), (REFUSED,))),
                     f"{seconds:.2f}", str(code)])
    return table(["turn", "sent before SIGTERM", "of these without an answer then", "answered 200", "503", "lost",
                  "sent after: 503", "200", "connection ended", "refused", "seconds to the end", "exit code"], rows) + (
        f"\n{4 * CLIENTS} clients that ask again and again, {WORKERS} workers, a model that sleeps {SLEEP_MS} ms. "
        "Lost: sent whole before SIGTERM and never answered. A request that is sent on an open connection while the "
        "server closes it sees its connection end, as with every HTTP server.\n")


# --- too much to do


async def flooded(server, requests, rate):
    memory, done = [], asyncio.Event()

    async def watch():
        while not done.is_set():
            memory.append(await asyncio.to_thread(load.pss_mib, server.pid))
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(done.wait(), 0.5)

    watching = asyncio.create_task(watch())
    calm = await load.arrivals(server.port, requests, 0.3 * rate, 5)
    flood = await load.arrivals(server.port, requests, 3 * rate, OVERLOAD_SECONDS)
    done.set()
    await watching
    return calm, flood, memory


def overload(place):
    small, headers = small_tensor()
    bodies = some_pictures(place, 200)
    rows = []
    for name, model in (("a model that sleeps", fake(place, "tensors")),
                        ("the demo's model, pictures", place.variant("f32"))):
        with load.Headrace(place, model, "--queue", QUEUE, workers=WORKERS) as server:
            pictured = "pictures" in name
            listed = place.list_of_pictures() if pictured else file_of(place, "small.bin", small)
            capacity = load.wrk(server.port, server.path, listed, CLIENTS, 4, {} if pictured else headers)["rate"]
            data = ([load.request(server.path, body) for body in bodies] if pictured
                    else [load.request(server.path, small, **headers)])
            calm, flood, memory = asyncio.run(flooded(server, data, capacity))
        good = [a.seconds for a in flood if a.status == 200]
        refused = [a.seconds for a in flood if a.status == 429]
        alone = quantile([a.seconds for a in calm], 0.99)
        rows.append([name, f"{capacity:.0f}", f"{3 * capacity:.0f}", f"{len(good)}", f"{len(refused)}",
                     f"{len(flood) - len(good) - len(refused)}", ms(alone), ms(2 * alone + QUEUE / capacity),
                     ms(quantile(good, 0.99)), ms(quantile(refused, 0.5)), ms(quantile(refused, 0.99)),
                     f"{memory[0]:.0f}, {memory[len(memory) // 2]:.0f}, {memory[-1]:.0f}", f"{max(memory):.0f}"])
    return table(["", "capacity, a second", "asked, a second", "200", "429", "other", "p99 ms at 0.3 of capacity",
                  "bound of p99 ms", "p99 ms of the 200s", "p50 ms of the 429s", "p99 (target 5)",
                  "MiB: first, middle, last", "most"], rows) + (
        f"\nThree times what {WORKERS} workers can do for {OVERLOAD_SECONDS} s, at a steady rate, whatever comes back. "
        f"Bound: twice the p99 at low load, and a full queue of {QUEUE} at capacity. Memory: proportional share of the server and its "
        "workers. The clients, in Python, take time of the same processors; with the demo's model nothing is left for them.\n")


def measure(place, turns, passes):
    image_model, picture = fake(place, "image"), some_pictures(place, 3)[1]
    return "\n".join((
        "### Over the engine\n", overhead(place, turns), "### Rate\n", rates(place, turns, passes),
        "### Workers killed\n", kills(place), "### Told to end\n", ending(place, turns),
        "### Three times too much\n", overload(place),
        "### Odd clients\n", odd_clients.measure(place, fake(place, "tensors"), image_model, picture)))
