// What a model takes and gives, and whether what a request names fits it.
//
// Workers say what their model is like, in JSON that is not believed; requests say what they bring.
// Both doors, HTTP and gRPC, ask the same questions here and refuse with the same sentences.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "oip/datatype.h"
#include "oip/refusal.h"

namespace headrace::oip {

struct TensorSpec {
  std::string name;
  Datatype datatype = Datatype::fp32;
  engine::Shape shape;  // the batch first; -1 for a dimension that is not fixed
};

struct Signature {
  std::vector<TensorSpec> inputs;
  std::vector<TensorSpec> outputs;
};

inline constexpr std::size_t kMostSignatureBytes = 256 << 10;

// Reads {"inputs": [{"name", "datatype", "shape"}], "outputs": [...]}, which anybody may have
// written: at least one of each, bounded in number, names and size, no name twice.
Result<Signature> read_signature(std::string_view json);

// The reverse.
std::string write_signature(const Signature& signature);

// One request's inputs against the signature, one after the other.
class InputCheck {
 public:
  // `signature` must outlive it.
  explicit InputCheck(const Signature& signature)
      : signature_(signature), given_(signature.inputs.size()) {}

  struct Input {
    std::size_t index = 0;     // in the signature
    engine::Shape shape;       // every dimension fixed, at least 1
    std::size_t elements = 0;  // their product
  };
  Answer<Input> take(std::string_view name, std::string_view datatype,
                     std::span<const std::int64_t> shape);
  // That none is missing.
  Answer<Ok> finish() const;

 private:
  const Signature& signature_;
  std::vector<bool> given_;
};

// The output of that name, as its index in the signature.
Answer<std::size_t> find_output(const Signature& signature, std::string_view name);

}  // namespace headrace::oip
