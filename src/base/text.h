// Text that anybody may have written, made fit for JSON.
#pragma once

#include <string>
#include <string_view>

namespace headrace {

bool is_utf8(std::string_view text);
// `text` with every byte that is no UTF-8 replaced by U+FFFD.
std::string to_utf8(std::string_view text);
// Appends `text` as a JSON string, quotes included; bytes that are no UTF-8 become U+FFFD.
void append_json_string(std::string& out, std::string_view text);

}  // namespace headrace
