#include "worker/handler_result.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <system_error>
#include <utility>

#include "worker/json_text.h"

namespace headrace::worker {
namespace {

namespace fs = std::filesystem;

// The codes that a handler may give are the first of the item errors.
static_assert(HEADRACE_NOT_FOUND == static_cast<unsigned>(ItemError::not_found));
static_assert(HEADRACE_UNREADABLE == static_cast<unsigned>(ItemError::unreadable));
static_assert(HEADRACE_UNSUPPORTED == static_cast<unsigned>(ItemError::unsupported));
static_assert(HEADRACE_CORRUPT == static_cast<unsigned>(ItemError::corrupt));
static_assert(HEADRACE_TOO_LARGE == static_cast<unsigned>(ItemError::too_large));
static_assert(HEADRACE_FAILED == static_cast<unsigned>(ItemError::infer_failed));

void fail(const headrace_handler_output& output, std::string_view message, Item& item) {
  const auto code = output.error <= HEADRACE_FAILED ? item_error_from(output.error) : std::nullopt;
  item.fail(code.value_or(ItemError::infer_failed),
            message.empty() ? "the handler refused it and gave no reason" : message);
}

void close(const JsonText& json, Item& item) {
  item.bytes = json.size();
  if (!json.overflowed()) return;
  item.fail(ItemError::result_too_large, "the result needs more than the " +
                                             std::to_string(item.result.size()) +
                                             " bytes of its slot; raise --result-bytes");
}

void append_base64(JsonText& json, std::span<const std::byte> bytes) {
  static constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  while (!bytes.empty() && !json.overflowed()) {
    const auto part = bytes.first(std::min<std::size_t>(bytes.size(), 3));
    unsigned bits = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      bits = bits << 8 | (i < part.size() ? std::to_integer<unsigned>(part[i]) : 0U);
    }
    std::array<char, 4> text{};
    for (std::size_t i = 0; i < 4; ++i) {
      text[i] = i <= part.size() ? kDigits[bits >> (18 - 6 * i) & 63U] : '=';
    }
    json.raw({text.data(), text.size()});
    bytes = bytes.subspan(part.size());
  }
}

std::string_view characters(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

struct HandlerResults::Json {
  simdjson::dom::parser parser;
};

HandlerResults::HandlerResults(fs::path folder, const std::string& temporary)
    : folder_(std::move(folder)),
      temporary_(folder_ / temporary),
      json_(std::make_unique<Json>()) {}
HandlerResults::~HandlerResults() = default;
HandlerResults::HandlerResults(HandlerResults&&) noexcept = default;

fs::path result_file(const fs::path& folder, std::string_view input) {
  const fs::path name = fs::path(input).lexically_normal().relative_path();
  if (!name.has_filename() || name.filename() == "." || name.filename() == "..") return {};
  fs::path file = folder;
  for (const fs::path& part : name) file /= part == ".." ? fs::path("__") : part;
  return file;
}

void HandlerResults::write(const headrace_handler_output& output, Item& item) {
  const auto* data = static_cast<const std::byte*>(output.data);
  if (data == nullptr && output.size > 0)
    return item.fail(ItemError::infer_failed, "the handler gave a size without data");
  const std::span<const std::byte> bytes(data, output.size);
  if (output.error != HEADRACE_OK) return fail(output, characters(bytes), item);
  switch (output.kind) {
    case HEADRACE_JSON:
      return write_json(characters(bytes), item);
    case HEADRACE_TEXT:
      return write_text(characters(bytes), item);
    case HEADRACE_BYTES:
      return write_bytes(bytes, item);
    default:
      item.fail(ItemError::infer_failed, "the handler gave a result of kind " +
                                             std::to_string(output.kind) +
                                             ", which is none (headrace/handler_api.h)");
  }
}

void HandlerResults::write_text(std::string_view text, Item& item) {
  JsonText json(item.result);
  // Quoted it is longer: what is too long as it is need not be quoted first.
  if (text.size() > item.result.size()) {
    json.raw(text);
  } else {
    json.string(text);
  }
  close(json, item);
}

void HandlerResults::write_json(std::string_view text, Item& item) {
  JsonText json(item.result);
  json.raw(text);
  if (json.overflowed()) return close(json, item);
  // The supervisor asks the same parser, and kills a worker whose result it does not take.
  if (const auto wrong = json_->parser.parse(text).error(); wrong != simdjson::SUCCESS) {
    return item.fail(ItemError::infer_failed, std::string("the handler's result is no JSON: ") +
                                                  simdjson::error_message(wrong));
  }
  // In JSON a line end is either space between tokens, or escaped.
  std::ranges::replace_if(
      item.result.first(json.size()), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  close(json, item);
}

void HandlerResults::write_bytes(std::span<const std::byte> bytes, Item& item) {
  JsonText json(item.result);
  if (folder_.empty()) {
    json.raw("{\"base64\":\"");
    append_base64(json, bytes);
    json.raw("\"}");
    return close(json, item);
  }
  const fs::path file = result_file(folder_, item.input);
  if (file.empty())
    return item.fail(ItemError::infer_failed, "its name is none that a file could have");
  if (Status done = write_file(file, bytes); !done)
    return item.fail(ItemError::infer_failed, done.error().message);
  json.raw("{\"file\":").string(file.string());
  json.raw(",\"bytes\":").number(std::uint64_t{bytes.size()}).raw("}");
  close(json, item);
}

Status HandlerResults::write_file(const fs::path& path, std::span<const std::byte> bytes) const {
  std::error_code wrong;
  fs::create_directories(path.parent_path(), wrong);
  if (!wrong) {
    std::ofstream out(temporary_, std::ios::binary | std::ios::trunc);
    out.write(reinterpret_cast<const char*>(bytes.data()),
              static_cast<std::streamsize>(bytes.size()));
    out.close();
    if (out.fail()) wrong = std::make_error_code(std::errc::io_error);
  }
  if (!wrong) fs::rename(temporary_, path, wrong);
  if (!wrong) return Ok{};
  std::error_code ignored;
  fs::remove(temporary_, ignored);
  return Error{"cannot write " + path.string() + ": " + wrong.message()};
}

}  // namespace headrace::worker
