// What a model is to Headrace: a file, the engine that runs it, and how inputs and outputs are read.
//
// Parsed and checked by the supervisor before any worker starts, then handed to workers as JSON text (to_json
// / from_json), so that a model.toml edited meanwhile cannot split the fleet. Loading the model file itself is
// the engine's business, in a worker.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "image/recipe.h"

namespace headrace::model {

enum class InputKind : unsigned char {
  image,  // a picture, by image::Recipe
  bytes,  // the file's bytes as a u8 tensor [batch, max_bytes], zero-padded
  name,   // the input's name as a u8 tensor [batch, max_bytes], zero-padded; no file is opened
};
enum class OutputKind : unsigned char {
  classification,  // the best `top_k` of one row of scores per item
  raw,             // every output tensor, as numbers
};

struct Input {
  InputKind kind = InputKind::image;
  image::Recipe picture;            // kind image
  std::uint32_t max_bytes = 1024;   // kinds bytes and name
};

struct Output {
  OutputKind kind = OutputKind::raw;
  std::vector<std::string> labels;  // empty, or one per class
  std::uint32_t top_k = 5;
  bool softmax = false;             // turn logits into probabilities
};

struct Model {
  std::string name;
  std::filesystem::path file;           // absolute
  std::string engine = "auto";          // "auto", or the name of a plug-in
  std::string precision = "auto";       // "auto" or "f32"
  Input input;
  Output output;
  std::vector<std::string> guesses;     // for a bare file: what was assumed, a sentence each
};

// Reads MODEL as the user named it: a folder with model.toml, that file itself, or a bare .onnx / .xml file.
// The error names the file, the line and the nearest valid word.
Result<Model> load(const std::filesystem::path& path);

std::string to_json(const Model& model);
Result<Model> from_json(std::string_view text);

}  // namespace headrace::model
