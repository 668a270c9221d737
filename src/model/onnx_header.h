// The inputs and outputs of an ONNX file, read in the supervisor before any worker starts.
//
// Without it a wrong size or label count would show only once every worker has loaded the model, as
// an engine's message. The supervisor loads no engine and trusts no file, so this reads just the
// few fields of the graph that matter and passes over all weights: a model of 10 GB costs a few
// reads. It never judges whether the operators are valid; that is the engine's business.
#pragma once

#include <istream>
#include <string_view>

#include "base/result.h"
#include "model/signature.h"

namespace headrace::model {

// `in` is the file, opened binary; `file` is how the user knows it, for the error.
Result<Signature> read_onnx(std::istream& in, std::string_view file);

}  // namespace headrace::model
