// A handler that does with each input what its content says, for tests:
//
//   json TEXT, text TEXT, bytes TEXT   that result
//   fail CODE                          fails with error number CODE
//   throw TEXT, throw-int              throws
//   abort, segv, exit, hang            does not return
//   print TEXT                         writes to standard output; result null
//   state                              {"settings":...,"threads":...,"batch":...,"calls":N,"together":N}
//
// Settings "fail TEXT" and "die" let it not start; "farewell FILE" let it write that file when it leaves.
#include <headrace/handler.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <stdexcept>

namespace {

using headrace::HandlerResult;

bool take(std::string& text, std::string_view word) {
  if (!text.starts_with(word)) return false;
  text.erase(0, word.size());
  return true;
}

class Obedient {
 public:
  explicit Obedient(const headrace::HandlerOptions& options) : options_(options) {
    std::string settings = options.settings;
    if (settings == "die") std::abort();
    if (take(settings, "fail ")) throw std::runtime_error(settings);
  }
  ~Obedient() {
    std::string settings = options_.settings;
    if (take(settings, "farewell ")) std::ofstream(settings, std::ios::app) << calls_ << "\n";
  }
  Obedient(const Obedient&) = delete;
  Obedient& operator=(const Obedient&) = delete;

  std::vector<HandlerResult> operator()(std::span<const headrace::HandlerInput> items) {
    ++calls_;
    std::vector<HandlerResult> results;
    for (const headrace::HandlerInput& item : items) {
      std::string order(reinterpret_cast<const char*>(item.bytes.data()), item.bytes.size());
      results.push_back(obey(order, items.size()));
    }
    return results;
  }

 private:
  HandlerResult obey(std::string& order, std::size_t together) const {
    if (take(order, "json ")) return HandlerResult::json(order);
    if (take(order, "text ")) return HandlerResult::text(order);
    if (take(order, "bytes ")) return HandlerResult::bytes(order);
    if (take(order, "fail ")) {
      const auto code = static_cast<headrace::HandlerError>(std::stoul(order));
      throw headrace::HandlerFailure(code, "told to fail");
    }
    if (take(order, "throw ")) throw std::runtime_error(order);
    if (order == "throw-int") throw 7;
    if (order == "abort") std::abort();
    if (order == "segv") {
      std::signal(SIGSEGV, SIG_DFL);  // sanitizers have one of their own
      static_cast<void>(std::raise(SIGSEGV));
    }
    if (order == "exit") std::exit(3);
    while (order == "hang") static_cast<void>(std::getenv("HANG"));
    if (take(order, "print ")) std::puts(order.c_str());
    if (order != "state") return HandlerResult::json("null");
    return HandlerResult::json("{\"settings\":\"" + options_.settings +
                               "\",\"threads\":" + std::to_string(options_.threads) +
                               ",\"batch\":" + std::to_string(options_.batch) +
                               ",\"calls\":" + std::to_string(calls_) +
                               ",\"together\":" + std::to_string(together) + "}");
  }

  headrace::HandlerOptions options_;
  int calls_ = 0;
};

}  // namespace

HEADRACE_HANDLER(Obedient, "1.2");
