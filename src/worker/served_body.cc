#include "worker/served_body.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "shm/brief.h"
#include "shm/served.h"
#include "worker/loaded_model.h"
#include "worker/model_result.h"
#include "worker/served_result.h"
#include "worker/streamed_body.h"

namespace headrace::worker {
namespace {

using engine::Shape;
using engine::Tensor;
using engine::TensorInfo;
using Bytewise = std::span<const std::byte>;

// Elements travel by the numbers of engine_api.h, which shm must not include.
static_assert(HR_U8 == shm::kServedBytesType && HR_MAX_RANK == shm::kMostServedRank);
static_assert(HR_NAME_SIZE == shm::kServedNameBytes);

bool takes_tensors(const ModelSettings& settings) {
  return settings.model.input.kind == model::InputKind::tensors;
}

// An engine's sentence, for a client. It may name files, here or where the engine was built; what
// has a slash in it is left out, be it a file or not.
std::string without_paths(std::string_view sentence) {
  std::string out;
  while (!sentence.empty()) {
    const std::size_t end = std::min(sentence.find(' '), sentence.size());
    const std::string_view word = sentence.substr(0, end);
    if (!out.empty()) out += ' ';
    out += word.find('/') == std::string_view::npos ? word : "...";
    sentence.remove_prefix(std::min(end + 1, sentence.size()));
  }
  return out;
}

// The same shape, with any number of rows.
Shape in_rows(const Shape& shape) {
  std::vector<std::int64_t> dims(shape.dims().begin(), shape.dims().end());
  dims.front() = -1;
  return *Shape::of(dims);
}

// A copy for engines, which read in place only what is aligned. Kept between items.
class AlignedCopy {
 public:
  Bytewise of(Bytewise data) {
    if (data.size() > room_) {
      memory_ = aligned_zeros(data.size());
      room_ = data.size();
    }
    std::ranges::copy(data, memory_.get());
    return {memory_.get(), data.size()};
  }

 private:
  AlignedBytes memory_;
  std::size_t room_ = 0;
};

bool is_aligned(Bytewise data) {
  return reinterpret_cast<std::uintptr_t>(data.data()) % kTensorAlignment == 0;
}

// What one stream works with.
class ServedStream {
 public:
  ServedStream(LoadedModel& model, unsigned number)
      : model_(model),
        number_(number),
        prepared_(model.batch),
        copies_(model.session.inputs().size()),
        result_(model.session.outputs(), model.batch) {
    if (!takes_tensors(model.settings)) lanes_.emplace(model.settings, model.batch);
  }

  Status warm_up() {
    if (!lanes_) return warm_up_on_tensors();
    if (auto outputs = infer({&lanes_->tensor(), 1}); !outputs) return outputs.error();
    return Ok{};
  }

  void prepare(Item& item, std::size_t lane) {
    Prepared& prepared = prepared_[lane];
    prepared.way = Way::alone;
    prepared.tensors.clear();
    const Bytewise whole = std::as_bytes(std::span(item.input.data(), item.input.size()));
    const auto input = shm::read_served_input(whole);
    if (!input) return item.fail(ItemError::corrupt, input.error().message);
    if (input->kind == shm::ServedInputKind::picture) {
      prepared.way = Way::picture;
      return prepare_picture(item, shm::payload(whole, input->parts.front().tensor), lane);
    }
    if (!take_tensors(item, *input, whole, prepared.tensors)) return;
    if (lanes_ && model_.batch > 1 && rows_of(prepared) == 1) {
      prepared.way = Way::row;
      std::ranges::copy(prepared.tensors.front().data, lanes_->lane(lane).begin());
    }
  }

  void run(std::span<Item> items) {
    run_lanes(items);
    for (std::size_t lane = 0; lane < items.size(); ++lane) {
      if (items[lane].error || prepared_[lane].way != Way::alone) continue;
      guarded(items.subspan(lane, 1), [&] { run_alone(items[lane], prepared_[lane]); });
    }
  }

 private:
  // How an item goes through the engine.
  enum class Way : unsigned char {
    picture,  // in its lane, and becomes JSON
    row,      // in its lane, and becomes tensors
    alone,    // by itself, in one inference or more
  };
  struct Prepared {
    Way way = Way::alone;
    std::vector<Tensor> tensors;  // in shared memory, in the model's order; none of a picture
  };
  using Outputs = Result<std::span<const Tensor>>;

  Outputs infer(std::span<const Tensor> inputs) { return model_.session.infer(inputs, number_); }

  static void fail_in_engine(Item& item, const Error& error) {
    item.fail(ItemError::infer_failed, without_paths(error.message));
  }

  static std::size_t rows_of(const Prepared& prepared) {
    return static_cast<std::size_t>(prepared.tensors.front().shape.dims().front());
  }

  // Zeros in the shape that the model says, 1 where it leaves a dimension open. A model may need
  // more than that, so only without open dimensions is it an error that it does not run.
  Status warm_up_on_tensors() {
    std::vector<AlignedBytes> memory;
    std::vector<Tensor> tensors;
    bool open = false;
    for (const TensorInfo& info : model_.session.inputs()) {
      std::vector<std::int64_t> dims(info.shape.dims().begin(), info.shape.dims().end());
      open = open || std::ranges::find(dims, -1) != dims.end();
      std::ranges::replace(dims, -1, 1);
      const Shape shape = *Shape::of(dims);
      const auto bytes = engine::bytes_of(info.type, shape);
      if (!bytes) return Error{"input '" + info.name + "' is larger than anything can be"};
      memory.push_back(aligned_zeros(*bytes));
      tensors.push_back({info.type, shape, {memory.back().get(), *bytes}});
    }
    if (auto outputs = infer(tensors); !outputs && !open) return outputs.error();
    return Ok{};
  }

  void prepare_picture(Item& item, Bytewise file, std::size_t lane) {
    if (!lanes_) {
      return item.fail(ItemError::unsupported,
                       "the model takes tensors, and no rule says how to make them of a file");
    }
    if (const std::uint64_t most = model_.settings.max_bytes.value; file.size() > most) {
      return item.fail(ItemError::too_large, "has " + std::to_string(file.size()) +
                                                 " bytes, more than the limit of " +
                                                 std::to_string(most));
    }
    lanes_->fill(item, file, lane);
  }

  // The tensors of a request in the model's order: each input once, of its type and shape. False when
  // the item has failed.
  bool take_tensors(Item& item, const shm::ServedInput& input, Bytewise whole,
                    std::vector<Tensor>& tensors) const {
    const auto refuse = [&](const std::string& why) {
      item.fail(ItemError::unsupported, why);
      return false;
    };
    const auto infos = model_.session.inputs();
    tensors.assign(infos.size(), {});
    for (const shm::ServedPart& part : input.parts) {
      if (part.input >= infos.size()) {
        return refuse("there is no input " + std::to_string(part.input) + ": the model has " +
                      std::to_string(infos.size()));
      }
      const TensorInfo& info = infos[part.input];
      Tensor& tensor = tensors[part.input];
      if (tensor.type != HR_DTYPE_NONE) return refuse("input '" + info.name + "' is given twice");
      tensor = {.type = static_cast<engine::DType>(part.tensor.dtype),
                .shape = *Shape::of(shm::dims_of(part.tensor)),
                .data = shm::payload(whole, part.tensor)};
      if (const auto why = misfit(info, tensor)) return refuse(*why);
    }
    for (std::size_t i = 0; i < infos.size(); ++i) {
      if (tensors[i].type == HR_DTYPE_NONE)
        return refuse("input '" + infos[i].name + "' is missing");
    }
    return true;
  }

  // Why the model does not take it, if it does not.
  std::optional<std::string> misfit(const TensorInfo& info, const Tensor& tensor) const {
    const Shape wanted = lanes_ ? in_rows(info.shape) : info.shape;
    if (tensor.type != info.type || !wanted.fits(tensor.shape)) {
      return "input '" + info.name + "' takes " + std::string(protocol_name(info.type)) +
             wanted.to_string() + ", not " + std::string(protocol_name(tensor.type)) +
             tensor.shape.to_string();
    }
    if (lanes_ && tensor.shape.dims().front() == 0) return "input '" + info.name + "' has no rows";
    return std::nullopt;
  }

  // The items of one inference, each in its lane. When it fails each is tried by itself: they came
  // from different clients, and only one may be to blame.
  void run_lanes(std::span<Item> items) {
    std::vector<std::size_t> lanes;
    for (std::size_t lane = 0; lane < items.size(); ++lane) {
      if (!items[lane].error && prepared_[lane].way != Way::alone) lanes.push_back(lane);
    }
    if (lanes.empty()) return;
    const Outputs outputs = infer({&lanes_->tensor(), 1});
    if (!outputs && lanes.size() > 1) return run_apart(items, lanes);
    for (const std::size_t lane : lanes) answer(items[lane], outputs, lane);
  }

  void run_apart(std::span<Item> items, std::span<const std::size_t> lanes) {
    const std::vector<std::byte> all(lanes_->bytes().begin(), lanes_->bytes().end());
    for (const std::size_t lane : lanes) {
      const std::span<std::byte> own = lanes_->lane(lane);
      std::ranges::fill(lanes_->bytes(), std::byte{0});
      std::ranges::copy(std::span(all).subspan(lane * own.size(), own.size()), own.begin());
      answer(items[lane], infer({&lanes_->tensor(), 1}), lane);
    }
  }

  void answer(Item& item, const Outputs& outputs, std::size_t lane) {
    if (!outputs) return fail_in_engine(item, outputs.error());
    if (prepared_[lane].way == Way::picture) {
      return write_json_result(model_.settings.model.output, model_.session.outputs(), *outputs,
                               lane, model_.batch, item);
    }
    if (result_.begin_rows(item, *outputs, 1)) result_.add_rows(item, *outputs, lane, 1, 0);
  }

  void run_alone(Item& item, Prepared& prepared) {
    if (lanes_ && !(model_.batch == 1 && rows_of(prepared) == 1)) return run_rows(item, prepared);
    for (std::size_t i = 0; i < prepared.tensors.size(); ++i) {
      Bytewise& data = prepared.tensors[i].data;
      if (!is_aligned(data)) data = copies_[i].of(data);
    }
    const Outputs outputs = infer(prepared.tensors);
    if (!outputs) return fail_in_engine(item, outputs.error());
    result_.write_whole(item, *outputs);
  }

  // A batch of rows at a time, the last one filled up with zeros.
  void run_rows(Item& item, const Prepared& prepared) {
    const Bytewise all = prepared.tensors.front().data;
    const std::size_t rows = rows_of(prepared), batch = model_.batch, each = all.size() / rows;
    for (std::size_t at = 0; at < rows; at += batch) {
      const std::size_t count = std::min(batch, rows - at);
      Tensor chunk = lanes_->tensor();
      const Bytewise given = all.subspan(at * each, count * each);
      if (count == batch && is_aligned(given)) {
        chunk.data = given;
      } else {
        const std::span<std::byte> own = lanes_->bytes();
        std::fill(std::ranges::copy(given, own.begin()).out, own.end(), std::byte{0});
      }
      const Outputs outputs = infer({&chunk, 1});
      if (!outputs) return fail_in_engine(item, outputs.error());
      if (at == 0 && !result_.begin_rows(item, *outputs, rows)) return;
      if (!result_.add_rows(item, *outputs, 0, count, at)) return;
    }
  }

  LoadedModel& model_;
  unsigned number_;
  std::optional<InputLanes> lanes_;  // not for a model that takes tensors
  std::vector<Prepared> prepared_;   // by lane
  std::vector<AlignedCopy> copies_;  // by input
  TensorResult result_;
};

class ServedBody : public StreamedBody<ServedStream> {
 public:
  using StreamedBody::StreamedBody;

  std::string signature() const override {
    const nlohmann::json json = {{"inputs", described(model().session.inputs())},
                                 {"outputs", described(model().session.outputs())}};
    return json.dump();
  }

 private:
  // A dimension that is the batch is the client's to choose: any number of rows.
  nlohmann::json described(std::span<const TensorInfo> infos) const {
    nlohmann::json all = nlohmann::json::array();
    for (const TensorInfo& info : infos) {
      std::vector<std::int64_t> shape(info.shape.dims().begin(), info.shape.dims().end());
      if (!takes_tensors(model().settings) && !shape.empty() && shape.front() == model().batch)
        shape.front() = -1;
      all.push_back({{"name", to_utf8(info.name)},
                     {"datatype", protocol_name(info.type)},
                     {"shape", std::move(shape)}});
    }
    return all;
  }
};

}  // namespace

Result<std::unique_ptr<Body>> make_served_body(const ModelSettings& settings, unsigned lanes) {
  Result<LoadedModel> model = load_model(settings, lanes);
  if (!model) return model.error();
  if (const std::size_t inputs = model->session.inputs().size();
      !takes_tensors(settings) && inputs != 1) {
    return Error{"the model has " + std::to_string(inputs) +
                 " inputs: write a model.toml with kind = \"tensors\" in [input]"};
  }
  auto body = std::make_unique<ServedBody>(*std::move(model));
  if (Status warm = body->warm_up(); !warm) return warm.error();
  if (const std::size_t bytes = body->signature().size(); bytes >= shm::kSignatureLimit) {
    return Error{"the names and shapes of the model's inputs and outputs take " +
                 std::to_string(bytes) + " bytes; at most " +
                 std::to_string(shm::kSignatureLimit - 1) + " can be served"};
  }
  return std::unique_ptr<Body>(std::move(body));
}

}  // namespace headrace::worker
