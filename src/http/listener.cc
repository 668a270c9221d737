#include "http/listener.h"

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <new>
#include <optional>

#include "http/connection.h"
#include "http/listener_state.h"
#include "http/tls.h"
#include "sys/peer.h"

namespace headrace::http {
namespace {

using Tcp = asio::ip::tcp;
using Local = asio::local::stream_protocol;
using Protocol = asio::generic::stream_protocol;
using Acceptor = asio::basic_socket_acceptor<Protocol>;

constexpr auto kAwaited = asio::as_tuple(asio::use_awaitable);
constexpr std::string_view kUnix = "unix:";
constexpr std::size_t kLongestPath = 107;  // of a Unix socket
constexpr std::size_t kMostUnwelcome = 64;
// Out of descriptors or memory: what is needed comes free when a connection ends, and nobody says so.
constexpr std::chrono::milliseconds kAcceptPause(100);

struct Place {
  Protocol::endpoint endpoint;
  std::string path{};  // of a Unix socket
};

Error cannot_listen(const Settings& settings, const std::string& why) {
  return Error{(settings.option.empty() ? "cannot listen on" : settings.option) + " " +
               settings.address + ": " + why};
}

std::string in_words(const ErrorCode& error) {
  if (error == asio::error::address_in_use)
    return "address already in use: is another server running? Stop it, or choose another port";
  if (error == boost::system::errc::address_not_available)
    return "this machine has no such address";
  if (error == boost::system::errc::permission_denied)
    return "permission denied; ports below 1024 may need rights";
  return error.message();
}

struct HostAndPort {
  std::string_view host;
  std::uint16_t port;
};

// Of "127.0.0.1:8080", or what is wrong with it.
Result<HostAndPort> divide(const std::string& address) {
  const auto colon = address.rfind(':');
  const std::string_view all(address);
  auto host = all.substr(0, colon == std::string::npos ? 0 : colon);
  const auto digits = colon == std::string::npos ? all : all.substr(colon + 1);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  else if (host.find(':') != std::string_view::npos)
    host = {};
  std::uint16_t port = 0;
  const auto* const end = digits.data() + digits.size();
  const auto [rest, wrong] = std::from_chars(digits.data(), end, port);
  const bool is_port = wrong == std::errc() && rest == end;
  if (host.empty()) {
    const std::string example = is_port ? std::to_string(port) : "8080";
    return Error{"write HOST:PORT, for example 127.0.0.1:" + example + ", [::]:" + example +
                 " or unix:PATH"};
  }
  if (!is_port) return Error{"the port is a number from 0 to 65535"};
  return HostAndPort{host, port};
}

// A socket's file stays when its server is killed. It is ours to remove if nobody listens there.
bool remove_stale(asio::io_context& io, const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::is_socket(path, ignored)) return false;
  Local::socket probe(io);
  ErrorCode error;
  probe.connect(Local::endpoint(path), error);
  return error == asio::error::connection_refused && std::filesystem::remove(path, ignored);
}

Result<Place> unix_place(asio::io_context& io, const Settings& settings) {
  const auto path = settings.address.substr(kUnix.size());
  std::error_code ignored;
  if (std::filesystem::exists(std::filesystem::symlink_status(path, ignored)) &&
      !remove_stale(io, path))
    return cannot_listen(settings, "there is a file, or somebody listens there");
  return Place{Local::endpoint(path), path};
}

Result<Place> tcp_place(asio::io_context& io, const Settings& settings) {
  const auto parts = divide(settings.address);
  if (!parts) return cannot_listen(settings, parts.error().message);
  ErrorCode error;
  Tcp::resolver resolver(io);
  const auto found =
      resolver.resolve(parts->host, std::to_string(parts->port), Tcp::resolver::passive, error);
  if (error || found.empty()) return cannot_listen(settings, error.message());
  return Place{found.begin()->endpoint(), {}};
}

Result<Place> place_of(asio::io_context& io, const Settings& settings) {
  if (const Status fits = check_address(settings.address); !fits)
    return cannot_listen(settings, fits.error().message);
  return settings.address.starts_with(kUnix) ? unix_place(io, settings) : tcp_place(io, settings);
}

Tcp::endpoint tcp_of(const Protocol::endpoint& endpoint) {
  Tcp::endpoint tcp;
  if (endpoint.size() > tcp.capacity()) return tcp;
  std::memcpy(tcp.data(), endpoint.data(), endpoint.size());
  tcp.resize(endpoint.size());
  return tcp;
}

bool is_tcp(const Protocol::endpoint& endpoint) {
  const int family = endpoint.protocol().family();
  return family == Tcp::v4().family() || family == Tcp::v6().family();
}

std::string text_of(const Tcp::endpoint& endpoint) {
  const auto port = ":" + std::to_string(endpoint.port());
  const auto address = endpoint.address();
  if (address.is_v4()) return address.to_string() + port;
  if (address.to_v6().is_v4_mapped())
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).to_string() + port;
  return "[" + address.to_string() + "]" + port;
}

// A path that others may open is made private before anybody can connect: that takes listen().
ErrorCode bind_and_listen(Acceptor& acceptor, const Place& place) {
  ErrorCode error;
  acceptor.open(place.endpoint.protocol(), error);
  if (error) return error;
  sys::keep_from_children(acceptor.native_handle());
  if (place.path.empty()) acceptor.set_option(Acceptor::reuse_address(true), error);
  if (place.endpoint.protocol().family() == Tcp::v6().family())
    acceptor.set_option(asio::ip::v6_only(false), error);
  acceptor.bind(place.endpoint, error);
  if (error) return error;
  if (!place.path.empty()) {
    std::error_code refused;
    std::filesystem::permissions(
        place.path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write,
        refused);
    if (refused) return refused;
  }
  acceptor.listen(asio::socket_base::max_listen_connections, error);
  return error;
}

struct Secrets {
  std::optional<Tokens> tokens{};
  std::shared_ptr<asio::ssl::context> tls{};
};

Result<Secrets> load_secrets(const Settings& settings) {
  Secrets secrets;
  if (!settings.token_file.empty()) {
    auto tokens = Tokens::load(settings.token_file);
    if (!tokens) return std::move(tokens).error();
    secrets.tokens = *std::move(tokens);
  }
  if (settings.tls) {
    auto context = load_tls(*settings.tls);
    if (!context) return std::move(context).error();
    secrets.tls = *std::move(context);
  }
  return secrets;
}

// How often to look for who is late: a fraction of the shortest time that anybody has.
std::chrono::milliseconds look_every(const Limits& limits) {
  const auto shortest = std::min({limits.head_time, limits.handshake_time, limits.keep_alive,
                                  limits.linger, limits.body_pace.idle, limits.body_pace.grace,
                                  limits.answer_pace.idle, limits.answer_pace.grace,
                                  limits.crowded_body_pace.grace, std::chrono::milliseconds(1000)});
  return std::max(shortest / 4, std::chrono::milliseconds(5));
}

asio::awaitable<void> look_around(std::shared_ptr<ListenerState> state) {
  const auto pause = look_every(state->settings.limits);
  while (!state->connections.empty()) {
    state->looking.expires_after(pause);
    co_await state->looking.async_wait(kAwaited);
    const auto now = Clock::now();
    for (Connection* connection : state->connections) connection->look_at(now);
  }
  state->looks = false;
}

asio::awaitable<void> run(std::unique_ptr<Connection> connection) {
  co_await connection->run();
}

// Makes room by ending the connection that has been idle longest; false when none is idle.
bool make_room(const ListenerState& state) {
  Connection* oldest = nullptr;
  for (Connection* connection : state.connections) {
    if (connection->idle() && (!oldest || connection->idle_since() < oldest->idle_since()))
      oldest = connection;
  }
  if (oldest) oldest->leave();
  return oldest != nullptr;
}

void admit(const std::shared_ptr<ListenerState>& state, Socket socket, std::string remote) {
  const auto open = state->connections.size() - state->unwelcome;
  const bool welcome = open < state->settings.limits.connections || make_room(*state);
  if (!welcome) {
    ++state->turned_away;
    if (state->tls || state->unwelcome >= kMostUnwelcome) return;  // closed without a word
  }
  asio::co_spawn(
      state->io,
      run(std::make_unique<Connection>(state, std::move(socket), std::move(remote), welcome)),
      asio::detached);
  if (state->looks) return;
  state->looks = true;
  asio::co_spawn(state->io, look_around(state), asio::detached);
}

}  // namespace

struct Listener::Parts {
  Parts(asio::io_context& io, std::shared_ptr<ListenerState> the_state)
      : state(std::move(the_state)), acceptor(io), pause(io) {}

  void stop_accepting() {
    ErrorCode ignored;
    acceptor.close(ignored);
    pause.cancel();
    std::error_code unknown;
    if (!path.empty()) std::filesystem::remove(path, unknown);
    path.clear();
  }

  std::shared_ptr<ListenerState> state;
  Acceptor acceptor;
  asio::steady_timer pause;
  std::string address{};
  std::uint16_t port = 0;
  std::string path{};
};

asio::awaitable<void> Listener::accept_all(std::shared_ptr<Parts> parts) {
  while (parts->acceptor.is_open()) {
    Socket socket(parts->state->io);
    Protocol::endpoint peer;
    const auto [error] = co_await parts->acceptor.async_accept(socket, peer, kAwaited);
    if (!parts->acceptor.is_open()) break;
    if (error) {
      parts->pause.expires_after(kAcceptPause);
      co_await parts->pause.async_wait(kAwaited);
      continue;
    }
    sys::keep_from_children(socket.native_handle());
    std::string remote = "unix";
    if (is_tcp(peer)) {
      ErrorCode ignored;
      socket.set_option(Tcp::no_delay(true), ignored);
      remote = text_of(tcp_of(peer));
    }
    try {
      admit(parts->state, std::move(socket), std::move(remote));
    } catch (const std::bad_alloc&) {
      // This client sees its connection end; those that are there go on.
    }
  }
}

Status check_address(const std::string& address) {
  if (address.starts_with(kUnix)) {
    const std::size_t length = address.size() - kUnix.size();
    if (length > 0 && length <= kLongestPath) return Ok{};
    return Error{"the path of a Unix socket has 1 to 107 bytes"};
  }
  const auto parts = divide(address);
  if (!parts) return parts.error();
  return Ok{};
}

Result<Protocol::endpoint> where_to_ask(asio::io_context& io, const std::string& address) {
  if (const Status fits = check_address(address); !fits) return fits.error();
  if (address.starts_with(kUnix))
    return Protocol::endpoint(Local::endpoint(address.substr(kUnix.size())));
  const auto parts = divide(address);
  if (!parts) return parts.error();
  if (parts->port == 0)
    return Error{"the system chose its port, and only the server's log says which"};
  ErrorCode error;
  Tcp::resolver resolver(io);
  const auto found = resolver.resolve(parts->host, std::to_string(parts->port), error);
  if (error || found.empty()) return Error{error.message()};
  // The kernel takes a connection to 0.0.0.0 or [::] for one to the loopback.
  return Protocol::endpoint(found.begin()->endpoint());
}

Status try_to_listen(asio::io_context& io, const Settings& settings) {
  const auto place = place_of(io, settings);
  if (!place) return place.error();
  Acceptor acceptor(io);
  const auto error = bind_and_listen(acceptor, *place);
  std::error_code ignored;
  if (!error && !place->path.empty()) std::filesystem::remove(place->path, ignored);
  if (error) return cannot_listen(settings, in_words(error));
  return Ok{};
}

Result<Listener> Listener::open(asio::io_context& io, Settings settings, Application application) {
  auto secrets = load_secrets(settings);
  if (!secrets) return std::move(secrets).error();
  const auto address = settings.address;
  const auto option = settings.option;
  const auto place = place_of(io, settings);
  if (!place) return place.error();

  auto state = std::make_shared<ListenerState>(io, std::move(settings), std::move(application));
  state->tokens = std::move(secrets->tokens);
  state->tls = std::move(secrets->tls);
  auto parts = std::make_shared<Parts>(io, std::move(state));
  if (const auto error = bind_and_listen(parts->acceptor, *place))
    return cannot_listen({.address = address, .option = option}, in_words(error));
  parts->address = address;
  parts->path = place->path;
  if (place->path.empty()) {
    ErrorCode ignored;
    const auto bound = tcp_of(parts->acceptor.local_endpoint(ignored));
    parts->address = text_of(bound);
    parts->port = bound.port();
  }
  asio::co_spawn(io, accept_all(parts), asio::detached);
  return Listener(std::move(parts));
}

Listener::~Listener() {
  if (!parts_) return;  // moved from
  parts_->stop_accepting();
  for (Connection* connection : parts_->state->connections) connection->close();
}

const std::string& Listener::address() const {
  return parts_->address;
}

std::uint16_t Listener::port() const {
  return parts_->port;
}

Result<std::function<void()>> Listener::read_again() {
  auto secrets = load_secrets(parts_->state->settings);
  if (!secrets) return std::move(secrets).error();
  return std::function<void()>([state = parts_->state, read = *std::move(secrets)] {
    state->tokens = read.tokens;
    state->tls = read.tls;
  });
}

void Listener::stop_accepting() {
  parts_->stop_accepting();
}

void Listener::close_idle() {
  for (Connection* connection : parts_->state->connections) {
    if (connection->idle()) connection->leave();
  }
}

std::size_t Listener::connections() const {
  return parts_->state->connections.size();
}

std::uint64_t Listener::turned_away() const {
  return parts_->state->turned_away;
}

asio::awaitable<void> Listener::drain(std::shared_ptr<Parts> parts) {
  const auto state = parts->state;
  parts->stop_accepting();
  for (Connection* connection : state->connections) connection->leave();
  while (!state->connections.empty()) {
    state->emptied.expires_at(Clock::time_point::max());
    co_await state->emptied.async_wait(kAwaited);
  }
}

}  // namespace headrace::http
