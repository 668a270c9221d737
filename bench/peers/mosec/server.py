"""mosec: a Worker of bytes in and JSON out, two of them; no batching, since the model has batch 1."""
import sys

import classifier
from mosec import Server, ValidationError, Worker


class Classify(Worker):
    def __init__(self):
        super().__init__()
        self.classify = classifier.Classifier()

    def deserialize(self, data):
        return data

    def forward(self, data):
        answer = self.classify(data)
        if answer is None:
            raise ValidationError("not a picture")
        return answer


if __name__ == "__main__":
    sys.argv += ["--address", "127.0.0.1", "--port", str(classifier.PORT), "--timeout", "60000", "--log-level",
                 "warning"]
    server = Server()
    server.append_worker(Classify, num=classifier.WORKERS)
    server.run()
