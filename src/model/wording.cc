#include "model/wording.h"

#include <algorithm>
#include <vector>

#include "base/text.h"

namespace headrace::model {
namespace {

constexpr std::size_t kShown = 120;

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// Edits (insert, drop, replace, swap of neighbours) from one word to the other, case aside.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), row(b.size() + 1), next(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    next[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const char x = lower(a[i - 1]), y = lower(b[j - 1]);
      next[j] = std::min({row[j] + 1, next[j - 1] + 1, row[j - 1] + (x == y ? 0U : 1U)});
      if (i > 1 && j > 1 && x == lower(b[j - 2]) && lower(a[i - 2]) == y) {
        next[j] = std::min(next[j], before[j - 2] + 1);
      }
    }
    before.swap(row);
    row.swap(next);
  }
  return row[b.size()];
}

template <class Word>
std::string join(std::span<const Word> words, std::size_t most) {
  std::string out;
  const std::size_t shown = std::min(words.size(), most);
  for (std::size_t i = 0; i < shown; ++i) {
    if (i > 0) out += i + 1 == words.size() ? " and " : ", ";
    out += words[i];
  }
  if (shown < words.size()) out += " and " + std::to_string(words.size() - shown) + " more";
  return out;
}

}  // namespace

std::string in_quotes(std::string_view text) {
  const bool whole = text.size() <= kShown;
  if (!whole) {
    // Not in the middle of a character.
    std::size_t end = kShown;
    while (end > kShown - 4 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
    text = text.substr(0, end);
  }
  const std::string clean = to_utf8(text);
  std::string out = "'";
  for (std::size_t i = 0; i < clean.size(); ++i) {
    const auto byte = static_cast<unsigned char>(clean[i]);
    const bool wide_control = byte == 0xC2 && static_cast<unsigned char>(clean[i + 1]) < 0xA0;
    if (wide_control) ++i;
    out += byte < 0x20 || byte == 0x7F || wide_control ? '?' : clean[i];
  }
  return out + (whole ? "'" : "...'");
}

std::string listing(std::span<const std::string_view> words, std::size_t most) {
  return join(words, most);
}
std::string listing(std::span<const std::string> words, std::size_t most) {
  return join(words, most);
}

std::optional<std::string_view> nearest(std::string_view word,
                                        std::span<const std::string_view> valid) {
  // A word that shares nothing with any valid one deserves the list, not a wild guess.
  if (word.empty() || word.size() > 64) return std::nullopt;
  std::optional<std::string_view> best;
  std::size_t least = std::max<std::size_t>(1, (word.size() + 1) / 3) + 1;
  for (const std::string_view candidate : valid) {
    if (candidate.size() > 256) continue;
    const std::size_t edits = distance(word, candidate);
    if (edits < least && edits < candidate.size()) {
      least = edits;
      best = candidate;
    }
  }
  return best;
}

std::string suggestion(std::string_view word, std::span<const std::string_view> valid) {
  if (const auto near = nearest(word, valid)) return "did you mean " + in_quotes(*near) + "?";
  return "valid are " + listing(valid);
}

}  // namespace headrace::model
