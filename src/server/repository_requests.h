// The model repository extension of the Open Inference Protocol over HTTP:
//
//     POST /v2/repository/index                 {"ready": true}?
//     POST /v2/repository/models/NAME/load
//     POST /v2/repository/models/NAME/unload
//
// Models come from where the server was told to look, and from nowhere else: a request that brings files or
// a configuration is refused. For a listener that strangers cannot reach. One thread: the server's.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "http/exchange.h"
#include "server/repository.h"

namespace headrace::server {

// Answers a request whose path begins with /v2/repository/.
boost::asio::awaitable<void> answer_repository(http::Exchange& exchange, Repository& repository);

// What is asked for.
struct RepositoryPath {
  enum class What : unsigned char { index, load, unload };
  What what = What::index;
  std::string name{};  // of a model
};
std::optional<RepositoryPath> read_repository_path(std::string_view path);

// What a body says.
struct RepositoryBody {
  bool only_ready = false;
};
Result<RepositoryBody, http::Refusal> read_repository_body(std::string_view text,
                                                           RepositoryPath::What what);

}  // namespace headrace::server
