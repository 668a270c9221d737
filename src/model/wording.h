// How problems with a user's file are worded: names shown safely, and the nearest valid word for a
// wrong one.
//
// Names come from files that anybody wrote, and end up on a terminal and in logs: what is shown is
// short, valid UTF-8 and free of control characters.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace headrace::model {

// 'text', with control characters shown as '?' and what is no UTF-8 as U+FFFD; cut after 120 bytes.
std::string in_quotes(std::string_view text);

// a, b and c; at most `most` of them, then "and 7 more".
std::string listing(std::span<const std::string_view> words, std::size_t most = 20);
std::string listing(std::span<const std::string> words, std::size_t most = 20);

// The word that was most likely meant, if any is near enough.
std::optional<std::string_view> nearest(std::string_view word,
                                        std::span<const std::string_view> valid);

// "did you mean 'size'?", or "valid are size and kind" when nothing is near.
std::string suggestion(std::string_view word, std::span<const std::string_view> valid);

}  // namespace headrace::model
