// OpenVINO behind the engine interface, CPU only.
//
// One ov::Core a session: a core owns process-wide threads that must not outlive it into the exit
// handlers. OpenVINO knows nothing of a container's CPU quota and pins threads from core 0 in every
// process, so threads, streams and pinning are all set here. Inputs are read in place from the
// caller's memory; outputs are the infer request's own tensors.
#include <openvino/openvino.hpp>
#include <vector>

#include "../plugin.h"

namespace {

hr_dtype dtype_of(const ov::element::Type& type, const std::string& name) {
  if (type == ov::element::boolean) return HR_BOOL;
  if (type == ov::element::u8) return HR_U8;
  if (type == ov::element::i8) return HR_I8;
  if (type == ov::element::u16) return HR_U16;
  if (type == ov::element::i16) return HR_I16;
  if (type == ov::element::u32) return HR_U32;
  if (type == ov::element::i32) return HR_I32;
  if (type == ov::element::u64) return HR_U64;
  if (type == ov::element::i64) return HR_I64;
  if (type == ov::element::f16) return HR_F16;
  if (type == ov::element::f32) return HR_F32;
  if (type == ov::element::f64) return HR_F64;
  throw std::runtime_error("tensor " + name + " has elements of type " + type.get_type_name() +
                           ", which Headrace cannot carry");
}

std::string name_of(const ov::Output<const ov::Node>& port) {
  return port.get_names().empty() ? port.get_node()->get_friendly_name() : port.get_any_name();
}

hr_tensor_info describe(const ov::Output<const ov::Node>& port) {
  const std::string name = name_of(port);
  const ov::PartialShape& shape = port.get_partial_shape();
  if (shape.rank().is_dynamic())
    throw std::runtime_error("tensor " + name + " has no fixed number of dimensions");
  std::vector<std::int64_t> dims;
  for (const ov::Dimension& dim : shape) dims.push_back(dim.is_static() ? dim.get_length() : -1);
  return headrace::plugin::info(name, dtype_of(port.get_element_type(), name), dims);
}

// Fixes the shape of input 0. The batch may be set even where the model fixes it; other dimensions
// may not be overruled.
void fix_input(const std::shared_ptr<ov::Model>& model, std::span<const std::int64_t> dims) {
  if (dims.empty()) return;
  if (model->inputs().empty()) throw std::runtime_error("the model has no inputs");
  const ov::PartialShape declared = model->input(0).get_partial_shape();
  const ov::PartialShape wanted(std::vector<ov::Dimension>(dims.begin(), dims.end()));
  ov::PartialShape with_batch = declared;
  if (declared.rank().is_static() && declared.size() > 0) with_batch[0] = wanted[0];
  if (!with_batch.compatible(wanted)) {
    throw std::runtime_error("its input has shape " + declared.to_string() + ", not " +
                             wanted.to_string());
  }
  model->reshape({{model->input(0), wanted}});
}

ov::AnyMap settings(const hr_open_options& options) {
  ov::AnyMap map = {
      ov::inference_num_threads(static_cast<std::int32_t>(options.threads)),
      ov::num_streams(static_cast<std::int32_t>(options.streams)),
      ov::hint::enable_cpu_pinning(false),
      // A "core" in a container is a hardware thread: without this the thread count is cut to whole
      // cores.
      ov::hint::enable_hyper_threading(true),
  };
  const std::string_view precision = options.precision == nullptr ? "auto" : options.precision;
  if (precision == "f32") {
    map.insert(ov::hint::inference_precision(ov::element::f32));
  } else if (precision != "auto") {
    throw std::runtime_error("there is no precision \"" + std::string(precision) +
                             "\": use auto or f32");
  }
  return map;
}

class OpenVino {
 public:
  static std::unique_ptr<OpenVino> open(const hr_open_options& options) {
    return std::make_unique<OpenVino>(options);
  }

  explicit OpenVino(const hr_open_options& options) {
    const std::shared_ptr<ov::Model> model = core_.read_model(std::string(options.model_path));
    fix_input(model, {options.input_dims, std::min<std::size_t>(options.input_rank, HR_MAX_RANK)});
    compiled_ = core_.compile_model(model, "CPU", settings(options));
    for (std::uint32_t i = 0; i < options.streams; ++i)
      requests_.push_back(compiled_.create_infer_request());
    for (const auto& port : compiled_.inputs()) {
      inputs_.push_back(describe(port));
      input_types_.push_back(port.get_element_type());
    }
    for (const auto& port : compiled_.outputs()) outputs_.push_back(describe(port));
  }

  std::span<const hr_tensor_info> inputs() const { return inputs_; }
  std::span<const hr_tensor_info> outputs() const { return outputs_; }

  void infer(std::uint32_t stream, const hr_tensor* inputs, hr_tensor* outputs) {
    ov::InferRequest& request = requests_[stream];
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      const hr_tensor& input = inputs[i];
      const ov::Shape shape(input.info.dims, input.info.dims + input.info.rank);
      request.set_input_tensor(
          i, ov::Tensor(input_types_[i], shape, static_cast<const void*>(input.data)));
    }
    request.infer();
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      const ov::Tensor output = request.get_output_tensor(i);
      const ov::Shape shape = output.get_shape();
      const std::vector<std::int64_t> dims(shape.begin(), shape.end());
      outputs[i].info =
          headrace::plugin::info(outputs_[i].name, static_cast<hr_dtype>(outputs_[i].dtype), dims);
      outputs[i].data = const_cast<void*>(static_cast<const ov::Tensor&>(output).data());
      outputs[i].bytes = output.get_byte_size();
    }
  }

 private:
  ov::Core core_;
  ov::CompiledModel compiled_;
  std::vector<ov::InferRequest> requests_;  // one a stream
  std::vector<hr_tensor_info> inputs_;
  std::vector<hr_tensor_info> outputs_;
  std::vector<ov::element::Type> input_types_;
};

// "2026.4.1" of "2026.4.1-22982-...".
const char* version() {
  static const std::string text = [] {
    const std::string build = ov::get_openvino_version().buildNumber;
    return build.substr(0, build.find('-'));
  }();
  return text.c_str();
}

}  // namespace

HEADRACE_ENGINE("openvino", OpenVino, version)
