// Inference engines, as C++ sees them: which ones are installed, loading one, and running a model
// on it.
//
// An engine is a plug-in `headrace_engine_NAME.so` behind the C interface of engine_api.h.
// available(), find() and choose() only read folders and may be called anywhere. Plugin and Session
// load foreign code that may crash, hang and leak: workers only. Whatever a plug-in hands back
// (counts, ranks, sizes, pointers, text) is checked before use, so that a broken plug-in is an
// error with a sentence rather than a wild read. What cannot be checked is whether its pointers are
// what they claim.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/engine_api.h"
#include "engine/tensor.h"

namespace headrace::engine {

using Folders = std::span<const std::filesystem::path>;

// Names of the plug-ins in these folders, by file name alone, sorted, each once. Folders that do
// not exist are no error.
std::vector<std::string> available(Folders folders);
// The file of one plug-in: the first folder that holds it wins.
std::optional<std::filesystem::path> find(std::string_view name, Folders folders);

// Engines that could run this model file, best first: what `auto` means. Rests on the file's
// extension alone; empty if no engine is known to read it.
std::span<const std::string_view> preference(const std::filesystem::path& model);
// The engine that `auto` stands for among those installed; nothing if none of them reads such a
// file.
std::optional<std::string> choose(const std::filesystem::path& model,
                                  std::span<const std::string> installed);

struct OpenOptions {
  std::filesystem::path model;
  std::uint32_t threads = 1;  // compute threads of this session, those that call infer among them
  std::uint32_t streams = 1;  // how many infers may run at once, at most `threads`
  std::string precision =
      "auto";  // "auto": the engine's fastest on this processor; "f32": exactly that
  std::optional<Shape> input;  // the one shape, batch first, that input 0 will always have
};

// A model compiled for one input shape. infer() may run at once on different streams; otherwise one
// thread at a time. Closed when destroyed.
class Session {
 public:
  std::span<const TensorInfo> inputs() const { return inputs_; }
  // Dimensions may be -1 before the first infer.
  std::span<const TensorInfo> outputs() const { return outputs_; }

  std::uint32_t streams() const { return static_cast<std::uint32_t>(streams_.size()); }

  // Runs the model on one batch. `inputs` stay the caller's and are read in place, without a copy,
  // when they are aligned to 64 bytes. The tensors returned are the engine's, valid until the next
  // call on this stream. Errors: no such stream, a tensor that does not match the model's input, or
  // the engine's own sentence.
  Result<std::span<const Tensor>> infer(std::span<const Tensor> inputs, std::uint32_t stream = 0);

 private:
  friend class Plugin;
  struct Close {
    const hr_engine* table;
    void operator()(hr_session* session) const { table->close(session); }
  };
  // What a call of one stream writes; kept so that infer allocates nothing.
  struct Stream {
    std::vector<hr_tensor> raw_inputs;  // as the C interface wants them
    std::vector<hr_tensor> raw_outputs;
    std::vector<Tensor> results;
  };
  Session(const hr_engine* table, hr_session* session) : handle_(session, Close{table}) {}

  Status describe(std::uint32_t streams);
  Status check_input(std::size_t index, const Tensor& tensor) const;
  Status take_output(Stream& stream, std::size_t index) const;
  Error error(std::string_view message) const;

  std::unique_ptr<hr_session, Close> handle_;
  std::vector<TensorInfo> inputs_;
  std::vector<TensorInfo> outputs_;
  std::vector<Stream> streams_;
};

// One engine, loaded into this process until it ends. Copies are the same engine.
class Plugin {
 public:
  // Error: no such plug-in (names the installed ones and the folders), one that does not load, or
  // one built for another version of the interface.
  static Result<Plugin> load(std::string_view name, Folders folders);
  static Result<Plugin> load_file(std::string_view name, const std::filesystem::path& file);

  const std::string& name() const { return name_; }
  // The version of the engine behind the plug-in, "2026.4.1".
  const std::string& version() const { return version_; }

  // Loads and compiles a model; may take seconds. The error names the engine and the file.
  Result<Session> open(const OpenOptions& options) const;

 private:
  Plugin(const hr_engine* table, std::string name);

  const hr_engine* table_;
  std::string name_;
  std::string version_;
};

}  // namespace headrace::engine
