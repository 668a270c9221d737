// A probe for tests: runs one model once through a plug-in and leaves what came out in files.
//
// usage: engine_dump FOLDER ENGINE MODEL PRECISION THREADS DIMS INPUT OUTPUT
//   DIMS    the shape of input 0, e.g. 1x3x224x224; INPUT holds exactly its elements, raw
//   OUTPUT  output K is written raw to OUTPUT.K
#include <fstream>
#include <iostream>
#include <sstream>

#include "engine/engine.h"

namespace {

using namespace headrace;

std::optional<engine::Shape> parse_shape(const std::string& text) {
  std::vector<std::int64_t> dims;
  std::istringstream stream(text);
  for (std::string dim; std::getline(stream, dim, 'x');) dims.push_back(std::stoll(dim));
  return engine::Shape::of(dims);
}

Result<std::vector<std::byte>> read_file(const char* path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Error{std::string("cannot read ") + path};
  std::ostringstream content;
  content << file.rdbuf();
  const std::string bytes = content.str();
  const auto view = std::as_bytes(std::span(bytes));
  return std::vector<std::byte>(view.begin(), view.end());
}

Status dump(std::span<char*> arguments) {
  const std::filesystem::path folders[] = {arguments[0]};
  const auto plugin = engine::Plugin::load(arguments[1], folders);
  if (!plugin) return plugin.error();
  const auto shape = parse_shape(arguments[5]);
  const auto input = read_file(arguments[6]);
  if (!input) return input.error();
  auto session = plugin->open({.model = arguments[2],
                               .threads = static_cast<std::uint32_t>(std::stoul(arguments[4])),
                               .precision = arguments[3],
                               .input = shape});
  if (!session) return session.error();
  const engine::Tensor tensor{session->inputs()[0].type, shape.value_or(engine::Shape{}), *input};
  const auto outputs = session->infer({&tensor, 1});
  if (!outputs) return outputs.error();
  for (std::size_t k = 0; k < outputs->size(); ++k) {
    const engine::Tensor& output = (*outputs)[k];
    std::ofstream file(std::string(arguments[7]) + "." + std::to_string(k), std::ios::binary);
    file.write(reinterpret_cast<const char*>(output.data.data()),
               static_cast<std::streamsize>(output.data.size()));
    if (!file.flush()) return Error{"cannot write the outputs"};
    std::cout << session->outputs()[k].name << ' ' << engine::name_of(output.type)
              << output.shape.to_string() << '\n';
  }
  return Ok{};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 9) {
    std::cerr << "usage: engine_dump FOLDER ENGINE MODEL PRECISION THREADS DIMS INPUT OUTPUT\n";
    return 2;
  }
  const Status done = dump(std::span(argv + 1, 8));
  if (!done) std::cerr << done.error().message << '\n';
  return done ? 0 : 1;
}
