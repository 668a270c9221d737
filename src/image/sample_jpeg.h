// A picture to measure with when nobody has given one.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace headrace::image {

// A JPEG of this size with slopes and some grain, so that decoding it takes about as long as a
// photograph does. The same bytes every time.
Result<std::string> sample_jpeg(std::uint32_t width, std::uint32_t height);

}  // namespace headrace::image
