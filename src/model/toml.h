// toml++ as the whole program uses it: headers only and without exceptions. Two configurations of
// it in one program share symbols and crash.
#pragma once

#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>
