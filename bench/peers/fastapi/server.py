"""FastAPI in two processes of gunicorn, with uvicorn's worker. The picture is worked on by one thread beside the one
that reads sockets, as FastAPI advises for what keeps the processor busy."""
import asyncio
from concurrent.futures import ThreadPoolExecutor

import classifier
from fastapi import FastAPI, HTTPException, Request

app = FastAPI()
classify = classifier.Classifier()  # in each process: gunicorn loads the application after its fork
thread = ThreadPoolExecutor(1)


@app.post("/infer")
async def infer(request: Request):
    answer = await asyncio.get_running_loop().run_in_executor(thread, classify, await request.body())
    if answer is None:
        raise HTTPException(400, "not a picture")
    return answer
