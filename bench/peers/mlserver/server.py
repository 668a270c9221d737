"""MLServer: an MLModel in two inference workers. A picture comes as the body of a custom handler, its way for what is
no tensor."""
import classifier
from fastapi import Body
from mlserver import MLModel
from mlserver.errors import MLServerError
from mlserver.handlers import custom_handler


class Classify(MLModel):
    async def load(self):
        self.classify = classifier.Classifier()
        return True

    @custom_handler(rest_path="/infer")
    async def infer(self, picture: bytes = Body(media_type="image/jpeg")) -> dict:
        answer = self.classify(picture)
        if answer is None:
            raise MLServerError("not a picture", 400)
        return answer
