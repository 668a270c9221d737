// From MODEL, as the user named it, to a checked Model: find the text, find the file, hold one to
// the other.
#include <algorithm>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "base/text.h"
#include "model/files.h"
#include "model/model.h"
#include "model/model_toml.h"
#include "model/onnx_header.h"
#include "model/openvino_ir.h"
#include "model/settle.h"
#include "model/wording.h"
#include "model/words.h"

namespace headrace::model {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMostTomlBytes = std::uint64_t{16} << 20;
constexpr const char* kTomlName = "model.toml";

// As it stands, ".." included: which folder that is may depend on a symbolic link before it.
fs::path whole_path(const fs::path& path) {
  std::error_code code;
  return fs::absolute(path, code);
}

// The last part of a path: "lite0" for "lite0/" and "lite0/.".
std::string last_name(const fs::path& path) {
  const fs::path plain = whole_path(path).lexically_normal();
  return (plain.has_filename() ? plain : plain.parent_path()).filename().string();
}

std::vector<std::string_view> views(const std::vector<std::string>& words) {
  return {words.begin(), words.end()};
}

std::string holds(const fs::path& folder) {
  const std::vector<std::string> files = model_files_in(folder);
  return files.empty() ? "the folder holds no model file (.onnx or .xml)"
                       : "the folder holds " + listing(files, 8);
}

Error no_such_model(const fs::path& path) {
  const fs::path parent = path.has_parent_path() ? path.parent_path() : fs::path(".");
  std::string message = "there is no model " + in_quotes(path.string()) + ": ";
  const std::vector<std::string> names = names_in(parent);
  if (const auto near = nearest(last_name(path), views(names))) {
    return {message + "did you mean " + in_quotes((path.parent_path() / *near).string()) + "?"};
  }
  return {message + "name a folder with a model.toml, or an .onnx or .xml file"};
}

Error no_toml(const fs::path& folder) {
  std::error_code unseen;
  const fs::directory_iterator opened(folder, unseen);
  if (unseen) return {"cannot look into " + in_quotes(folder.string()) + ": " + unseen.message()};
  std::string message = in_quotes(folder.string()) + " has no model.toml: ";
  const std::vector<std::string> names = names_in(folder);
  if (const auto near = nearest(kTomlName, views(names))) {
    return {message + "it must be called exactly that, but there is " + in_quotes(*near)};
  }
  if (const auto files = model_files_in(folder); !files.empty()) {
    return {message + holds(folder) + "; name " + in_quotes((folder / files.front()).string()) +
            " itself, or write a model.toml with file = \"" + files.front() + "\""};
  }
  std::error_code code;
  for (const std::string& name : names) {
    if (fs::exists(folder / name / kTomlName, code)) {
      return {message + "did you mean " + in_quotes((folder / name).string()) + "?"};
    }
  }
  return {message + (names.empty() ? "the folder is empty" : "it holds " + listing(names, 8)) +
          "; name a folder with a model.toml, or an .onnx or .xml file"};
}

// The one engine for kinds of files that only one reads; an error for one that cannot read the
// file.
Status choose_engine(Model& model, const Given& given) {
  const std::string file = in_quotes(model.file.filename().string());
  std::string& engine = model.engine;
  const bool known =
      engine == "auto" || engine == "openvino" || engine == "onnxruntime" || engine == "fake";
  switch (file_kind(model.file)) {
    case FileKind::onnx:
      if (engine != "fake") return Ok{};
      return Error{given.at("engine") + "the fake engine reads .fake files, not " + file};
    case FileKind::openvino_ir:
      if (engine == "auto") engine = "openvino";
      if (engine == "openvino" || !known) return Ok{};
      return Error{given.at("engine") + "engine " + in_quotes(engine) + " cannot read " + file +
                   ": set engine = \"openvino\", or \"auto\""};
    case FileKind::fake:
      if (engine == "auto") engine = "fake";
      if (engine == "fake" || !known) return Ok{};
      return Error{given.at("engine") + "engine " + in_quotes(engine) + " cannot read " + file +
                   ": set engine = \"fake\", or \"auto\""};
    case FileKind::other:
      break;
  }
  if (!known) return Ok{};
  return Error{given.at("file") + file + " is no model file that " +
               (engine == "auto" ? "any engine here" : in_quotes(engine)) +
               " reads: convert the model to .onnx, or to OpenVINO's .xml"};
}

Status check_external(const Model& model, const Signature& signature, const Given& given,
                      const fs::path& beneath) {
  std::error_code code;
  for (const std::string& file : signature.external_files) {
    if (const Status in = check_beneath(beneath, model.file.parent_path() / file); !in)
      return Error{given.at("file") + in.error().message};
    if (fs::exists(model.file.parent_path() / file, code)) continue;
    return Error{given.at("file") + in_quotes(model.file.filename().string()) +
                 " keeps its weights in " + in_quotes(file) +
                 ", which is not there: copy it beside the model"};
  }
  return Ok{};
}

Status check_weights(const Model& model, const Given& given, const fs::path& beneath) {
  const fs::path weights = fs::path(model.file).replace_extension(".bin");
  if (const Status in = check_beneath(beneath, weights); !in)
    return Error{given.at("file") + in.error().message};
  std::error_code code;
  if (fs::is_regular_file(weights, code)) return Ok{};
  return Error{given.at("file") + in_quotes(model.file.filename().string()) +
               " needs its weights, " + in_quotes(weights.filename().string()) +
               ", which is not there: copy it beside the model"};
}

// What the model file says of itself; nothing for a kind of file that only its engine reads.
Result<std::optional<Signature>> signature_of(const Model& model, const Given& given,
                                              const fs::path& beneath) {
  using Found = std::optional<Signature>;
  const FileKind kind = file_kind(model.file);
  if (kind != FileKind::onnx && kind != FileKind::openvino_ir) return Found{};
  auto in = open_regular(model.file);
  if (!in) return Error{given.at("file") + in.error().message};
  const std::string shown_file = in_quotes(model.file.string());
  auto found =
      kind == FileKind::onnx ? read_onnx(*in, shown_file) : read_openvino_ir(*in, shown_file);
  if (!found) return Error{given.at("file") + found.error().message};
  const Status beside = kind == FileKind::onnx ? check_external(model, *found, given, beneath)
                                               : check_weights(model, given, beneath);
  if (!beside) return beside.error();
  return Found{*std::move(found)};
}

// A bare file may lie among anything, a home folder's keys too: what is called like it belongs to it, and what it
// names. A file from a stranger may name as it likes, but not what is hidden or elsewhere.
std::vector<fs::path> files_of_bare(const Model& model, const std::optional<Signature>& signature) {
  const fs::path folder = model.file.parent_path();
  std::vector<fs::path> files = {model.file};
  const std::string begin = model.file.stem().string() + ".";
  std::error_code wrong;
  for (fs::directory_iterator at(folder, wrong), end; !wrong && at != end; at.increment(wrong)) {
    std::error_code unseen;
    if (at->path().filename().string().starts_with(begin) && at->path() != model.file &&
        at->is_regular_file(unseen))
      files.push_back(at->path());
  }
  if (!signature) return files;
  for (const fs::path named : signature->external_files) {
    const bool plain = named.is_relative() && std::ranges::none_of(named, [](const fs::path& part) {
                         return part.string().starts_with('.');
                       });
    if (plain) files.push_back(folder / named);
  }
  return files;
}

Status check_name(const Model& model, const Given& given) {
  const std::string& name = model.name;
  const bool plain = std::ranges::none_of(
      name, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F || c == '/'; });
  if (!name.empty() && plain && is_utf8(name) && name.size() <= kLongestName) return Ok{};
  return Error{given.at("name") + "the model's name is " + in_quotes(name) +
               ", but must be UTF-8 of 1 to " + std::to_string(kLongestName) +
               " bytes, without '/' and control characters: set name in a model.toml"};
}

Status finish(Model& model, const Given& given, Source source, const fs::path& beneath) {
  if (auto done = check_name(model, given); !done) return done;
  if (auto done = choose_engine(model, given); !done) return done;
  const auto signature = signature_of(model, given, beneath);
  if (!signature) return signature.error();
  if (source == Source::bare) model.files = files_of_bare(model, *signature);
  return settle(model, given, *signature ? &**signature : nullptr, source);
}

Status check_file(const Draft& draft, const fs::path& folder) {
  const Model& model = draft.model;
  if (model.file.empty()) {
    const std::vector<std::string> files = model_files_in(folder);
    return Error{draft.given.at("file") + "the key file is missing: " +
                 (files.size() == 1 ? "add file = \"" + files.front() + "\" at the top"
                                    : "it names the model file; " + holds(folder))};
  }
  std::error_code code;
  if (fs::is_regular_file(model.file, code)) return Ok{};
  if (fs::exists(model.file, code)) {
    return Error{draft.given.at("file") + in_quotes(model.file.string()) + " is no regular file; " +
                 holds(folder)};
  }
  const std::vector<std::string> files = model_files_in(folder);
  const auto near = nearest(model.file.filename().string(), views(files));
  return Error{draft.given.at("file") + "there is no file " +
               in_quotes(model.file.lexically_relative(folder).string()) + " in the folder: " +
               (near ? "did you mean " + in_quotes(*near) + "?" : holds(folder))};
}

Result<Model> load_toml(const fs::path& toml, const fs::path& beneath) {
  if (const Status in = check_beneath(beneath, toml); !in) return in.error();
  auto text = read_text(toml, kMostTomlBytes);
  if (!text) return text.error();
  const fs::path folder = whole_path(toml).parent_path();
  auto draft = parse_model_toml(*text, toml.string(), folder, beneath);
  if (!draft) return draft.error();
  Model& model = draft->model;
  if (!model.file.empty()) {
    if (const Status in = check_beneath(beneath, model.file); !in)
      return Error{draft->given.at("file") + in.error().message};
  }
  if (auto done = check_file(*draft, folder); !done) return done.error();
  if (model.name.empty()) model.name = last_name(folder);
  if (auto done = finish(model, draft->given, Source::toml, beneath); !done) return done.error();
  return std::move(model);
}

Result<Model> load_bare(const fs::path& file, const fs::path& beneath) {
  if (const Status in = check_beneath(beneath, file); !in) return in.error();
  Model model;
  model.file = whole_path(file);
  model.name = model.file.stem().string();
  if (file_kind(file) == FileKind::fake) {
    model.input.kind = InputKind::name;
    model.guesses.emplace_back("the fake engine gets the names of the inputs, and opens no file");
  }
  if (auto done = finish(model, Given(file.string()), Source::bare, beneath); !done)
    return done.error();
  return model;
}

}  // namespace

Result<Model> load(const fs::path& path, const fs::path& beneath) {
  std::error_code code;
  const fs::file_status status = fs::status(path, code);
  if (!fs::exists(status)) {
    if (code && status.type() == fs::file_type::none) {
      return Error{in_quotes(path.string()) + " cannot be looked at: " + code.message()};
    }
    return no_such_model(path);
  }
  if (fs::is_directory(status)) {
    if (!fs::exists(path / kTomlName, code)) return no_toml(path);
    return load_toml(path / kTomlName, beneath);
  }
  if (path.extension() == ".toml") return load_toml(path, beneath);
  if (file_kind(path) != FileKind::other) return load_bare(path, beneath);
  return Error{in_quotes(path.string()) +
               " is no model: name a folder with a model.toml, or an .onnx or .xml file"};
}

}  // namespace headrace::model
