// A picture from anybody. Hostile here: sizes that lie, tables and chunks that are broken, directories
// of EXIF that point anywhere. It must be decoded, or refused with a reason; and whatever it did, the
// next picture must come out as ever.
//
// The last byte of an input, which every format passes over, chooses the recipe. The decoding
// libraries are the distribution's: their own code is followed by no sanitizer, only what they are
// given and what they give.
#include <array>
#include <span>
#include <string>
#include <vector>

#include "base/fuzz.h"
#include "image/picture.h"
#include "image/sample_jpeg.h"
#include "image/sniff.h"

namespace headrace::image {
namespace {

using fuzz::must;
using Bytewise = std::span<const std::byte>;

// What a worker allows is 100 million; here each input would take its time to fill as much memory.
constexpr std::uint64_t kMostPixels = 1'000'000;

const std::array<Recipe, 4>& recipes() {
  static const std::array<Recipe, 4> all = {
      Recipe{.width = 24, .height = 24, .resize_to = 32},
      Recipe{.width = 17,
             .height = 40,
             .fit = Fit::pad,
             .filter = Filter::bicubic,
             .mean = {127, 1, 2},
             .layout = Layout::nhwc},
      Recipe{.width = 64, .height = 8, .fit = Fit::stretch, .color = ColorOrder::gray},
      Recipe{.width = 8,
             .height = 8,
             .resize_to = 8,
             .color = ColorOrder::bgr,
             .element = Element::u8}};
  return all;
}

struct Path {
  explicit Path(const Recipe& recipe)
      : preprocessor(recipe, kMostPixels),
        tensor(recipe.tensor_bytes()),
        sample(*sample_jpeg(40, 30)),
        expected(tensor.size()) {
    must(bool{preprocessor.run(std::as_bytes(std::span(sample)), expected)},
         "a sample is a picture");
  }
  Preprocessor preprocessor;
  std::vector<std::byte> tensor;
  std::string sample;
  std::vector<std::byte> expected;  // what the sample becomes
};

void run(Bytewise encoded) {
  static std::array<Path, 4> paths = {Path(recipes()[0]), Path(recipes()[1]), Path(recipes()[2]),
                                      Path(recipes()[3])};
  const std::size_t choice = encoded.empty() ? 0 : std::to_integer<std::size_t>(encoded.back());
  Path& path = paths[choice % paths.size()];
  must(!sniff(encoded).looks_like.empty(), "everything looks like something");
  const auto done = path.preprocessor.run(encoded, path.tensor);
  if (done) return;
  must(!done.error().message.empty(), "a refusal has a sentence");
  must(path.preprocessor.run(std::as_bytes(std::span(path.sample)), path.tensor) &&
           path.tensor == path.expected,
       "a broken picture leaves nothing behind");
}

}  // namespace
}  // namespace headrace::image

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  headrace::image::run(std::as_bytes(std::span(data, size)));
  return 0;
}
