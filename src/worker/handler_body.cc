#include "worker/handler_body.h"

#include <headrace/handler_api.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>
#include <vector>

#include "sys/plugin_library.h"
#include "worker/handler_result.h"
#include "worker/input_file.h"

namespace headrace::worker {
namespace {

constexpr std::size_t kLongestWord = 128;  // of a handler's name and version

// What a handler says in words: NUL-terminated, if it keeps to the contract.
class Sentence {
 public:
  char* data() { return text_.data(); }
  std::size_t size() const { return text_.size(); }
  std::string text() const {
    const std::string said(text_.begin(), std::find(text_.begin(), text_.end(), '\0'));
    return said.empty() ? "it gave no reason" : said;
  }

 private:
  std::array<char, 2048> text_{};
};

std::string word(const char* text) {
  std::string out;
  while (text != nullptr && *text != '\0' && out.size() < kLongestWord) out += *text++;
  return out;
}

Result<const headrace_handler_table*> load(const std::filesystem::path& file) {
  Result<sys::PluginLibrary> library = sys::PluginLibrary::open(file);
  if (!library) return Error{"cannot load the handler: " + library.error().message};
  const std::string shown = "'" + file.string() + "'";
  const auto* table =
      static_cast<const headrace_handler_table*>(library->symbol(HEADRACE_HANDLER_SYMBOL));
  if (table == nullptr) {
    return Error{shown +
                 " is no handler: it exports no symbol headrace_handler; does it have "
                 "HEADRACE_HANDLER(...) in it? (docs/handlers.md)"};
  }
  if (table->abi != HEADRACE_HANDLER_ABI) {
    return Error{shown + " was built for version " + std::to_string(table->abi) +
                 " of the handler interface, this is version " +
                 std::to_string(HEADRACE_HANDLER_ABI) +
                 ": build it again with the headers of this headrace"};
  }
  if (table->struct_size < sizeof(headrace_handler_table) || table->run == nullptr ||
      table->takes > HEADRACE_TAKES_NAMES) {
    return Error{shown + " has a table headrace_handler that is not filled in as " +
                 "headrace/handler_api.h asks for: struct_size, takes or run"};
  }
  return table;
}

class HandlerBody : public Body {
 public:
  HandlerBody(const HandlerSettings& settings, const shm::Brief& brief,
              const headrace_handler_table* table, void* state)
      : settings_(settings),
        table_(table),
        state_(state),
        // The supervisor's number is in it, so that two runs may write to one folder.
        results_(settings.folder, ".headrace-" + std::to_string(brief.supervisor_pid) + "-" +
                                      std::to_string(brief.worker)),
        files_(std::max(brief.batch, 1U)),
        contents_(files_.size()) {}

  ~HandlerBody() override { HandlerBody::finish(); }
  HandlerBody(const HandlerBody&) = delete;
  HandlerBody& operator=(const HandlerBody&) = delete;

  std::string equipment() const override {
    std::string text = "handler ";
    text += table_->name != nullptr ? word(table_->name) : settings_.file.filename().string();
    if (table_->version != nullptr) text += " " + word(table_->version);
    return text + ", " + std::to_string(settings_.threads) +
           (settings_.threads == 1 ? " thread" : " threads");
  }

  void prepare(Item& item, std::size_t lane) override {
    contents_[lane] = {};
    if (table_->takes == HEADRACE_TAKES_NAMES) return;
    if (const auto file = read_input(item, settings_.max_bytes, files_[lane]))
      contents_[lane] = *file;
  }

  void run(std::span<Item> items) override {
    lanes_.clear();
    for (std::size_t lane = 0; lane < items.size(); ++lane) {
      if (!items[lane].error) lanes_.push_back(lane);
    }
    if (lanes_.empty()) return;
    Sentence why;
    if (call(items, lanes_, why)) return;
    if (lanes_.size() == 1) return refuse(items[lanes_.front()], why);
    // One of them spoils it for all: it is found by asking for each alone.
    for (const std::size_t& lane : lanes_) {
      Sentence why_alone;
      if (!call(items, {&lane, 1}, why_alone)) refuse(items[lane], why_alone);
    }
  }

  void finish() override {
    if (!std::exchange(finished_, true) && table_->deinit != nullptr) table_->deinit(state_);
  }

 private:
  // Runs the handler over the items in these lanes; false if it said that no output is valid.
  bool call(std::span<Item> items, std::span<const std::size_t> lanes, Sentence& why) {
    inputs_.clear();
    for (const std::size_t lane : lanes) {
      inputs_.push_back({.name = items[lane].input.data(),
                         .name_size = items[lane].input.size(),
                         .bytes = contents_[lane].data(),
                         .size = contents_[lane].size()});
    }
    outputs_.assign(lanes.size(), {});
    if (table_->run(state_, inputs_.data(), outputs_.data(), inputs_.size(), why.data(),
                    why.size()) != 0) {
      return false;
    }
    for (std::size_t i = 0; i < lanes.size(); ++i) results_.write(outputs_[i], items[lanes[i]]);
    return true;
  }

  static void refuse(Item& item, const Sentence& why) {
    item.fail(ItemError::infer_failed, why.text());
  }

  HandlerSettings settings_;
  const headrace_handler_table* table_;
  void* state_;
  bool finished_ = false;
  HandlerResults results_;
  std::vector<std::vector<std::byte>> files_;         // one a lane; kept between items
  std::vector<std::span<const std::byte>> contents_;  // one a lane
  std::vector<std::size_t> lanes_;                    // of the items that have not failed yet
  std::vector<headrace_handler_input> inputs_;
  std::vector<headrace_handler_output> outputs_;
};

// JSON holds only UTF-8; a path may be any bytes, and must arrive as it was.
nlohmann::json numbers(const std::string& text) {
  return std::vector<unsigned char>(text.begin(), text.end());
}
std::string text(const nlohmann::json& numbers) {
  const auto bytes = numbers.get<std::vector<unsigned char>>();
  return {bytes.begin(), bytes.end()};
}

}  // namespace

std::string to_json(const HandlerSettings& settings) {
  return nlohmann::json{{"kind", "handler"},
                        {"file", numbers(settings.file.string())},
                        {"settings", numbers(settings.settings)},
                        {"folder", numbers(settings.folder.string())},
                        {"threads", settings.threads},
                        {"max_bytes", settings.max_bytes.value}}
      .dump();
}

Result<HandlerSettings> handler_settings_from_json(std::string_view json_text) {
  try {
    const auto json = nlohmann::json::parse(json_text);
    return HandlerSettings{.file = text(json.at("file")),
                           .settings = text(json.at("settings")),
                           .folder = text(json.at("folder")),
                           .threads = json.at("threads").get<unsigned>(),
                           .max_bytes = Bytes{json.at("max_bytes").get<std::uint64_t>()}};
  } catch (const nlohmann::json::exception& e) {
    return Error{std::string("the worker's settings are unreadable: ") + e.what()};
  }
}

Result<std::unique_ptr<Body>> make_handler_body(const HandlerSettings& settings,
                                                const shm::Brief& brief) {
  const auto table = load(settings.file);
  if (!table) return table.error();
  const headrace_handler_options options{.struct_size = sizeof(headrace_handler_options),
                                         .threads = std::max(settings.threads, 1U),
                                         .batch = std::max(brief.batch, 1U),
                                         .settings = settings.settings.c_str()};
  void* state = nullptr;
  Sentence why;
  if ((*table)->init != nullptr && (*table)->init(&options, &state, why.data(), why.size()) != 0) {
    return Error{"the handler '" + settings.file.string() + "' cannot start: " + why.text()};
  }
  return std::unique_ptr<Body>(std::make_unique<HandlerBody>(settings, brief, *table, state));
}

}  // namespace headrace::worker
