#include "server/http_door.h"

#include <algorithm>
#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstring>
#include <functional>
#include <variant>

#include "base/text.h"
#include "http/multipart.h"
#include "image/sniff.h"
#include "oip/documents.h"
#include "oip/infer_response.h"
#include "server/ask.h"
#include "server/described.h"
#include "server/metrics.h"
#include "shm/served.h"

namespace headrace::server {
namespace {

using namespace std::chrono_literals;
using namespace boost::asio::experimental::awaitable_operators;
using http::Exchange;
using http::Refusal;

// JSON is parsed in private memory, several times its size, by the one thread that serves: everybody waits for
// that. Tensors of any size go behind it.
constexpr std::size_t kMostJson = 8U << 20;
constexpr std::size_t kFirstRoom = 64U
                                   << 10;  // for a body whose size is not known before it is read
constexpr const char* kNoElement =
    "the input of BYTES must be one picture: 4 bytes with its length, then it";
constexpr std::size_t kPicture =
    shm::served_input_header(1);  // a picture lies behind so many bytes

unsigned status_of(ItemError error) {
  switch (error) {
    case ItemError::unsupported:
      return 415;
    case ItemError::corrupt:
      return 400;
    case ItemError::too_large:
      return 413;
    case ItemError::timeout:
      return 504;
    case ItemError::cancelled:
      return 503;
    case ItemError::not_found:
    case ItemError::unreadable:
    case ItemError::infer_failed:
    case ItemError::result_too_large:
    case ItemError::worker_crashed:
      return 500;
  }
  return 500;
}

Refusal from(const oip::Refusal& refusal) {
  return {static_cast<unsigned>(oip::http_status(refusal.kind)), refusal.message};
}

Refusal from(const Answer& answer) {
  if (answer.kind == Answer::Kind::late) return {504, answer.message};
  return {status_of(answer.error), std::string(name(answer.error)) + ": " + answer.message};
}

Refusal full(const Line& line, Line::Full why) {
  if (why == Line::Full::ever)
    return {413, "the request is larger than all the memory that the server keeps for requests"};
  Refusal refusal{429, "too many requests wait for this model; try again later"};
  refusal.retry_after = line.until_done();
  return refusal;
}

// "image/jpeg" of "image/jpeg; q=1", in lower case.
std::string media_type(std::string_view content_type) {
  std::string type(http::trimmed(content_type.substr(0, content_type.find(';'))));
  std::transform(type.begin(), type.end(), type.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return type;
}

// Whether somebody waits for what its slow senders hold: its room, or the change that it goes for.
bool is_crowded(const std::shared_ptr<Model>& model) {
  return model && (model->state != ModelState::serving || model->line->crowded(Clock::now()));
}

bool takes_files(const Model& model) {
  return model.about.input.kind != model::InputKind::tensors;
}

std::string text_of(std::span<const std::byte> bytes) {
  std::string text;
  text.reserve(bytes.size() + oip::kJsonMargin);
  text.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return text;
}

// curl's -d calls anything a form, and drops the line ends in it.
Refusal with_advice(const Exchange& exchange, Refusal refusal) {
  if (media_type(exchange.field("Content-Type")) == "application/x-www-form-urlencoded")
    refusal.message +=
        "; if curl sent this with -d, which drops line ends: use --data-binary @FILE";
  return refusal;
}

// Of a body that is no picture, for a model that takes pictures.
Refusal no_picture(Refusal no_json, std::span<const std::byte> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const auto first = text.find_first_not_of(" \t\r\n");
  if (first != std::string_view::npos && text[first] == '{') return no_json;
  return {415, "the body is neither a picture (JPEG, PNG or WebP) nor a JSON object"};
}

// What a request says of how it wants to wait.
Terms terms_of(const oip::InferRequest& request, std::uint32_t rows) {
  Terms terms{
      .priority = static_cast<unsigned>(std::min<std::uint64_t>(request.priority, 1U << 20)),
      .rows = rows};
  if (request.timeout > 0us)
    terms.deadline = Clock::now() + std::min<std::chrono::microseconds>(request.timeout, 24h);
  return terms;
}

struct Body {
  Room room;
  std::size_t size;  // behind kPicture bytes of room
};

template <class T>
using Read = Result<T, Refusal>;

// Exactly so many bytes.
boost::asio::awaitable<Read<Ok>> read_exactly(Exchange& exchange, Line& line,
                                              std::span<std::byte> into) {
  while (!into.empty()) {
    const Read<std::size_t> read = co_await exchange.read_some(into);
    if (!read) co_return read.error();
    if (*read == 0) co_return Refusal{400, "the body is shorter than its Content-Length"};
    if (line.refusal()) co_return Refusal{503, *line.refusal()};
    into = into.subspan(*read);
  }
  co_return Ok{};
}

// The whole body, to where a worker would read it as a picture.
boost::asio::awaitable<Read<Body>> read_whole(Exchange& exchange, Line& line) {
  const std::optional<std::uint64_t> known = exchange.content_length();
  Result<Room, Line::Full> room = line.admit(kPicture + known.value_or(kFirstRoom));
  if (!room) co_return full(line, room.error());
  if (known) {
    const std::size_t size = *known;
    const Read<Ok> read =
        co_await read_exactly(exchange, line, room->bytes().subspan(kPicture, size));
    if (!read) co_return read.error();
    Body body{std::move(*room), size};
    co_return body;
  }
  std::size_t size = 0;
  for (;;) {
    if (kPicture + size == room->bytes().size() && !room->resize(kPicture + 2 * size)) {
      const bool ever = kPicture + 2 * size > line.settings().slots.bodies.value;
      co_return full(line, ever ? Line::Full::ever : Line::Full::queue);
    }
    const Read<std::size_t> read =
        co_await exchange.read_some(room->bytes().subspan(kPicture + size));
    if (!read) co_return read.error();
    if (*read == 0) break;
    if (line.refusal()) co_return Refusal{503, *line.refusal()};
    size += *read;
  }
  room->resize(kPicture + size);
  Body body{std::move(*room), size};
  co_return body;
}

// Its answer; nothing when the client has gone meanwhile.
boost::asio::awaitable<std::optional<Answer>> ask_for(Exchange& exchange, Line& line, Room room,
                                                      Terms terms) {
  auto either = co_await (ask(line, std::move(room), terms) || exchange.gone());
  if (either.index() == 1) {
    exchange.forgo();
    co_return std::nullopt;
  }
  Answer answer = std::get<0>(std::move(either));
  if (answer.kind != Answer::Kind::result) line.name_failure(answer.number, exchange.request_id());
  exchange.note("model", line.name());
  exchange.note("attempts", answer.attempts);
  if (answer.worker) exchange.note("worker", *answer.worker);
  exchange.note("queue_ms", static_cast<double>(answer.queued.count()) / 1000);
  exchange.note("decode_ms", static_cast<double>(answer.decode.count()) / 1000);
  exchange.note("infer_ms", static_cast<double>(answer.infer.count()) / 1000);
  co_return answer;
}

// Several items of one request: how many are still out, and what came back.
struct Gathering {
  explicit Gathering(boost::asio::io_context& io) : all_here(io, Clock::time_point::max()) {}
  std::vector<std::uint64_t> numbers{};
  std::vector<Answer> answers{};
  std::size_t out = 0;
  boost::asio::steady_timer all_here;
};

boost::asio::awaitable<void> until_all_here(Gathering& gathering) {
  boost::system::error_code ignored;
  if (gathering.out > 0)
    co_await gathering.all_here.async_wait(
        boost::asio::redirect_error(boost::asio::use_awaitable, ignored));
}

}  // namespace

Result<std::unique_ptr<HttpDoor>> HttpDoor::open(Settings settings, Server& server) {
  std::unique_ptr<HttpDoor> door(new HttpDoor(std::move(settings), server));
  door->settings_.listener.open_to_all = [](const Exchange& exchange) {
    return is_health(exchange.path());
  };
  Result<http::Listener> listener =
      http::Listener::open(server.io(), door->settings_.listener,
                           [raw = door.get()](Exchange& exchange) { return raw->serve(exchange); });
  if (!listener) return listener.error();
  door->listener_.emplace(std::move(*listener));
  return door;
}

void HttpDoor::drain() {
  boost::asio::co_spawn(server_.io(), listener_->drain(), boost::asio::detached);
}

std::string HttpDoor::metrics() const {
  std::vector<Served> served;
  for (const auto& model : server_.models())
    served.push_back({.line = model->line.get(), .watch = model->watch.get()});
  return to_metrics(served, server_.container(),
                    {.connections = connections(), .draining = server_.draining()}, Clock::now());
}

HttpDoor::Awaitable<void> HttpDoor::serve(Exchange& exchange) {
  constexpr std::string_view kModels = "/v2/models/";
  const std::string_view path = exchange.path();
  const bool of_model =
      path.starts_with(kModels) && path.size() > kModels.size() && path != "/v2/models/stats";
  if (of_model && path.ends_with("/infer")) {
    const ModelPath which = read_model_path(path.substr(kModels.size()));
    // Held until there is an answer: the model may be changed meanwhile.
    std::shared_ptr<Model> model =
        which.what == "infer" ? server_.find(which.name, which.version) : nullptr;
    if (model != nullptr && exchange.method() == "POST") {
      exchange.hurry_while([weak = std::weak_ptr(model)] { return is_crowded(weak.lock()); });
      Reply reply = co_await infer(exchange, *model);
      model.reset();
      co_return co_await send(exchange, reply);
    }
  }
  Said said = of_model ? about_model(exchange.method(), path.substr(kModels.size()))
                       : about_server(exchange.method(), path);
  if (said.status < 400 || said.content_type != kJson || said.text.starts_with('{')) {
    co_await exchange.answer_text(said.status, said.content_type, std::move(said.text));
  } else {
    Refusal refusal{said.status, std::move(said.text)};
    refusal.allow = said.allow;
    co_await exchange.refuse(std::move(refusal));
  }
}

HttpDoor::Said HttpDoor::about_server(std::string_view method, std::string_view path) const {
  if (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  const std::optional<Page> page = find_page(path);
  if (!page) return {404, "Not Found"};
  if (method != "GET" && method != "HEAD") return {405, "use GET", kJson, "GET, HEAD"};
  switch (*page) {
    case Page::server:
      return {200, describe_server(settings_.server_version)};
    case Page::live:
      return {200, oip::live_body(true)};
    case Page::ready: {
      const bool ready = server_.ready();
      return {ready ? 200U : 503U, oip::ready_body(ready, why_not_ready(server_))};
    }
    case Page::models:
      return {200, list_models(server_)};
    case Page::statistics:
      return {200, describe_statistics(server_.models())};
    case Page::metrics:
      return {200, metrics(), "text/plain; version=0.0.4; charset=utf-8"};
    case Page::openapi:
      return {200, oip::openapi(settings_.server_version)};
  }
  return {404, "Not Found"};
}

// NAME[/versions/VERSION][/infer|/ready|/config|/stats]
HttpDoor::Said HttpDoor::about_model(std::string_view method, std::string_view rest) const {
  const ModelPath path = read_model_path(rest);
  const std::shared_ptr<Model> model = server_.find(path.name, path.version);
  if (model == nullptr) return {404, unknown_model(path.name, path.version)};
  if (path.what == "infer") return {405, "use POST", kJson, "POST"};
  const bool known = path.what == "ready" || path.what == "config" || path.what == "stats";
  if (!path.what.empty() && !known) return {404, "Not Found"};
  if (method != "GET" && method != "HEAD") return {405, "use GET", kJson, "GET, HEAD"};
  if (path.what == "stats") return {200, describe_statistics({&model, 1})};
  if (path.what == "ready") {
    const bool ready = !server_.draining() && model->line->ready(Clock::now());
    return {ready ? 200U : 503U,
            oip::model_ready_body(model->line->name(), ready, "the model is not ready")};
  }
  if (!model->line->signature()) return {503, "the model is still loading"};
  const oip::ModelFacts facts = describe(*model);
  return {200, path.what == "config" ? oip::model_config(facts) : oip::model_metadata(facts)};
}

HttpDoor::Awaitable<HttpDoor::Reply> HttpDoor::infer(Exchange& exchange, Model& model) {
  if (server_.draining()) co_return Refusal{503, "the server is shutting down"};
  if (!model.line->ready(Clock::now()) || !model.line->signature())
    co_return Refusal{503, "the model is not ready"};
  const std::string type = media_type(exchange.field("Content-Type"));
  const std::string_view header = exchange.field("Inference-Header-Content-Length");
  if (header.empty()) {
    if (type.starts_with("image/")) co_return co_await infer_file(exchange, model);
    if (type == "multipart/form-data") co_return co_await infer_form(exchange, model);
    co_return co_await infer_untold(exchange, model);
  }
  if (!exchange.content_length()) co_return co_await infer_gathered(exchange, model, header);
  const auto parts = oip::divide_body(header, *exchange.content_length(), kMostJson);
  if (!parts) co_return from(parts.error());
  if (parts->raw) {
    auto request = oip::read_raw(parts->tail_bytes, *model.line->signature());
    if (!request) co_return from(request.error());
    co_return co_await infer_tensors(exchange, model, std::move(*request), std::nullopt,
                                     std::nullopt);
  }
  // What a client claims comes out of the same store as everything else, and stays for as long as its copy.
  Result<Room, Line::Full> text = model.line->admit(parts->json_bytes);
  if (!text) co_return full(*model.line, text.error());
  const Read<Ok> read =
      co_await read_exactly(exchange, *model.line, text->bytes().first(parts->json_bytes));
  if (!read) co_return read.error();
  auto request = reader_.read(text_of(text->bytes().first(parts->json_bytes)), parts->tail_bytes,
                              *model.line->signature(), takes_files(model));
  if (!request) co_return from(request.error());
  std::optional<Room> kept(std::move(*text));
  co_return co_await infer_tensors(exchange, model, std::move(*request), std::nullopt,
                                   std::move(kept));
}

// The body is one picture.
HttpDoor::Awaitable<HttpDoor::Reply> HttpDoor::infer_file(Exchange& exchange, Model& model) {
  if (!takes_files(model)) co_return Refusal{415, "the model takes tensors, not pictures"};
  Read<Body> body = co_await read_whole(exchange, *model.line);
  if (!body) co_return body.error();
  co_return co_await answer_file(exchange, model, std::move(body->room), body->size);
}

HttpDoor::Awaitable<HttpDoor::Reply> HttpDoor::answer_file(Exchange& exchange, Model& model,
                                                           Room room, std::size_t size) {
  if (size == 0) co_return Refusal{400, "the body is empty"};
  shm::write_picture(room.bytes(), size);
  const auto answer = co_await ask_for(exchange, *model.line, std::move(room), {});
  if (!answer) co_return Reply{};
  if (answer->kind != Answer::Kind::result) co_return with_advice(exchange, from(*answer));
  Reply reply;
  reply.json = json_of(*answer);
  co_return reply;
}

// Without a word of what it is: JSON, as most clients send it, or a picture, as `curl --data-binary` does.
HttpDoor::Awaitable<HttpDoor::Reply> HttpDoor::infer_untold(Exchange& exchange, Model& model) {
  Read<Body> body = co_await read_whole(exchange, *model.line);
  if (!body) co_return body.error();
  const std::span<const std::byte> bytes = body->room.bytes().subspan(kPicture, body->size);
  if (takes_files(model) && image::sniff(bytes).kind != image::Kind::other)
    co_return co_await answer_file(exchange, model, std::move(body->room), body->size);
  const auto parts = oip::divide_body(std::nullopt, body->size, kMostJson);
  if (!parts) co_return from(parts.error());
  auto request = reader_.read(text_of(bytes), 0, *model.line->signature(), takes_files(model));
  if (!request) {
    Refusal refusal = from(request.error());
    if (takes_files(model)) refusal = no_picture(std::move(refusal), bytes);
    co_return with_advice(exchange, std::move(refusal));
  }
  std::optional<Room> kept(std::move(body->room));
  co_return co_await infer_tensors(exchange, model, std::move(*request), std::nullopt,
                                   std::move(kept));
}

// JSON and binary tensors of a length that shows only at the end: compressed, or in chunks.
HttpDoor::Awaitable<HttpDoor::Reply> HttpDoor::infer_gathered(Exchange& exchange, Model& model,
                                                              std::string_view header) {
  Read<Body> body = co_await read_whole(exchange, *model.line);
  if (!body) co_return body.error();
  const auto parts = oip::divide_body(header, body->size, kMostJson);
  if (!parts) co_return from(parts.error());
  const std::span<const std::byte> bytes = body->room.bytes().subspan(kPicture, body->size);
  auto request = parts->raw
                     ? oip::read_raw(parts->tail_bytes, *model.line->signature())
                     : reader_.read(text_of(bytes.first(parts->json_bytes)), parts->tail_bytes,
                                    *model.line->signature(), takes_files(model));
  if (!request) co_return from(request.error());
  std::optional<Room> kept(std::move(body->room));
  co_return co_await infer_tensors(exchange, model, std::move(*request),
                                   bytes.subspan(parts->json_bytes), std::move(kept));
}

// `tail` holds the binary tensors, unless they are still to be read; `kept` is where all that was read so far lies,
// until every tensor is in its place.
HttpDoor::Awaitable<HttpDoor::Reply> HttpDoor::infer_tensors(
    Exchange& exchange, Model& model, oip::InferRequest request,
    std::optional<std::span<const std::byte>> tail, std::optional<Room> kept) {
  if (request.file)
    co_return co_await infer_file_tensor(exchange, model, std::move(request), tail,
                                         std::move(kept));
  if (kept) kept->keep_only();
  if (const auto fits = check_rows(model, request); !fits) co_return from(fits.error());
  const oip::Signature& signature = *model.line->signature();
  std::vector<shm::ServedPart> parts;
  std::vector<std::size_t> in_order;  // in which the tail has them
  for (std::size_t i = 0; i < request.inputs.size(); ++i) {
    const oip::InferInput& input = request.inputs[i];
    const auto tensor = shm::served_tensor(
        static_cast<std::uint32_t>(oip::engine_type(input.datatype)), input.shape.dims());
    if (!tensor) {
      const std::string type(oip::name_of(input.datatype));
      const std::string why = "inputs of type " + type + " are not supported";
      co_return Refusal{501, why};
    }
    parts.push_back({.input = static_cast<std::uint32_t>(i), .unused = 0, .tensor = *tensor});
    if (input.source == oip::InferInput::Source::tail) in_order.push_back(i);
  }
  const std::optional<std::size_t> size = shm::lay_out(parts);
  if (!size) co_return full(*model.line, Line::Full::ever);
  Result<Room, Line::Full> room = model.line->admit(*size);
  if (!room) co_return full(*model.line, room.error());
  shm::write_tensors(room->bytes(), parts);

  std::sort(in_order.begin(), in_order.end(), [&](std::size_t a, std::size_t b) {
    return request.inputs[a].tail_offset < request.inputs[b].tail_offset;
  });
  for (const std::size_t i : in_order) {
    const oip::InferInput& input = request.inputs[i];
    const std::span<std::byte> place = shm::payload(room->bytes(), parts[i].tensor);
    if (tail) {
      std::memcpy(place.data(), tail->data() + input.tail_offset, place.size());
    } else if (const Read<Ok> read = co_await read_exactly(exchange, *model.line, place); !read) {
      co_return read.error();
    }
    if (const auto good = oip::check_tail(signature.inputs[i].name, input, place); !good)
      co_return from(good.error());
  }
  for (std::size_t i = 0; i < request.inputs.size(); ++i) {
    if (request.inputs[i].source != oip::InferInput::Source::json) continue;
    const auto filled =
        reader_.fill(request, i, signature, shm::payload(room->bytes(), parts[i].tensor));
    if (!filled) co_return from(filled.error());
  }

  kept.reset();
  request.json = std::string();
  const Terms terms = terms_of(request, rows_of(model, request));
  auto answer = co_await ask_for(exchange, *model.line, std::move(*room), terms);
  if (!answer) co_return Reply{};
  if (answer->kind != Answer::Kind::result) co_return from(*answer);
  co_return reply_with(model, request, std::move(*answer));
}

// The one tensor is a picture: it goes where one that comes as it is would lie.
HttpDoor::Awaitable<HttpDoor::Reply> HttpDoor::infer_file_tensor(
    Exchange& exchange, Model& model, oip::InferRequest request,
    std::optional<std::span<const std::byte>> tail, std::optional<Room> kept) {
  if (kept) kept->keep_only();
  std::array<std::byte, sizeof(std::uint32_t)> length{};
  const std::size_t size = request.inputs.front().bytes - length.size();
  Result<Room, Line::Full> room = model.line->admit(kPicture + size);
  if (!room) co_return full(*model.line, room.error());
  const std::span<std::byte> place = room->bytes().subspan(kPicture, size);
  if (tail) {
    std::memcpy(length.data(), tail->data(), length.size());
    std::memcpy(place.data(), tail->data() + length.size(), size);
  } else {
    const Read<Ok> first = co_await read_exactly(exchange, *model.line, length);
    if (!first) co_return first.error();
    const Read<Ok> rest = co_await read_exactly(exchange, *model.line, place);
    if (!rest) co_return rest.error();
  }
  std::uint32_t said = 0;
  std::memcpy(&said, length.data(), sizeof said);
  if (said != size) co_return Refusal{400, kNoElement};
  shm::write_picture(room->bytes(), size);

  kept.reset();
  request.json = std::string();
  const Terms terms = terms_of(request, 1);
  const auto answer = co_await ask_for(exchange, *model.line, std::move(*room), terms);
  if (!answer) co_return Reply{};
  if (answer->kind != Answer::Kind::result) co_return from(*answer);
  co_return reply_with_file(model, request, *answer);
}

HttpDoor::Reply HttpDoor::reply_with_file(const Model& model, const oip::InferRequest& request,
                                          const Answer& answer) {
  const std::string_view json = json_of(answer);
  const auto size = static_cast<std::uint32_t>(json.size());
  std::vector<std::byte> element(sizeof size + json.size());
  std::memcpy(element.data(), &size, sizeof size);
  std::memcpy(element.data() + sizeof size, json.data(), json.size());
  constexpr std::array<std::int64_t, 1> kOne = {1};
  std::vector<oip::OutputTensor> outputs;
  for (const oip::WantedOutput& wanted : request.outputs) {
    outputs.push_back({.name = oip::kFileOutput,
                       .datatype = oip::Datatype::bytes,
                       .shape = *engine::Shape::of(kOne),
                       .bytes = element,
                       .binary = wanted.binary});
  }
  auto response = oip::write_infer_response(
      {.model = model.line->name(), .version = model.line->version(), .id = request.id}, outputs);
  if (!response) return Refusal{500, response.error().message};
  Reply reply;
  // Its bytes stay where they are.
  response->made.push_back(std::move(element));
  reply.tensors = std::move(*response);
  return reply;
}

HttpDoor::Reply HttpDoor::reply_with(const Model& model, const oip::InferRequest& request,
                                     Answer answer) {
  Reply reply;
  reply.answer = std::make_unique<const Answer>(std::move(answer));
  const std::span<const std::byte> bytes = std::as_bytes(std::span(reply.answer->result));
  const auto outputs = wanted_outputs(model, request, bytes);
  if (!outputs) return Refusal{500, outputs.error().message};
  auto response = oip::write_infer_response(
      {.model = model.line->name(), .version = model.line->version(), .id = request.id}, *outputs);
  if (!response) return Refusal{500, response.error().message};
  reply.tensors = std::move(*response);
  return reply;
}

HttpDoor::Awaitable<void> HttpDoor::send(Exchange& exchange, Reply& reply) {
  if (exchange.answered()) co_return;  // in its way: nobody is there any more
  if (reply.refusal) {
    Refusal refusal = std::move(*reply.refusal);
    co_return co_await exchange.refuse(std::move(refusal));
  }
  if (!reply.tensors) co_return co_await exchange.answer_text(200, kJson, std::move(reply.json));
  const oip::InferResponse& response = *reply.tensors;
  std::vector<std::span<const std::byte>> body = {std::as_bytes(std::span(response.json))};
  body.insert(body.end(), response.tail.begin(), response.tail.end());
  const std::string length = std::to_string(response.json.size());
  const std::array fields = {http::Field{"Inference-Header-Content-Length", length}};
  const http::Answer sent{.status = 200,
                          .content_type = response.binary ? "application/octet-stream" : kJson,
                          .fields = std::span(fields).first(response.binary ? 1 : 0),
                          .body = body};
  co_await exchange.answer(sent);
}

// Several pictures in a form, each an item of its own.
HttpDoor::Awaitable<HttpDoor::Reply> HttpDoor::infer_form(Exchange& exchange, Model& model) {
  if (!takes_files(model)) co_return Refusal{415, "the model takes tensors, not pictures"};
  Read<Body> body = co_await read_whole(exchange, *model.line);
  if (!body) co_return body.error();
  const std::span<const std::byte> bytes = body->room.bytes().subspan(kPicture, body->size);
  const auto parts = http::parse_multipart(exchange.field("Content-Type"), bytes);
  if (!parts) co_return parts.error();
  if (parts->empty()) co_return Refusal{400, "the form has no part"};
  if (parts->size() > model.line->settings().queue)
    co_return Refusal{413, "the form has more parts than requests may wait"};
  body->room.keep_only();

  Line& line = *model.line;
  const auto gathering = std::make_shared<Gathering>(server_.io());
  const auto cancel = [&] {
    for (const std::uint64_t number : gathering->numbers) line.cancel(number);
  };
  gathering->answers.resize(parts->size());
  for (std::size_t i = 0; i < parts->size(); ++i) {
    const http::Part& part = (*parts)[i];
    Result<Room, Line::Full> room = line.admit(kPicture + part.size);
    if (!room) {
      cancel();
      co_return full(line, room.error());
    }
    std::memcpy(room->bytes().data() + kPicture, bytes.data() + part.offset, part.size);
    shm::write_picture(room->bytes(), part.size);
    ++gathering->out;
    gathering->numbers.push_back(line.submit(std::move(*room), {}, [gathering, i](Answer answer) {
      gathering->answers[i] = std::move(answer);
      if (--gathering->out == 0) gathering->all_here.cancel();
    }));
  }
  { const Room given_back = std::move(body->room); }
  const auto either = co_await (until_all_here(*gathering) || exchange.gone());
  if (either.index() == 1) {
    exchange.forgo();
    cancel();
    co_return Reply{};
  }
  for (const Answer& answer : gathering->answers) {
    if (answer.kind != Answer::Kind::result)
      line.name_failure(answer.number, exchange.request_id());
  }
  Reply reply;
  reply.json = describe_form(*parts, gathering->answers);
  co_return reply;
}

}  // namespace headrace::server
