// The page's own three files, as they were when the program was built (embed.cmake).
#pragma once

#include <string_view>

namespace headrace::server::page {

std::string_view html();
std::string_view css();
std::string_view js();

}  // namespace headrace::server::page
