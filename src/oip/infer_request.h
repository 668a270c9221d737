// From the JSON of an infer request to what must be done: which bytes belong to which input, and
// how the outputs are wanted.
//
// A request is understood before its tensors are touched, so that the sizes are known while most of
// the body is still on its way: the tail of binary tensors can be read straight into the memory that
// was claimed for it, and numbers in JSON are converted straight into that memory as well. Nothing
// that a request claims is allocated here: beside its own text a request costs 4 bytes for each of
// its JSON tokens while it is read, and strings once more.
//
// Values without threads, sockets or clock. One reader belongs to one thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "oip/refusal.h"
#include "oip/signature.h"

namespace headrace::oip {

// What a reader wants behind the text of a request: a string with so much room to spare is not copied.
inline constexpr std::size_t kJsonMargin = 64;

// How a body of a known length is divided.
struct BodyParts {
  bool raw = false;  // no JSON: the whole body is the only input
  std::size_t json_bytes = 0;
  std::size_t tail_bytes = 0;  // binary tensors, right behind the JSON
};
// `header` is the value of Inference-Header-Content-Length, if the request has one.
Answer<BodyParts> divide_body(std::optional<std::string_view> header, std::size_t body_bytes,
                              std::size_t most_json_bytes);

struct InferInput {
  enum class Source : unsigned char {
    tail,             // bytes [tail_offset, tail_offset + bytes) of the tail; then call check_tail
    tail_as_element,  // of a raw request: the whole tail is one element of BYTES. 4 bytes with its
                      // length, the tail behind them
    json,             // call fill
  };
  engine::Shape shape;  // every dimension fixed, at least 1
  Datatype datatype = Datatype::fp32;
  std::size_t elements = 0;
  std::size_t bytes = 0;  // of the tensor in binary form, exactly
  Source source = Source::tail;
  std::size_t tail_offset = 0;
  std::size_t place = 0;  // which of the request's inputs it is
};

struct WantedOutput {
  std::size_t index = 0;  // in the signature
  bool binary = false;
  std::uint32_t classes =
      0;  // the so many best, as "value:index:label", instead of the tensor; 0: no
};

// A whole file, such as a picture, is answered with one output of BYTES: a JSON text.
inline constexpr std::string_view kFileOutput = "result";

struct InferRequest {
  // The one input is a whole file, for a model that takes files: one element of BYTES, in the tail with its length in
  // front, under whatever name. Its outputs are kFileOutput, index 0.
  bool file = false;
  std::string id;                       // empty: none
  std::uint64_t priority = 0;           // 1 is the most urgent, 0 the server's default
  std::chrono::microseconds timeout{};  // that the client gives it in the queue; 0: none
  std::vector<InferInput> inputs;       // in the order of the signature, one for each
  std::vector<WantedOutput> outputs;    // in the order asked for; all of the model's if none was
  std::string json;                     // its text, and zeros behind it that the reader needs
  std::size_t json_bytes = 0;           // without the zeros
};

class InferReader {
 public:
  InferReader();
  ~InferReader();
  InferReader(InferReader&&) noexcept;
  InferReader& operator=(InferReader&&) noexcept;

  // `json` is the JSON part of the body alone, `tail_bytes` how many follow it. With `takes_files` a request of one
  // input of BYTES brings a file.
  Answer<InferRequest> read(std::string json, std::size_t tail_bytes, const Signature& signature,
                            bool takes_files = false);

  // Converts the JSON data of signature's input `input` to binary form, into `out`, which has
  // exactly its `bytes`. After a refusal the content of `out` is of no use.
  Answer<Ok> fill(const InferRequest& request, std::size_t input, const Signature& signature,
                  std::span<std::byte> out);

 private:
  struct Json;
  std::unique_ptr<Json> json_;
};

// A request whose whole body is the only input of the model; every output is wanted, in binary.
Answer<InferRequest> read_raw(std::size_t body_bytes, const Signature& signature);

// What only the bytes of a tensor in binary form tell: whether BYTES are framed right, and each BOOL
// is 0 or 1. `name` is for the sentence.
Answer<Ok> check_tail(std::string_view name, const InferInput& input,
                      std::span<const std::byte> tensor);

}  // namespace headrace::oip
