// How long an engine itself takes from nothing to its first answer: the limit of a start.
//
// Loads the plug-in, the model and runs it once on zeros, without the rest of Headrace. Prints one
// line the moment the answer is there, so that whoever started it can take the time from outside,
// process start included.
//
// usage: first_result MODEL ENGINE ENGINE_FOLDER DIMS     (DIMS with the batch, as 1x3x224x224)
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "model/model.h"

namespace {

using namespace headrace;

engine::Shape parse_shape(const std::string& text) {
  std::vector<std::int64_t> dims;
  std::istringstream stream(text);
  for (std::string dim; std::getline(stream, dim, 'x');) dims.push_back(std::stoll(dim));
  const auto shape = engine::Shape::of(dims);
  if (!shape) throw std::runtime_error(text + " is no shape");
  return *shape;
}

void infer_once(char** arguments) {
  const Result<model::Model> model = model::load(arguments[0]);
  if (!model) throw std::runtime_error(model.error().message);
  const std::filesystem::path folders[] = {arguments[2]};
  const auto plugin = engine::Plugin::load(arguments[1], folders);
  if (!plugin) throw std::runtime_error(plugin.error().message);
  const engine::Shape shape = parse_shape(arguments[3]);
  auto session = plugin->open(
      {.model = model->file, .threads = 1, .precision = model->precision, .input = shape});
  if (!session) throw std::runtime_error(session.error().message);
  const auto elements = shape.elements();
  if (!elements) throw std::runtime_error("DIMS is too large");
  const std::vector<float> zeros(*elements);
  const engine::Tensor input{HR_F32, shape, std::as_bytes(std::span(zeros))};
  if (const auto outputs = session->infer({&input, 1}); !outputs) {
    throw std::runtime_error(outputs.error().message);
  }
  std::puts("answered");
  std::fflush(stdout);
  _exit(0);  // as a worker ends: an engine's exit handlers are not what is measured
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fputs("usage: first_result MODEL ENGINE ENGINE_FOLDER DIMS\n", stderr);
    return 2;
  }
  try {
    infer_once(argv + 1);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "first_result: %s\n", e.what());
  }
  return 1;
}
