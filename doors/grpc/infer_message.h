// Infer requests and answers as gRPC words them.
//
// What must be done is the same as for HTTP, so it is told in the same words (oip::InferRequest); only
// where the bytes are differs: a tensor lies in `raw_input_contents`, or value by value in `contents`.
// Messages may be the work of anybody. Pure functions.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "oip/infer_request.h"
#include "oip/infer_response.h"
#include "open_inference.pb.h"
#include "shm/served.h"

namespace headrace::grpc_door {

// Which input is where: InferInput::place counts the message's inputs, and its source is `tail` when
// the bytes are raw. Every output is wanted in binary.
oip::Answer<oip::InferRequest> read_request(const inference::ModelInferRequest& message,
                                            const oip::Signature& signature);

// The places of the inputs in shared memory, in the signature's order, and how long it all is.
struct Laid {
  std::vector<shm::ServedPart> parts;
  std::size_t bytes = 0;
};
oip::Answer<Laid> lay_out(const oip::InferRequest& request);

// Writes the tensor of signature's input `input` into `out`, which has exactly its bytes. After a
// refusal the content of `out` is of no use.
oip::Answer<Ok> fill(const inference::ModelInferRequest& message, const oip::InferRequest& request,
                     std::size_t input, const oip::Signature& signature, std::span<std::byte> out);

// The file in a request that brings one picture: an only input of one element of BYTES, whatever it is
// called. Nothing when the request is of another kind.
std::optional<oip::Answer<std::string_view>> read_picture(
    const inference::ModelInferRequest& message);

// Appends the outputs, each with its entry in raw_output_contents. They must be of the size that their
// shapes say. Fails where one cannot be had as a classification.
Status write_outputs(std::span<const oip::OutputTensor> outputs,
                     inference::ModelInferResponse& response);
// The answer to a picture: the JSON text, as the one element of an output of BYTES.
void write_json(std::string_view json, inference::ModelInferResponse& response);

}  // namespace headrace::grpc_door
