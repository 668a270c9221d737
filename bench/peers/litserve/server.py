"""LitServe: a LitAPI, two workers on the CPU, its faster queue. A picture comes as a form, which is its way for
files."""
import classifier
import litserve
from fastapi import HTTPException


class Classify(litserve.LitAPI):
    def setup(self, device):
        self.classify = classifier.Classifier()

    def decode_request(self, request):
        return request["picture"].file.read()

    def predict(self, content):
        return self.classify(content)

    def encode_response(self, answer):
        if answer is None:
            raise HTTPException(400, "not a picture")
        return answer


if __name__ == "__main__":
    server = litserve.LitServer(Classify(), accelerator="cpu", workers_per_device=classifier.WORKERS, fast_queue=True,
                                restart_workers=True, timeout=60)
    server.run(host="127.0.0.1", port=classifier.PORT, generate_client_file=False, log_level="warning",
               access_log=False)
