// The C++ header of handlers: every form of function and class through the C interface.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <headrace/handler.h>

#include <array>
#include <stdexcept>
#include <string>
#include <vector>

namespace headrace {
namespace {

using testing::ElementsAre;

HandlerResult of_file(std::span<const std::byte> bytes, std::string_view name) {
  return HandlerResult::text(std::string(name) + " has " + std::to_string(bytes.size()));
}

HandlerResult of_name(std::string_view name) {
  if (name == "odd") throw HandlerFailure(HandlerError::unsupported, "is odd");
  return HandlerResult::text(std::string(name));
}

std::vector<HandlerResult> of_batch(std::span<const HandlerInput> items) {
  std::vector<HandlerResult> results;
  for (const HandlerInput& item : items) {
    if (item.name == "odd") throw HandlerFailure(HandlerError::corrupt, "is odd");
    if (item.name == "lost") continue;
    results.push_back(HandlerResult::text("one of " + std::to_string(items.size())));
  }
  return results;
}

struct Counter {
  HandlerResult operator()(std::string_view) {
    return HandlerResult::text(std::to_string(++calls));
  }
  int calls = 0;
};

struct Strict {
  explicit Strict(const HandlerOptions& options) : said(options.settings) {
    if (said.empty()) throw std::runtime_error("needs settings");
  }
  HandlerResult operator()(std::span<const std::byte>, std::string_view) const {
    return HandlerResult::text(said);
  }
  std::string said;
};

// One handler through its table, as a worker calls it.
class Caller {
 public:
  explicit Caller(const headrace_handler_table& table, const char* settings = "") : table_(table) {
    const headrace_handler_options options{
        .struct_size = sizeof options, .threads = 1, .batch = 4, .settings = settings};
    refused_ = table_.init(&options, &state_, error_.data(), error_.size());
  }
  ~Caller() {
    if (refused_ == 0) table_.deinit(state_);
  }
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;

  // What it answers; "code: message" for an item that failed, the error alone for a call that did.
  std::vector<std::string> operator()(const std::vector<std::string>& names) {
    const std::string content = "12345";
    std::vector<headrace_handler_input> inputs;
    for (const std::string& name : names)
      inputs.push_back({name.data(), name.size(), content.data(), content.size()});
    std::vector<headrace_handler_output> outputs(names.size());
    if (table_.run(state_, inputs.data(), outputs.data(), inputs.size(), error_.data(),
                   error_.size()) != 0)
      return {error_.data()};
    std::vector<std::string> answers;
    for (const headrace_handler_output& output : outputs) {
      const std::string text(static_cast<const char*>(output.data), output.size);
      answers.push_back(output.error == 0 ? text : std::to_string(output.error) + ": " + text);
    }
    return answers;
  }
  std::string refused() const { return refused_ == 0 ? "" : error_.data(); }

 private:
  headrace_handler_table table_;
  void* state_ = nullptr;
  int refused_ = 0;
  std::array<char, 64> error_{};
};

TEST(HandlerForms, AFunctionOfFiles) {
  constexpr auto table = detail::handler_table<of_file>("of_file", "2.0");
  EXPECT_EQ(table.abi, HEADRACE_HANDLER_ABI);
  EXPECT_EQ(table.takes, HEADRACE_TAKES_FILES);
  EXPECT_STREQ(table.name, "of_file");
  EXPECT_STREQ(table.version, "2.0");
  EXPECT_THAT(Caller(table)({"a", "b"}), ElementsAre("a has 5", "b has 5"));
}

TEST(HandlerForms, AFunctionOfNames) {
  constexpr auto table = detail::handler_table<of_name>("of_name");
  EXPECT_EQ(table.takes, HEADRACE_TAKES_NAMES);
  EXPECT_EQ(table.version, nullptr);
  EXPECT_THAT(Caller(table)({"a", "odd", "b"}), ElementsAre("a", "3: is odd", "b"));
}

TEST(HandlerForms, AFunctionOfBatches) {
  Caller call(detail::handler_table<of_batch>("of_batch"));
  EXPECT_THAT(call({"a", "b"}), ElementsAre("one of 2", "one of 2"));
  EXPECT_THAT(call({"a", "odd"}), ElementsAre("is odd")) << "the call fails, for all";
  EXPECT_THAT(call({"odd"}), ElementsAre("4: is odd")) << "alone, its code is known";
  EXPECT_THAT(call({"a", "lost"}), ElementsAre("it gave 1 results for 2 items"));
  EXPECT_THAT(call({"lost"}), ElementsAre("6: it gave 0 results for 1 items"));
}

TEST(HandlerForms, AnObjectKeepsItsState) {
  Caller call(detail::handler_table<Counter>("Counter"));
  EXPECT_THAT(call({"a", "b"}), ElementsAre("1", "2"));
  EXPECT_THAT(call({"c"}), ElementsAre("3"));
  EXPECT_THAT(Caller(detail::handler_table<Counter>("Counter"))({"a"}), ElementsAre("1"));
}

TEST(HandlerForms, AnObjectHearsItsSettings) {
  EXPECT_THAT(Caller(detail::handler_table<Strict>("Strict"), "so be it")({"a"}),
              ElementsAre("so be it"));
  EXPECT_EQ(Caller(detail::handler_table<Strict>("Strict")).refused(), "needs settings");
}

}  // namespace
}  // namespace headrace
