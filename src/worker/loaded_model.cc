#include "worker/loaded_model.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>
#include <vector>

#include "sys/sandbox.h"
#include "worker/confinement.h"

namespace headrace::worker {
namespace {

std::string count(unsigned number, const char* thing) {
  return std::to_string(number) + " " + thing + (number == 1 ? "" : "s");
}

// The one shape that input 0 has: all inputs of a job look alike.
engine::Shape input_shape(const model::Input& input, unsigned batch) {
  std::vector<std::int64_t> dims = {batch};
  if (input.kind == model::InputKind::image) {
    const image::Recipe& p = input.picture;
    if (p.layout == image::Layout::nchw) {
      dims.insert(dims.end(), {p.channels(), p.height, p.width});
    } else {
      dims.insert(dims.end(), {p.height, p.width, p.channels()});
    }
  } else {
    dims.push_back(input.max_bytes);
  }
  return *engine::Shape::of(dims);
}

engine::DType input_type(const model::Input& input) {
  const bool floats =
      input.kind == model::InputKind::image && input.picture.element == image::Element::f32;
  return floats ? HR_F32 : HR_U8;
}

// What opening the model may read.
std::vector<std::filesystem::path> readable(const ModelSettings& settings) {
  std::vector<std::filesystem::path> places = places_of_model(settings.model);
  const std::vector<std::filesystem::path> libraries = sys::folders_of_libraries();
  places.insert(places.end(), libraries.begin(), libraries.end());
  return places;
}

}  // namespace

void FreeAligned::operator()(std::byte* p) const {
  ::operator delete[](p, std::align_val_t{kTensorAlignment});
}

AlignedBytes aligned_zeros(std::size_t bytes) {
  auto* p = static_cast<std::byte*>(::operator new[](bytes, std::align_val_t{kTensorAlignment}));
  std::memset(p, 0, bytes);
  return AlignedBytes(p);
}

std::string LoadedModel::equipment() const {
  const std::string with =
      plugin.name() + " " + plugin.version() + ", " + count(settings.threads, "thread");
  return settings.streams == 1 ? with : with + " in " + count(settings.streams, "stream");
}

Result<LoadedModel> load_model(const ModelSettings& settings, unsigned lanes) {
  if (settings.streams == 0 || lanes % settings.streams != 0 || lanes == 0) {
    return Error{std::to_string(lanes) + " items at a time cannot be shared by " +
                 count(settings.streams, "stream")};
  }
  const unsigned batch = lanes / settings.streams;
  const model::Input& input = settings.model.input;
  const bool open = input.kind == model::InputKind::tensors;
  if (open && batch != 1) {
    return Error{"a batch of " + std::to_string(batch) +
                 " is not possible: each item brings tensors of its own shape"};
  }
  Result<engine::Plugin> plugin =
      engine::Plugin::load(settings.model.engine, settings.engine_folders);
  if (!plugin) return plugin.error();
  // Its libraries are there by now, and none of its threads.
  if (Status bound = confine_loading(settings.sandbox, readable(settings)); !bound)
    return bound.error();
  Result<engine::Session> session =
      plugin->open({.model = settings.model.file,
                    .threads = settings.threads,
                    .streams = settings.streams,
                    .precision = settings.model.precision,
                    .input = open ? std::nullopt : std::optional(input_shape(input, batch))});
  if (!session) return session.error();
  return LoadedModel{.settings = settings,
                     .plugin = std::move(*plugin),
                     .session = std::move(*session),
                     .batch = batch};
}

InputLanes::InputLanes(const ModelSettings& settings, unsigned batch)
    : tensor_{.type = input_type(settings.model.input),
              .shape = input_shape(settings.model.input, batch),
              .data = {}} {
  const std::size_t bytes = *engine::bytes_of(tensor_.type, tensor_.shape);
  memory_ = aligned_zeros(bytes);
  tensor_.data = {memory_.get(), bytes};
  lane_bytes_ = bytes / batch;
  if (settings.model.input.kind == model::InputKind::image)
    preprocessor_.emplace(settings.model.input.picture, settings.max_pixels);
}

void InputLanes::fill(Item& item, std::span<const std::byte> content, std::size_t lane) {
  const std::span<std::byte> place = this->lane(lane);
  if (preprocessor_) {
    auto done = preprocessor_->run(content, place);
    if (!done) item.fail(done.error().code, done.error().message);
    return;
  }
  if (content.size() > place.size()) {
    return item.fail(ItemError::too_large, "has " + std::to_string(content.size()) +
                                               " bytes, but the model takes at most " +
                                               std::to_string(place.size()));
  }
  std::copy(content.begin(), content.end(), place.begin());
  std::fill(place.begin() + static_cast<std::ptrdiff_t>(content.size()), place.end(), std::byte{0});
}

}  // namespace headrace::worker
