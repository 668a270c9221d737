// Writes the tensors of pictures, one after the other, to stdout: the C++ half of the comparison
// with Pillow.
//
//   image_dump [WIDTH=..] [HEIGHT=..] [FIT=..] [RESIZE=..] [FILTER=..] [COLOR=..] [LAYOUT=..]
//   [REPEAT=..] FILE...
//
// One line a file on stderr: "ok" or the error. A failed picture is a tensor of zeros. With
// REPEAT=n the whole list is done n times, nothing is written to stdout, and stderr gets one line:
// microseconds a picture, each time.
#include <charconv>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "image/picture.h"

namespace {

using headrace::image::ColorOrder;
using headrace::image::Element;
using headrace::image::Filter;
using headrace::image::Fit;
using headrace::image::Layout;
using headrace::image::Preprocessor;
using headrace::image::Recipe;

constexpr std::uint64_t kMaxPixels = 200'000'000;

std::uint32_t number(std::string_view text) {
  std::uint32_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

struct Arguments {
  Recipe recipe;
  std::uint32_t repeat = 0;
  std::vector<std::string> files;
};

// False when `argument` is none of the settings, and so a file.
bool set(Arguments& arguments, std::string_view argument) {
  const std::size_t equals = argument.find('=');
  if (equals == std::string_view::npos) return false;
  const std::string_view key = argument.substr(0, equals);
  const std::string_view value = argument.substr(equals + 1);
  Recipe& recipe = arguments.recipe;
  if (key == "WIDTH")
    recipe.width = number(value);
  else if (key == "HEIGHT")
    recipe.height = number(value);
  else if (key == "RESIZE")
    recipe.resize_to = number(value);
  else if (key == "FIT")
    recipe.fit = value == "pad" ? Fit::pad : value == "stretch" ? Fit::stretch : Fit::crop;
  else if (key == "FILTER")
    recipe.filter = value == "bicubic" ? Filter::bicubic : Filter::bilinear;
  else if (key == "COLOR")
    recipe.color = value == "gray"  ? ColorOrder::gray
                   : value == "bgr" ? ColorOrder::bgr
                                    : ColorOrder::rgb;
  else if (key == "LAYOUT")
    recipe.layout = value == "nchw" ? Layout::nchw : Layout::nhwc;
  else if (key == "REPEAT")
    arguments.repeat = number(value);
  else
    return false;
  return true;
}

std::vector<char> read(const std::string& file) {
  std::ifstream stream(file, std::ios::binary | std::ios::ate);
  std::vector<char> content(stream ? static_cast<std::size_t>(stream.tellg()) : 0);
  stream.seekg(0);
  stream.read(content.data(), static_cast<std::streamsize>(content.size()));
  return content;
}

void dump(const Arguments& arguments) {
  Preprocessor preprocessor(arguments.recipe, kMaxPixels);
  for (const std::string& file : arguments.files) {
    std::vector<std::byte> tensor(arguments.recipe.tensor_bytes());
    const std::vector<char> content = read(file);
    const auto done = preprocessor.run(std::as_bytes(std::span(content)), tensor);
    if (!done) tensor.assign(tensor.size(), std::byte{0});
    std::fprintf(stderr, "%s\n", done ? "ok" : done.error().message.c_str());
    std::fwrite(tensor.data(), 1, tensor.size(), stdout);
  }
}

void time(Arguments arguments) {
  arguments.recipe.element = Element::f32;
  arguments.recipe.layout = Layout::nchw;
  Preprocessor preprocessor(arguments.recipe, kMaxPixels);
  std::vector<std::byte> tensor(arguments.recipe.tensor_bytes());
  for (std::uint32_t i = 0; i < arguments.repeat; ++i) {
    std::clock_t spent = 0;
    for (const std::string& file : arguments.files) {
      const std::clock_t start = std::clock();  // reading counts: Pillow's time holds it too
      const std::vector<char> content = read(file);
      static_cast<void>(preprocessor.run(std::as_bytes(std::span(content)), tensor));
      spent += std::clock() - start;
    }
    std::fprintf(stderr, "%.1f ",
                 1e6 * static_cast<double>(spent) / CLOCKS_PER_SEC /
                     static_cast<double>(arguments.files.size()));
  }
  std::fprintf(stderr, "\n");
}

}  // namespace

int main(int count, char** values) {
  Arguments arguments;
  arguments.recipe.element = Element::u8;
  arguments.recipe.layout = Layout::nhwc;
  for (int i = 1; i < count; ++i) {
    if (!set(arguments, values[i])) arguments.files.emplace_back(values[i]);
  }
  if (arguments.repeat > 0) {
    time(arguments);
  } else {
    dump(arguments);
  }
  return 0;
}
