#include "server/repository_requests.h"

#include <simdjson.h>

#include <array>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstddef>
#include <memory>
#include <span>
#include <utility>

#include "base/text.h"

namespace headrace::server {
namespace {

using namespace std::chrono_literals;
using namespace boost::asio::experimental::awaitable_operators;
using http::Exchange;
using http::Refusal;
namespace asio = boost::asio;

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kRoot = "/v2/repository/";
constexpr std::string_view kModels = "/v2/repository/models/";
constexpr std::size_t kMostBody = 16U << 10;
constexpr const char* kNotTaken =
    "models are loaded only from the repository folder, as they lie there: files and a "
    "configuration "
    "in the request are not taken";

// Something that comes later, maybe when nobody waits any more.
template <class T>
struct Awaited {
  explicit Awaited(const asio::any_io_executor& executor)
      : here(executor, Clock::time_point::max()) {}
  std::optional<T> value{};
  asio::steady_timer here;
  void come(T came) {
    value = std::move(came);
    here.cancel();
  }
};

template <class T>
asio::awaitable<void> until_here(Awaited<T>& awaited) {
  boost::system::error_code ignored;
  if (!awaited.value)
    co_await awaited.here.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

asio::awaitable<void> refuse(Exchange& exchange, Refusal refusal) {
  return exchange.refuse(std::move(refusal));
}
asio::awaitable<void> refuse(Exchange& exchange, unsigned status, std::string_view why) {
  return exchange.refuse({status, std::string(why)});
}

asio::awaitable<void> answer_outcome(Exchange& exchange, const Repository::Outcome& outcome) {
  return outcome ? exchange.answer_text(200, kJson, "{}") : exchange.refuse(outcome.error());
}

void append(std::string& out, std::string_view key, std::string_view text) {
  out += out.ends_with('{') ? "" : ",";
  append_json_string(out, key);
  out += ':';
  append_json_string(out, text);
}

std::string to_json(const std::vector<Repository::Entry>& entries) {
  std::string out = "[";
  for (const Repository::Entry& entry : entries) {
    out += out.size() == 1 ? "{" : ",{";
    append(out, "name", entry.name);
    append(out, "version", entry.version);
    append(out, "state", entry.state);
    append(out, "reason", entry.reason);
    out += '}';
  }
  return out + ']';
}

asio::awaitable<void> answer_index(Exchange& exchange, Repository& repository, bool only_ready) {
  using Found = Result<std::vector<Repository::Entry>, Refusal>;
  const auto executor = co_await asio::this_coro::executor;
  const auto awaited = std::make_shared<Awaited<Found>>(executor);
  repository.index(only_ready, [awaited](const Found& found) { awaited->come(found); });
  co_await until_here(*awaited);
  const Found& found = *awaited->value;
  if (!found) co_return co_await refuse(exchange, found.error());
  std::string json = to_json(*found);
  co_await exchange.answer_text(200, kJson, std::move(json));
}

// A load whose client has gone goes on.
asio::awaitable<void> answer_load(Exchange& exchange, Repository& repository,
                                  const std::string& name) {
  using Outcome = Repository::Outcome;
  const auto executor = co_await asio::this_coro::executor;
  const auto awaited = std::make_shared<Awaited<Outcome>>(executor);
  repository.load(name, [awaited](const Outcome& outcome) { awaited->come(outcome); });
  const auto either = co_await (until_here(*awaited) || exchange.gone());
  if (either.index() == 1) {
    exchange.forgo();
    co_return;
  }
  co_await answer_outcome(exchange, *awaited->value);
}

bool is_empty(const simdjson::dom::element& element) {
  simdjson::dom::object object;
  return element.get(object) == simdjson::SUCCESS && object.size() == 0;
}

}  // namespace

std::optional<RepositoryPath> read_repository_path(std::string_view path) {
  using What = RepositoryPath::What;
  if (path == std::string(kRoot) + "index") return RepositoryPath{.what = What::index};
  if (!path.starts_with(kModels)) return std::nullopt;
  path.remove_prefix(kModels.size());
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const std::string_view verb = path.substr(slash + 1);
  if (verb != "load" && verb != "unload") return std::nullopt;
  return RepositoryPath{.what = verb == "load" ? What::load : What::unload,
                        .name = std::string(path.substr(0, slash))};
}

Result<RepositoryBody, Refusal> read_repository_body(std::string_view text,
                                                     RepositoryPath::What what) {
  using What = RepositoryPath::What;
  RepositoryBody body;
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) return body;
  simdjson::dom::parser parser;
  simdjson::dom::object fields;
  if (parser.parse(text.data(), text.size()).get(fields) != simdjson::SUCCESS)
    return Refusal{400, "the body is no JSON object"};
  for (const auto& [key, value] : fields) {
    if (what == What::index && key == "ready") {
      if (value.get(body.only_ready) != simdjson::SUCCESS)
        return Refusal{400, "'ready' is true or false"};
    } else if (what == What::load && !is_empty(value)) {
      return Refusal{400, kNotTaken};
    }
  }
  return body;
}

asio::awaitable<void> answer_repository(Exchange& exchange, Repository& repository) {
  const std::optional<RepositoryPath> path = read_repository_path(exchange.path());
  if (!path) co_return co_await refuse(exchange, 404, "Not Found");
  if (exchange.method() != "POST") co_return co_await refuse(exchange, 405, "use POST");
  std::array<std::byte, kMostBody> bytes;
  const auto size = co_await exchange.read_body(bytes);
  // Whatever is so large brings files.
  if (!size && size.error().status == 413) co_return co_await refuse(exchange, 400, kNotTaken);
  if (!size) co_return co_await refuse(exchange, size.error());
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), *size);
  const auto body = read_repository_body(text, path->what);
  if (!body) co_return co_await refuse(exchange, body.error());
  switch (path->what) {
    case RepositoryPath::What::index:
      co_return co_await answer_index(exchange, repository, body->only_ready);
    case RepositoryPath::What::load:
      co_return co_await answer_load(exchange, repository, path->name);
    case RepositoryPath::What::unload:
      break;
  }
  const Repository::Outcome outcome = repository.unload(path->name);
  co_await answer_outcome(exchange, outcome);
}

}  // namespace headrace::server
