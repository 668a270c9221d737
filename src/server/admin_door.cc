#include "server/admin_door.h"

#include <array>
#include <boost/asio/ip/address.hpp>
#include <utility>

#include "server/described.h"
#include "server/page/files.h"
#include "server/repository_requests.h"
#include "server/status.h"
#include "sys/process.h"

namespace headrace::server {
namespace {

using namespace std::chrono_literals;

// A few people and a script or two; their connections need little.
constexpr std::size_t kConnections = 32;
constexpr auto kLook = 1s;

// The page may load and ask its own server, show a picture that was dropped on it, and nothing else; nobody may show
// it within something of theirs.
constexpr std::array kGuards = {
    http::Field{
        "Content-Security-Policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src "
        "'self' blob: data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
    http::Field{"X-Frame-Options", "DENY"},
    http::Field{"Referrer-Policy", "no-referrer"},
    http::Field{"Cross-Origin-Opener-Policy", "same-origin"},
    http::Field{"Cross-Origin-Resource-Policy", "same-origin"},
    http::Field{"Cache-Control", "no-store"}};

struct File {
  std::string_view path, type, text;
};

std::optional<File> find_file(std::string_view path) {
  for (const File& file : {File{"/", "text/html; charset=utf-8", page::html()},
                           {"/page.css", "text/css; charset=utf-8", page::css()},
                           {"/page.js", "text/javascript; charset=utf-8", page::js()}}) {
    if (path == file.path) return file;
  }
  return std::nullopt;
}

// "localhost" of "localhost:8081", "::1" of "[::1]:8081"; empty when it is neither.
std::string_view host_of(std::string_view place) {
  if (place.starts_with('[')) {
    const std::size_t end = place.find(']');
    if (end == std::string_view::npos) return {};
    const std::string_view rest = place.substr(end + 1);
    return rest.empty() || rest.starts_with(':') ? place.substr(1, end - 1) : std::string_view();
  }
  return place.substr(0, place.find(':'));
}

bool is_address(std::string_view host) {
  boost::system::error_code wrong;
  boost::asio::ip::make_address(host, wrong);
  return !wrong;
}

}  // namespace

bool is_loopback(std::string_view address) {
  if (address.starts_with("unix:")) return true;
  const std::string_view host = host_of(address);
  if (http::same_word(host, "localhost")) return true;
  boost::system::error_code wrong;
  const auto ip = boost::asio::ip::make_address(host, wrong);
  return !wrong && ip.is_loopback();
}

Error only_with_tokens(std::string_view option, std::string_view address) {
  std::string text(option);
  text += " ";
  text += address;
  text += " can be reached from other machines: add --admin-token-file FILE, or use ";
  text += option;
  text += option == "--admin-grpc" ? " 127.0.0.1:8082" : " 127.0.0.1:8081";
  return Error{text + " and forward that port to where it is needed"};
}

std::optional<std::string> why_foreign(const Provenance& request, std::string_view own_name) {
  const std::string_view host = host_of(request.host);
  if (!is_address(host) && !http::same_word(host, "localhost") && !http::same_word(host, own_name))
    return "this listener is known by its address, as localhost, or by the name in --admin, and "
           "not by the name in "
           "the field Host";
  if (!request.origin.empty()) {
    const std::size_t scheme = request.origin.find("://");
    const std::string_view origin =
        scheme == std::string_view::npos ? "" : request.origin.substr(scheme + 3);
    if (!http::same_word(origin, request.host)) return "other sites may not ask this listener";
  }
  // Following a link to the page is no harm, and says nothing to whoever made the link.
  const bool link =
      request.method == "GET" && request.path == "/" && request.fetch_mode == "navigate";
  const bool own = request.fetch_site.empty() || request.fetch_site == "same-origin" ||
                   request.fetch_site == "none";
  if (!own && !link) return "other sites may not ask this listener";
  return std::nullopt;
}

AdminDoor::AdminDoor(Settings settings, Server& server, HttpDoor& http, Repository& repository)
    : settings_(std::move(settings)),
      own_name_(host_of(settings_.listener.address)),
      server_(server),
      http_(http),
      repository_(repository),
      next_look_(server.io()),
      own_seconds_(sys::cpu_seconds_self()) {}

Result<std::unique_ptr<AdminDoor>> AdminDoor::open(Settings settings, Server& server,
                                                   HttpDoor& http, Repository& repository) {
  std::unique_ptr<AdminDoor> door(new AdminDoor(std::move(settings), server, http, repository));
  http::Settings& listener = door->settings_.listener;
  listener.limits.connections = kConnections;
  listener.compress_answers = false;
  // The page's files are the same everywhere, and ask for the token.
  listener.open_to_all = [](const Exchange& exchange) {
    const std::string_view path = exchange.path();
    return find_file(path).has_value() || is_health(path);
  };
  Result<http::Listener> opened =
      http::Listener::open(server.io(), listener,
                           [raw = door.get()](Exchange& exchange) { return raw->serve(exchange); });
  if (!opened) return opened.error();
  if (!is_loopback(opened->address()) && !door->settings_.own_tokens)
    return only_with_tokens("--admin", listener.address);
  door->listener_.emplace(std::move(*opened));
  door->look();
  return door;
}

void AdminDoor::shut() {
  next_look_.cancel();
  listener_.reset();
}

AdminDoor::Awaitable<void> AdminDoor::serve(Exchange& exchange) {
  const Provenance provenance{.method = exchange.method(),
                              .path = exchange.path(),
                              .host = exchange.field("Host"),
                              .origin = exchange.field("Origin"),
                              .fetch_site = exchange.field("Sec-Fetch-Site"),
                              .fetch_mode = exchange.field("Sec-Fetch-Mode")};
  std::optional<std::string> foreign = why_foreign(provenance, own_name_);
  if (foreign) {
    http::Refusal refusal{403, std::move(*foreign)};
    co_return co_await exchange.refuse(std::move(refusal));
  }
  if (exchange.path().starts_with("/v2/repository/"))
    co_return co_await answer_repository(exchange, repository_);
  const std::optional<File> file = find_file(exchange.path());
  if (!file && exchange.path() != "/status") co_return co_await http_.serve(exchange);
  if (exchange.method() != "GET" && exchange.method() != "HEAD") {
    http::Refusal refusal{405, "use GET"};
    co_return co_await exchange.refuse(std::move(refusal));
  }
  std::string text = file ? std::string(file->text) : status(exchange.query());
  co_await answer(exchange, file ? file->type : kJson, std::move(text));
}

AdminDoor::Awaitable<void> AdminDoor::answer(Exchange& exchange, std::string_view type,
                                             std::string text) {
  const auto bytes = std::as_bytes(std::span(text));
  const http::Answer whole{200, type, kGuards, {&bytes, 1}};
  co_await exchange.answer(whole);
}

std::string AdminDoor::status(std::string_view query) const {
  const Clock::time_point now = Clock::now();
  const auto started =
      std::chrono::duration_cast<std::chrono::milliseconds>(started_.time_since_epoch());
  const ServerFacts facts{.version = settings_.server_version,
                          .started_ms = started.count(),
                          .uptime_seconds = std::chrono::duration<double>(now - begin_).count(),
                          .own_cpus = own_cpus_,
                          .connections = http_.connections()};
  return describe_status(server_, facts, history_, read_since(query), now);
}

void AdminDoor::look() {
  const Clock::time_point now = Clock::now();
  const History::Seconds passed =
      last_look_ ? History::Seconds(now - *last_look_) : History::Seconds(0);
  const double own = sys::cpu_seconds_self();
  if (passed.count() > 0) own_cpus_ = (own - own_seconds_) / passed.count();
  own_seconds_ = own;
  last_look_ = now;
  std::vector<ModelCounts> models;
  for (const auto& model : server_.models()) models.push_back(counts_of(*model->line));
  history_.add(passed, container_now(server_, own_cpus_), models);
  // From the time that was meant, lest the seconds grow longer; from now on, after an absence.
  const auto due = next_look_.expiry() + kLook;
  next_look_.expires_at(due > now && due <= now + kLook ? due : now + kLook);
  next_look_.async_wait([this](const boost::system::error_code& error) {
    if (!error) look();
  });
}

}  // namespace headrace::server
