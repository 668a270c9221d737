// The inputs and outputs of an OpenVINO model (.xml), read in the supervisor before any worker
// starts.
//
// Reads the Parameter and Result layers only. The weights, in the .bin beside it, are not looked
// at.
#pragma once

#include <istream>
#include <string_view>

#include "base/result.h"
#include "model/signature.h"

namespace headrace::model {

// `in` is the file, opened binary; `file` is how the user knows it, for the error.
Result<Signature> read_openvino_ir(std::istream& in, std::string_view file);

}  // namespace headrace::model
