// A connection's bytes, from anybody on the network: a head, and a body that may be chunked and
// compressed.
//
// Hostile here: lengths that lie, lines that end oddly, chunks, and a few bytes that inflate to many.
// And bytes come in pieces as the sender likes: what is understood must not depend on where they
// were divided, or two programs in a row see two different requests. So everything is read twice,
// whole and in crumbs.
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "base/fuzz.h"
#include "http/content_coding.h"
#include "http/request_parser.h"
#include "http/target.h"
#include "http/trace.h"

namespace headrace::http {
namespace {

using fuzz::must;

// Small, so that a short input reaches them; but a body must grow past a mebibyte before its ratio counts.
const Limits& limits() {
  static const Limits small = [] {
    Limits made;
    made.head = Bytes{1024};
    made.target = Bytes{256};
    made.fields = 12;
    made.body = 2_MiB;
    return made;
  }();
  return small;
}

// The size of the head; 0 when it has no end; nothing when it is refused.
std::optional<std::size_t> head_size(std::string_view bytes, std::size_t piece) {
  HeadScanner scanner(limits());
  for (std::size_t seen = 0; seen < bytes.size();) {
    seen = std::min(seen + piece, bytes.size());
    const auto found = scanner.scan(bytes.substr(0, seen));
    if (!found) {
      must(found.error().status >= 400 && !found.error().message.empty(), "a refusal says why");
      return std::nullopt;
    }
    must(*found <= seen, "a head ends within what was read");
    if (*found > 0) return *found;
  }
  return 0;
}

struct Sent {
  std::vector<std::byte> content{};
  std::size_t consumed = 0;
  bool complete = false;
  bool refused = false;
};

// As Body does: what the parser does not take is offered again, with more behind it.
Sent unchunked(std::string_view head, std::string_view body, std::size_t piece, std::size_t room) {
  RequestParser parser(limits());
  must(bool{parser.parse_head(head)}, "a head that was taken is taken again");
  Sent sent;
  std::vector<std::byte> into(room);
  for (std::size_t offered = std::min(piece, body.size());;) {
    const auto step = parser.unchunk(body.substr(sent.consumed, offered - sent.consumed), into);
    if (!step) {
      sent.refused = true;
      return sent;
    }
    must(step->written <= room && step->consumed <= offered - sent.consumed, "steps fit");
    sent.consumed += step->consumed;
    sent.content.insert(sent.content.end(), into.begin(),
                        into.begin() + static_cast<std::ptrdiff_t>(step->written));
    sent.complete = step->complete;
    if (sent.complete) return sent;
    if (step->written > 0) continue;
    if (offered == body.size()) return sent;
    offered = std::min(offered + piece, body.size());
  }
}

struct Inflated {
  std::vector<std::byte> content{};
  bool ended = false;
  bool refused = false;
};

Inflated inflated(std::span<const std::byte> sent, std::size_t piece, std::size_t room) {
  Inflater inflater(limits());
  Inflated out;
  std::vector<std::byte> into(room);
  while (!out.ended) {
    const auto in = sent.first(std::min(piece, sent.size()));
    const auto step = inflater.inflate(in, into);
    if (!step) {
      out.refused = true;
      break;
    }
    must(step->consumed <= in.size() && step->written <= room, "steps fit");
    out.content.insert(out.content.end(), into.begin(),
                       into.begin() + static_cast<std::ptrdiff_t>(step->written));
    must(out.content.size() <= limits().body.value, "no more comes out than is allowed");
    sent = sent.subspan(step->consumed);
    out.ended = step->ended;
    if (step->consumed == 0 && step->written == 0) break;
  }
  return out;
}

void check_inflating(const Request& request, std::span<const std::byte> sent) {
  const auto coding = coding_of(request.field("Content-Encoding"));
  if (!coding || *coding != Coding::compressed) return;
  const Inflated whole = inflated(sent, sent.size(), std::size_t{64} << 10);
  const Inflated crumbs = inflated(sent, 3, 1021);
  if (whole.refused || crumbs.refused) return;  // the ratio is looked at after each step
  must(whole.ended == crumbs.ended, "a compressed body ends where it ends");
  must(whole.content == crumbs.content, "a compressed body is the same in pieces");
}

void check_body(const Request& request, std::string_view head, std::string_view body) {
  if (!request.chunked) {
    const auto length = std::min<std::uint64_t>(request.content_length.value_or(0), body.size());
    return check_inflating(request, std::as_bytes(std::span(body)).first(length));
  }
  const Sent whole = unchunked(head, body, body.size(), body.size() + 1);
  const Sent crumbs = unchunked(head, body, 1, 3);
  must(whole.complete == crumbs.complete, "a chunked body ends wherever it was divided");
  must(whole.refused == crumbs.refused, "a chunked body is refused wherever it was divided");
  if (!whole.complete) return;
  must(whole.consumed == crumbs.consumed, "the next request begins at the same place");
  must(whole.content == crumbs.content, "a chunked body is the same in pieces");
  check_inflating(request, whole.content);
}

void check_head(const Request& request, std::string_view head) {
  const auto inside = [&](std::string_view view) {
    return view.empty() ||
           (view.data() >= head.data() && view.data() + view.size() <= head.data() + head.size());
  };
  must(inside(request.method) && inside(request.query), "views point into the head");
  must(request.fields.size() <= limits().fields, "fields are counted");
  must(!(request.chunked && request.content_length), "there is one length");
  must(request.path.starts_with('/'), "a path begins with a slash");
  must((request.path + '/').find("/../") == std::string::npos, "no path leads upwards");
  must(request.path.find('\0') == std::string::npos, "a path has no end inside");
  for (const Field& field : request.fields) {
    must(inside(field.name) && inside(field.value), "views point into the head");
    must(field.value.find_first_of("\r\n") == std::string_view::npos, "a field is one line");
    if (const auto trace = parse_traceparent(field.value))
      must(trace->trace_id.size() == 32 && trace->parent_id.size() == 16, "ids have their size");
    if (is_request_id(field.value)) must(field.value.size() <= 64, "an id is short");
    (void)accepts_gzip(field.value);
    (void)compressible(field.value);
  }
  (void)percent_decode(request.query);
}

void run(std::string_view bytes) {
  const auto size = head_size(bytes, bytes.size());
  must(size == head_size(bytes, 1), "a head ends wherever it was divided");
  if (size.value_or(0) == 0) return;
  // In memory of its own, so that a sanitizer sees a step beyond.
  const std::string head(bytes.substr(0, *size));
  RequestParser parser(limits());
  const auto request = parser.parse_head(head);
  if (!request) {
    must(request.error().status >= 400 && !request.error().message.empty(), "a refusal says why");
    return;
  }
  check_head(*request, head);
  check_body(*request, head, bytes.substr(*size));
}

}  // namespace
}  // namespace headrace::http

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  headrace::http::run(headrace::fuzz::text_of(data, size));
  return 0;
}
