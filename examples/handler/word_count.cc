// Counts the lines, words and bytes of text files:
//
//   headrace run ./libword_count.so docs/
//   {"index":0,"input":"docs/a.md",...,"result":{"lines":60,"words":512,"bytes":3071},...}
#include <headrace/handler.h>

#include <algorithm>
#include <sstream>
#include <string>

static headrace::HandlerResult word_count(std::span<const std::byte> bytes, std::string_view) {
  const std::string text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.find('\0') != std::string::npos)
    throw headrace::HandlerFailure(headrace::HandlerError::unsupported, "is no text");
  std::istringstream in(text);
  std::size_t words = 0;
  for (std::string word; in >> word;) ++words;
  return headrace::HandlerResult::json(
      "{\"lines\":" + std::to_string(std::count(text.begin(), text.end(), '\n')) +
      ",\"words\":" + std::to_string(words) + ",\"bytes\":" + std::to_string(text.size()) + "}");
}

HEADRACE_HANDLER(word_count);
