// toml++ as the whole program uses it: headers only and without exceptions. Two configurations of
// it in one program share symbols and crash.
#pragma once

// Without its assertions, in every build: some texts fail one ("[{", in 3.3.0), and the code behind it
// reports them as the errors they are.
#define TOML_ASSERT(expr) static_assert(true)
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>
