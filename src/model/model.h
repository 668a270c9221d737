// What a model is to Headrace: a file, the engine that runs it, and how inputs and outputs are
// read.
//
// Parsed and checked by the supervisor before any worker starts, then handed to workers as JSON
// text (to_json / from_json), so that a model.toml edited meanwhile cannot split the fleet. Loading
// the model file itself is the engine's business, in a worker.
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
  image,    // a picture, by image::Recipe
  bytes,    // the file's bytes as a u8 tensor [batch, max_bytes], zero-padded
  name,     // the input's name as a u8 tensor [batch, max_bytes], zero-padded; no file is opened
  tensors,  // tensors as they were sent, one for each input of the model; for serving alone
};
enum class OutputKind : unsigned char {
  classification,  // the best `top_k` of one row of scores per item
  raw,             // every output tensor, as numbers
};

struct Input {
  InputKind kind = InputKind::image;
  image::Recipe picture;           // kind image
  std::uint32_t max_bytes = 1024;  // kinds bytes and name
};

struct Output {
  OutputKind kind = OutputKind::raw;
  std::vector<std::string> labels;  // empty, or one per class
  std::uint32_t top_k = 5;
  bool softmax = false;  // turn logits into probabilities
};

struct Model {
  std::string name;
  std::filesystem::path file;  // absolute
  // Of a bare file: all files that belong to it, itself among them, absolute. Otherwise empty: everything in
  // its folder does.
  std::vector<std::filesystem::path> files;
  std::string engine = "auto";    // "auto", or the name of a plug-in
  std::string precision = "f32";  // or "auto": what the engine finds fastest on this processor
  Input input;
  Output output;
  // The batch size that the model file fixes, 0 if it leaves it open. An engine may refuse any
  // other. 1 for inputs that are tensors: each brings its own shape, and runs alone.
  std::uint32_t fixed_batch = 0;
  std::vector<std::string> guesses;  // for a bare file: what was assumed, a sentence each
};

// Reads MODEL as the user named it: a folder with model.toml, that file itself, or a bare .onnx,
// .xml or .fake file. Checks all that can be known without an engine: the shapes that the model
// file promises, the number of labels, the files beside it. `engine` stays "auto" only where more
// than one engine may serve. The error names the file, the line and the nearest valid word; it has
// a line for each problem of the text. Unless `beneath` is empty, all its files must lie in that folder, wherever links
// lead; none that does not is read.
Result<Model> load(const std::filesystem::path& path, const std::filesystem::path& beneath = {});

// Every field, for a worker. Names and paths may be any bytes.
std::string to_json(const Model& model);
// The reverse. Text that to_json did not write is an error, never a crash.
Result<Model> from_json(std::string_view text);

}  // namespace headrace::model
