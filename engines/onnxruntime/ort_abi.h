// The part of ONNX Runtime's C interface that the plug-in calls, declared here because no package
// ships its header.
//
// libonnxruntime exports OrtGetApiBase(). Its GetApi(n) returns a table of function pointers that
// is only ever appended to: a function keeps its slot for good, so a slot number and a signature
// are all that is needed to call it. The newest function used here came with version 5 of the
// table. Every function of type Status* returns nullptr for success; the caller releases anything
// else. Slots were counted in the released order of the table and are proven by the tests, which
// call each one.
#pragma once

#include <cstddef>
#include <cstdint>

namespace headrace::ort {

inline constexpr std::uint32_t kApiVersion = 5;

// Objects of the library, known by address only.
struct Status;
struct Env;
struct SessionOptions;
struct Session;
struct RunOptions;
struct Value;
struct MemoryInfo;
struct Allocator;
struct TypeInfo;
struct TensorInfo;

// Element types, numbered as in the ONNX format.
enum class Element : int {
  f32 = 1,
  u8 = 2,
  i8 = 3,
  u16 = 4,
  i16 = 5,
  i32 = 6,
  i64 = 7,
  string = 8,
  boolean = 9,
  f16 = 10,
  f64 = 11,
  u32 = 12,
  u64 = 13
};
enum class LogLevel : int { verbose, info, warning, error, fatal };
enum class Execution : int { sequential, parallel };
enum class AllocatorKind : int { device = 0, arena = 1 };
enum class MemoryKind : int { standard = 0 };

struct ApiBase {
  const void* (*get_api)(std::uint32_t version);
  const char* (*get_version_string)();
};
using GetApiBase = const ApiBase* (*)();

// One function of the table: where it stands and how it is called.
template <std::size_t kSlot, class Signature>
struct Function {
  static constexpr std::size_t slot = kSlot;
  using Pointer = Signature*;
};

using GetErrorMessage = Function<2, const char*(const Status*)>;
using CreateEnv = Function<3, Status*(LogLevel, const char* id, Env**)>;
using CreateSession =
    Function<7, Status*(const Env*, const char* path, const SessionOptions*, Session**)>;
using Run = Function<9, Status*(Session*, const RunOptions*, const char* const* input_names,
                                const Value* const* inputs, std::size_t input_count,
                                const char* const* output_names, std::size_t output_count,
                                Value** outputs)>;
using CreateSessionOptions = Function<10, Status*(SessionOptions**)>;
using SetExecutionMode = Function<13, Status*(SessionOptions*, Execution)>;
using SetIntraOpNumThreads = Function<24, Status*(SessionOptions*, int)>;
using SetInterOpNumThreads = Function<25, Status*(SessionOptions*, int)>;
using InputCount = Function<30, Status*(const Session*, std::size_t*)>;
using OutputCount = Function<31, Status*(const Session*, std::size_t*)>;
using InputTypeInfo = Function<33, Status*(const Session*, std::size_t, TypeInfo**)>;
using OutputTypeInfo = Function<34, Status*(const Session*, std::size_t, TypeInfo**)>;
using InputName = Function<36, Status*(const Session*, std::size_t, Allocator*,
                                       char**)>;  // freed by AllocatorFree
using OutputName =
    Function<37, Status*(const Session*, std::size_t, Allocator*, char**)>;  // likewise
using CreateTensorWithData =
    Function<49, Status*(const MemoryInfo*, void* data, std::size_t bytes, const std::int64_t* dims,
                         std::size_t rank, Element, Value**)>;
using GetTensorMutableData = Function<51, Status*(Value*, void**)>;
using CastTypeInfoToTensorInfo =
    Function<55, Status*(const TypeInfo*, const TensorInfo**)>;  // owned by the TypeInfo
using GetTensorElementType = Function<60, Status*(const TensorInfo*, Element*)>;
using GetDimensionsCount = Function<61, Status*(const TensorInfo*, std::size_t*)>;
using GetDimensions = Function<62, Status*(const TensorInfo*, std::int64_t*, std::size_t)>;
using GetTensorTypeAndShape = Function<65, Status*(const Value*, TensorInfo**)>;
using CreateCpuMemoryInfo = Function<69, Status*(AllocatorKind, MemoryKind, MemoryInfo**)>;
using AllocatorFree = Function<76, Status*(Allocator*, void*)>;
using GetAllocatorWithDefaultOptions = Function<78, Status*(Allocator**)>;  // never released
using ReleaseEnv = Function<92, void(Env*)>;
using ReleaseStatus = Function<93, void(Status*)>;
using ReleaseMemoryInfo = Function<94, void(MemoryInfo*)>;
using ReleaseSession = Function<95, void(Session*)>;
using ReleaseValue = Function<96, void(Value*)>;
using ReleaseTypeInfo = Function<98, void(TypeInfo*)>;
using ReleaseTensorInfo = Function<99, void(TensorInfo*)>;
using ReleaseSessionOptions = Function<100, void(SessionOptions*)>;
using AddSessionConfigEntry =
    Function<130, Status*(SessionOptions*, const char* key, const char* value)>;

// The table itself.
class Api {
 public:
  explicit Api(const void* table) : table_(static_cast<const Slot*>(table)) {}

  template <class F, class... Args>
  auto call(Args... args) const {
    return reinterpret_cast<typename F::Pointer>(table_[F::slot])(args...);
  }

 private:
  using Slot = void (*)();
  const Slot* table_;
};

}  // namespace headrace::ort
