// From the bytes of a file to the input tensor of a model.
//
// Called by workers only, from one thread per Preprocessor. The bytes are anybody's: every size in
// them is checked against the cap before memory is taken for it, and a broken picture is an error,
// never a crash. What is right is what Pillow does: Image.open, exif_transpose, convert("RGB"),
// resize, crop. Two things differ: a JPEG whose pixels are damaged is an error here (Pillow passes
// many, with patches), and 16-bit gray is scaled to 8 bits (Pillow cuts it off at 255).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/result.h"
#include "image/recipe.h"

namespace headrace::image {

struct PictureError {
  ItemError code;  // unsupported, corrupt or too_large
  std::string message;
};

// Decodes, turns, resizes, crops and normalises pictures by one recipe. Keeps its own buffers and
// its resizing plans between pictures, up to a bound; the decoding libraries allocate for each. At
// its peak a picture takes some 12 bytes a pixel at most (reckoned from the formats, not measured).
class Preprocessor {
 public:
  // `max_pixels` caps width x height as the header promises it, before anything is allocated.
  Preprocessor(const Recipe& recipe, std::uint64_t max_pixels);
  ~Preprocessor();
  Preprocessor(Preprocessor&&) noexcept;
  Preprocessor& operator=(Preprocessor&&) noexcept;

  // Fills `tensor`, which has exactly recipe.tensor_bytes() bytes (else std::invalid_argument) and
  // is aligned for its elements, from one encoded picture. After an error, `tensor` holds nothing
  // of use, and the Preprocessor is as good as before.
  Result<Ok, PictureError> run(std::span<const std::byte> encoded, std::span<std::byte> tensor);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace headrace::image
