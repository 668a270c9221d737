// A model on its engine, and the tensor that a stream fills for it: what all bodies over a model have
// in common, wherever their inputs come from.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/result.h"
#include "engine/engine.h"
#include "image/picture.h"
#include "worker/body.h"
#include "worker/model_body.h"

namespace headrace::worker {

// Memory that engines read in place.
inline constexpr std::size_t kTensorAlignment = 64;

struct FreeAligned {
  void operator()(std::byte* p) const;
};
using AlignedBytes = std::unique_ptr<std::byte[], FreeAligned>;
AlignedBytes aligned_zeros(std::size_t bytes);

// Open for as many streams as the settings say.
struct LoadedModel {
  ModelSettings settings;
  engine::Plugin plugin;
  engine::Session session;
  unsigned batch = 1;  // items that one inference takes

  // "openvino 2026.4.1, 2 threads in 2 streams"
  std::string equipment() const;
};

// Takes seconds. `lanes` is the streams times the batch. The session is for the one shape that all
// inputs have, batch first; for inputs that are tensors it is as open as the model, and the batch
// is 1.
Result<LoadedModel> load_model(const ModelSettings& settings, unsigned lanes);

// The input tensor of one stream, zeros at first: a lane for each item of a batch. Not for inputs that
// are tensors, which bring their own.
class InputLanes {
 public:
  InputLanes(const ModelSettings& settings, unsigned batch);

  const engine::Tensor& tensor() const { return tensor_; }
  std::span<std::byte> bytes() const { return {memory_.get(), tensor_.data.size()}; }
  std::span<std::byte> lane(std::size_t lane) const {
    return bytes().subspan(lane * lane_bytes_, lane_bytes_);
  }
  // Makes a lane of what an item holds: a picture's file, or bytes. May fail the item.
  void fill(Item& item, std::span<const std::byte> content, std::size_t lane);

 private:
  engine::Tensor tensor_;
  AlignedBytes memory_;
  std::size_t lane_bytes_ = 0;
  std::optional<image::Preprocessor> preprocessor_;
};

}  // namespace headrace::worker
