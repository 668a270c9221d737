#!/usr/bin/env python3
"""What Python's standard library does with the work of bench/library.cc: multiprocessing and concurrent.futures.

    python_library.py tasks WORKERS TASKS ROUND_TRIPS
    python_library.py messages MESSAGES ROUND_TRIPS
    python_library.py arrays BYTES TIMES

Processes are started, and have done something, before a clock starts. Each prints one line of JSON, as
bench/library.cc does. TASKS is for chunks that are large; a fifth of it travels alone through a Pool, a
twenty-fifth through a ProcessPoolExecutor, which is slower. Only the standard library.
"""
import concurrent.futures
import json
import multiprocessing
import sys
import time


def same(x):
    return x


def seconds(call):
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def microseconds(times, call):
    """p50 and p99 of single calls, after some that are not counted."""
    for _ in range(times // 10 + 1):
        call()
    return percentiles([seconds(call) for _ in range(times)])


def percentiles(values):
    values = sorted(values)
    return tuple(values[(len(values) - 1) * percent // 100] * 1e6 for percent in (50, 99))


def tasks(workers, count, round_trips):
    alone, alone_executor = count // 5, count // 25
    with multiprocessing.Pool(workers) as pool:
        pool.map(same, range(1000), chunksize=1)
        result = {"map_1": alone / seconds(lambda: pool.map(same, range(alone), chunksize=1)),
                  "map_default": count / seconds(lambda: pool.map(same, range(count)))}
        result["apply_p50"], result["apply_p99"] = microseconds(round_trips, lambda: pool.apply(same, (1,)))
    with concurrent.futures.ProcessPoolExecutor(workers) as executor:
        def drain(items, chunk):
            for _ in executor.map(same, range(items), chunksize=chunk):
                pass

        drain(1000, 1)
        result["executor_1"] = alone_executor / seconds(lambda: drain(alone_executor, 1))
        result["executor_1000"] = count / seconds(lambda: drain(count, 1000))
        result["submit_p50"], result["submit_p99"] = microseconds(
            round_trips, lambda: executor.submit(same, 1).result())
    return result


class Pipes:
    """Pipe with the words of a Queue."""

    def __init__(self):
        self.reader, self.writer = multiprocessing.Pipe(duplex=False)
        self.get, self.put = self.reader.recv, self.writer.send


def other_side(there, back):
    """Takes until the end and says so; then sends back what comes, until the end."""
    back.put(0)
    count = 0
    while there.get() is not None:
        count += 1
    back.put(count)
    while (message := there.get()) is not None:
        back.put(message)


def talk(kind, count, round_trips):
    there, back = kind(), kind()
    process = multiprocessing.Process(target=other_side, args=(there, back))
    process.start()
    back.get()
    begin = time.perf_counter()
    for i in range(count):
        there.put(i)
    there.put(None)
    assert back.get() == count
    rate = count / (time.perf_counter() - begin)

    def trip():
        there.put(1)
        back.get()

    p50, p99 = microseconds(round_trips, trip)
    there.put(None)
    process.join()
    return rate, p50, p99


def messages(count, round_trips):
    result = {}
    for name, kind in (("queue", multiprocessing.Queue), ("pipe", Pipes)):
        result[name], result[f"{name}_trip_p50"], result[f"{name}_trip_p99"] = talk(kind, count, round_trips)
    return result


def receiver(there, back):
    back.send(0)
    while True:
        sent, data = there.get()
        took = time.monotonic_ns() - sent
        if data is None:
            return
        assert data[0] == 1 and data[-1] == 1
        back.send(took)
        del data


def arrays(size, times):
    """Nanoseconds from the sender's call until the receiver has the bytes."""
    data = b"\x01" * size
    result = {}
    for name, kind in (("queue", multiprocessing.Queue), ("pipe", Pipes)):
        there, (back, answers) = kind(), multiprocessing.Pipe(duplex=False)
        process = multiprocessing.Process(target=receiver, args=(there, answers))
        process.start()
        back.recv()
        took = []
        for _ in range(times):
            there.put((time.monotonic_ns(), data))
            took.append(back.recv() / 1e9)
        there.put((0, None))
        process.join()
        result[f"{name}_p50"], result[f"{name}_p99"] = percentiles(took)
    return result


def main():
    command, *numbers = sys.argv[1:]
    print(json.dumps({"tasks": tasks, "messages": messages, "arrays": arrays}[command](*map(int, numbers))))


if __name__ == "__main__":
    main()
