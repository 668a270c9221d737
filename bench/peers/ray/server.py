"""Ray Serve: two replicas of one processor each."""
import classifier
import ray
from ray import serve
from starlette.responses import JSONResponse


@serve.deployment(num_replicas=classifier.WORKERS, ray_actor_options={"num_cpus": 1})
class Classify:
    def __init__(self):
        self.classify = classifier.Classifier()

    async def __call__(self, request):
        answer = self.classify(await request.body())
        return JSONResponse(answer or {"error": "not a picture"}, 200 if answer else 400)


if __name__ == "__main__":
    ray.init(num_cpus=classifier.WORKERS, include_dashboard=False, log_to_driver=False)
    serve.start(http_options={"host": "127.0.0.1", "port": classifier.PORT})
    serve.run(Classify.bind(), route_prefix="/infer", blocking=True)
