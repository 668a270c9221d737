// ONNX Runtime behind the engine interface, CPU only.
//
// The library is loaded at the first call, from ../onnxruntime as seen from this plug-in or else
// from the system, and driven through ort_abi.h. Its thread pools ignore a container's CPU quota
// and spin by default: both are set here. Inputs are read in place from the caller's memory;
// outputs are the library's own values, kept until the next call.
#include <dlfcn.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include "../plugin.h"
#include "ort_abi.h"

extern "C" const hr_engine* headrace_engine_entry(std::uint32_t abi);

namespace {

constexpr const char* kFile = "libonnxruntime.so.1";

namespace ort = headrace::ort;

struct Library {
  const ort::ApiBase* base = nullptr;
  const void* table = nullptr;
  std::string failure;  // why there is none
};

// Beside this plug-in by path rather than by run path: the address sanitizer hides from the linker
// who is asking.
std::filesystem::path bundled() {
  Dl_info self{};
  if (::dladdr(reinterpret_cast<const void*>(&headrace_engine_entry), &self) == 0) return kFile;
  return std::filesystem::path(self.dli_fname).parent_path().parent_path() / "onnxruntime" / kFile;
}

Library load() {
  // Since 1.29 it reports to its makers, and keeps a database in the home folder for that, unless it finds this when it
  // starts; its interface can only stop that later. Whatever the user says: nobody asked a worker to.
  ::setenv("ORT_DISABLE_TELEMETRY", "1", 1);
  Library library;
  void* handle = nullptr;
  for (const std::filesystem::path& file : {bundled(), std::filesystem::path(kFile)}) {
    if (handle == nullptr) handle = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  }
  if (handle == nullptr) {
    library.failure =
        "there is no library " + bundled().string() + ", nor one that the system finds";
    return library;
  }
  const auto get_base = reinterpret_cast<ort::GetApiBase>(::dlsym(handle, "OrtGetApiBase"));
  library.base = get_base == nullptr ? nullptr : get_base();
  library.table = library.base == nullptr ? nullptr : library.base->get_api(ort::kApiVersion);
  if (library.table == nullptr)
    library.failure = bundled().string() + " does not offer version 5 of its interface";
  return library;
}

const Library& library() {
  static const Library loaded = load();
  return loaded;
}

ort::Api api() {
  return ort::Api(library().table);
}

void check(ort::Status* status) {
  if (status == nullptr) return;
  const std::string message = api().call<ort::GetErrorMessage>(status);
  api().call<ort::ReleaseStatus>(status);
  throw std::runtime_error(message);
}

template <class F, class... Args>
void call(Args... args) {
  check(api().call<F>(args...));
}

// An object of the library with the function that releases it.
template <class T, class Release>
struct Deleter {
  void operator()(T* object) const { api().call<Release>(object); }
};
template <class T, class Release>
using Owned = std::unique_ptr<T, Deleter<T, Release>>;

// Owned object out of a function whose last argument is where to put it.
template <class Pointer, class F, class... Args>
Pointer made(Args... args) {
  typename Pointer::pointer object = nullptr;
  call<F>(args..., &object);
  return Pointer(object);
}

using Env = Owned<ort::Env, ort::ReleaseEnv>;
using Options = Owned<ort::SessionOptions, ort::ReleaseSessionOptions>;
using Session = Owned<ort::Session, ort::ReleaseSession>;
using Value = Owned<ort::Value, ort::ReleaseValue>;
using MemoryInfo = Owned<ort::MemoryInfo, ort::ReleaseMemoryInfo>;
using TypeInfo = Owned<ort::TypeInfo, ort::ReleaseTypeInfo>;
using TensorInfo = Owned<ort::TensorInfo, ort::ReleaseTensorInfo>;

struct Pairing {
  hr_dtype ours;
  ort::Element theirs;
};
constexpr std::array<Pairing, 12> kTypes = {{{HR_BOOL, ort::Element::boolean},
                                             {HR_U8, ort::Element::u8},
                                             {HR_I8, ort::Element::i8},
                                             {HR_U16, ort::Element::u16},
                                             {HR_I16, ort::Element::i16},
                                             {HR_U32, ort::Element::u32},
                                             {HR_I32, ort::Element::i32},
                                             {HR_U64, ort::Element::u64},
                                             {HR_I64, ort::Element::i64},
                                             {HR_F16, ort::Element::f16},
                                             {HR_F32, ort::Element::f32},
                                             {HR_F64, ort::Element::f64}}};

hr_dtype dtype_of(ort::Element element, std::string_view name) {
  const auto found = std::ranges::find(kTypes, element, &Pairing::theirs);
  if (found == kTypes.end()) {
    throw std::runtime_error("tensor " + std::string(name) +
                             " has elements of a type that Headrace cannot carry");
  }
  return found->ours;
}

ort::Element element_of(std::int32_t dtype) {
  const auto found = std::ranges::find(kTypes, static_cast<hr_dtype>(dtype), &Pairing::ours);
  if (found == kTypes.end()) throw std::runtime_error("an input has no element type");
  return found->theirs;
}

hr_tensor_info describe(std::string_view name, const ort::TensorInfo* tensor) {
  if (tensor == nullptr) throw std::runtime_error(std::string(name) + " is no tensor");
  ort::Element element{};
  std::size_t rank = 0;
  call<ort::GetTensorElementType>(tensor, &element);
  call<ort::GetDimensionsCount>(tensor, &rank);
  std::vector<std::int64_t> dims(rank);
  call<ort::GetDimensions>(tensor, dims.data(), rank);
  return headrace::plugin::info(name, dtype_of(element, name), dims);
}

Options settings(const hr_open_options& options) {
  const std::string_view precision = options.precision == nullptr ? "auto" : options.precision;
  // Its CPU kernels compute in the model's own precision, so "f32" asks for nothing more.
  if (precision != "auto" && precision != "f32") {
    throw std::runtime_error("there is no precision \"" + std::string(precision) +
                             "\": use auto or f32");
  }
  auto made_options = made<Options, ort::CreateSessionOptions>();
  call<ort::SetExecutionMode>(made_options.get(), ort::Execution::sequential);
  // Threads that call Run compute too; its own ones, one fewer than this number, serve them all.
  call<ort::SetIntraOpNumThreads>(made_options.get(),
                                  static_cast<int>(options.threads - options.streams + 1));
  call<ort::SetInterOpNumThreads>(made_options.get(), 1);
  // A spinning thread eats the quota that another worker needs.
  call<ort::AddSessionConfigEntry>(made_options.get(), "session.intra_op.allow_spinning", "0");
  call<ort::AddSessionConfigEntry>(made_options.get(), "session.inter_op.allow_spinning", "0");
  return made_options;
}

class OnnxRuntime {
 public:
  static std::unique_ptr<OnnxRuntime> open(const hr_open_options& options) {
    if (library().table == nullptr) throw std::runtime_error(library().failure);
    return std::make_unique<OnnxRuntime>(options);
  }

  explicit OnnxRuntime(const hr_open_options& options) : results_(options.streams) {
    // What it would log it also returns as an error: the log stays for what is fatal.
    env_ = made<Env, ort::CreateEnv>(ort::LogLevel::fatal, "headrace");
    const Options session_options = settings(options);
    session_ =
        made<Session, ort::CreateSession>(env_.get(), options.model_path, session_options.get());
    memory_ = made<MemoryInfo, ort::CreateCpuMemoryInfo>(ort::AllocatorKind::arena,
                                                         ort::MemoryKind::standard);
    read_ports<ort::InputCount, ort::InputName, ort::InputTypeInfo>(input_names_, inputs_);
    read_ports<ort::OutputCount, ort::OutputName, ort::OutputTypeInfo>(output_names_, outputs_);
    fix_input({options.input_dims, std::min<std::size_t>(options.input_rank, HR_MAX_RANK)});
    for (const std::string& name : input_names_) input_pointers_.push_back(name.c_str());
    for (const std::string& name : output_names_) output_pointers_.push_back(name.c_str());
  }

  std::span<const hr_tensor_info> inputs() const { return inputs_; }
  std::span<const hr_tensor_info> outputs() const { return outputs_; }

  void infer(std::uint32_t stream, const hr_tensor* inputs, hr_tensor* outputs) {
    std::vector<Value>& results = results_[stream];
    results.clear();
    std::vector<Value> values;
    std::vector<const ort::Value*> views;
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      const hr_tensor& in = inputs[i];
      values.push_back(made<Value, ort::CreateTensorWithData>(
          memory_.get(), in.data, in.bytes, in.info.dims, std::size_t{in.info.rank},
          element_of(in.info.dtype)));
      views.push_back(values.back().get());
    }
    std::vector<ort::Value*> raw(outputs_.size(), nullptr);
    const auto status =
        api().call<ort::Run>(session_.get(), nullptr, input_pointers_.data(), views.data(),
                             views.size(), output_pointers_.data(), raw.size(), raw.data());
    for (ort::Value* value : raw) results.emplace_back(value);
    check(status);
    for (std::size_t i = 0; i < results.size(); ++i) take(results[i].get(), i, outputs[i]);
  }

 private:
  template <class Count, class Name, class Type>
  void read_ports(std::vector<std::string>& names, std::vector<hr_tensor_info>& infos) {
    const ort::Session* session = session_.get();
    ort::Allocator* allocator = nullptr;
    call<ort::GetAllocatorWithDefaultOptions>(&allocator);
    std::size_t count = 0;
    call<Count>(session, &count);
    for (std::size_t i = 0; i < count; ++i) {
      char* name = nullptr;
      call<Name>(session, i, allocator, &name);
      names.emplace_back(name);
      call<ort::AllocatorFree>(allocator, name);
      const auto type = made<TypeInfo, Type>(session, i);
      const ort::TensorInfo* tensor = nullptr;
      call<ort::CastTypeInfoToTensorInfo>(type.get(), &tensor);
      infos.push_back(describe(names.back(), tensor));
    }
  }

  // The session runs any shape that the model allows: fixing it means refusing a wrong one now, not
  // at the first item.
  void fix_input(std::span<const std::int64_t> dims) {
    if (dims.empty()) return;
    if (inputs_.empty()) throw std::runtime_error("the model has no inputs");
    hr_tensor_info& input = inputs_[0];
    const bool fits =
        std::ranges::equal(std::span(input.dims, input.rank), dims,
                           [](auto model, auto wanted) { return model == -1 || model == wanted; });
    if (!fits)
      throw std::runtime_error("its input has shape " + text({input.dims, input.rank}) + ", not " +
                               text(dims));
    std::ranges::copy(dims, input.dims);
  }

  static std::string text(std::span<const std::int64_t> dims) {
    std::string all;
    for (const std::int64_t dim : dims)
      all += (all.empty() ? "[" : ", ") + (dim < 0 ? "?" : std::to_string(dim));
    return all.empty() ? "[]" : all + "]";
  }

  void take(ort::Value* value, std::size_t index, hr_tensor& output) const {
    if (value == nullptr)
      throw std::runtime_error("output " + output_names_[index] + " is missing");
    const auto shape = made<TensorInfo, ort::GetTensorTypeAndShape>(value);
    output.info = describe(output_names_[index], shape.get());
    call<ort::GetTensorMutableData>(value, &output.data);
    output.bytes = bytes_of(output.info);
  }

  static std::size_t bytes_of(const hr_tensor_info& info) {
    constexpr std::array<std::size_t, 13> kSizes = {0, 1, 1, 1, 2, 2, 4,
                                                    4, 8, 8, 2, 4, 8};  // by hr_dtype
    std::size_t bytes = kSizes[static_cast<std::size_t>(info.dtype)];
    for (std::uint32_t i = 0; i < info.rank; ++i) bytes *= static_cast<std::size_t>(info.dims[i]);
    return bytes;
  }

  // In the order in which they may be destroyed last to first.
  Env env_;
  Session session_;
  MemoryInfo memory_;
  std::vector<std::vector<Value>> results_;  // of the last call, for each stream
  std::vector<std::string> input_names_, output_names_;
  std::vector<const char*> input_pointers_, output_pointers_;
  std::vector<hr_tensor_info> inputs_, outputs_;
};

const char* version() {
  return library().base == nullptr ? "missing" : library().base->get_version_string();
}

}  // namespace

HEADRACE_ENGINE("onnxruntime", OnnxRuntime, version)
