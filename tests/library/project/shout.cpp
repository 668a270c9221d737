#include <headrace/handler.h>

#include <cctype>

static headrace::HandlerResult shout(std::string_view name) {
  std::string text(name);
  for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return headrace::HandlerResult::text(text);
}

HEADRACE_HANDLER(shout);
