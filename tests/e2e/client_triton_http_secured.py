#!/usr/bin/env python3
"""Another maker's HTTP client talks TLS with a certificate of one's own, and names its token; without either it gets an
error that says which."""
import ssl
from pathlib import Path

import job
import other_makers
import serving

other_makers.needs("tritonclient", "geventhttpclient")

import numpy  # noqa: E402
import tritonclient.http as triton  # noqa: E402

TOKEN = {"Authorization": "Bearer secret"}


class Sealed(serving.Server):
    def until_ready(self, seconds=60):
        self.run.until_said("serving")


def body():
    Path("tokens").write_text("secret\n")
    serving.make_certificate()
    server = Sealed(serving.echo(), "--workers", 1, "--token-file", "tokens", "--tls-cert", "cert.pem", "--tls-key",
                    "key.pem")  # fmt: skip
    place = f"localhost:{server.port}"
    client = triton.InferenceServerClient(
        place, ssl=True, ssl_context_factory=lambda: ssl.create_default_context(cafile="cert.pem"))
    job.until(client.is_server_ready, 60, "it is ready")
    values = numpy.array([[1, 2, 250]], numpy.uint8)
    inputs = [triton.InferInput("INPUT0", [1, 3], "UINT8").set_data_from_numpy(values)]
    assert (client.infer("echo", inputs, headers=TOKEN).as_numpy("OUTPUT0") == values).all()
    assert client.get_model_metadata("echo", headers=TOKEN)["name"] == "echo"
    for headers in (None, {"Authorization": "Bearer wrong"}):
        try:
            client.infer("echo", inputs, headers=headers)
            raise AssertionError("it was let in")
        except triton.InferenceServerException as e:
            assert e.status() == "401" and "Bearer" in e.message(), e
    client.close()
    try:
        triton.InferenceServerClient(place, ssl=True).is_server_live()  # which trusts only the well-known
        raise AssertionError("it trusts whom it does not know")
    except ssl.SSLError as e:
        assert "CERTIFICATE_VERIFY_FAILED" in str(e), e
    server.end()


job.test(body)
