// How the bytes that a handler gives become the result of one item.
#pragma once

#include <headrace/handler_api.h>

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "worker/body.h"

namespace headrace::worker {

// Where in `folder` the result for an input goes: at the input's own path below it. The root of an
// absolute path is left out, and each leading ".." becomes "__", so that nothing is ever written
// outside. Empty for a name that ends in no file name.
std::filesystem::path result_file(const std::filesystem::path& folder, std::string_view input);

// Checks what a handler gave and writes it as JSON. One thread.
class HandlerResults {
 public:
  // Results of bytes become files in `folder`, if it is not empty: first under the name `temporary`
  // in it, which no other process uses, then renamed, so that a file is whole or not there.
  HandlerResults(std::filesystem::path folder, const std::string& temporary);
  ~HandlerResults();
  HandlerResults(HandlerResults&&) noexcept;
  HandlerResults& operator=(HandlerResults&&) = delete;

  //   JSON   as it is, if it is JSON, its line ends turned into spaces
  //   text   "..."
  //   bytes  {"base64":"..."}, or {"file":"thumbs/a.jpg","bytes":3071}
  // Fails the item when the handler said so, when it gave nonsense, or when there is no room.
  void write(const headrace_handler_output& output, Item& item);

 private:
  struct Json;
  static void write_text(std::string_view text, Item& item);
  void write_json(std::string_view text, Item& item);
  void write_bytes(std::span<const std::byte> bytes, Item& item);
  // The error is the system's, in words.
  Status write_file(const std::filesystem::path& path, std::span<const std::byte> bytes) const;

  std::filesystem::path folder_;
  std::filesystem::path temporary_;
  std::unique_ptr<Json> json_;
};

}  // namespace headrace::worker
