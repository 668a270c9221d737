// The server's certificate and key, read and checked before anybody connects.
#pragma once

#include <boost/asio/ssl/context.hpp>
#include <memory>

#include "base/result.h"
#include "http/settings.h"

namespace headrace::http {

// TLS 1.2 and later. A connection keeps what it began with, so a new context may replace the old one
// while connections live.
Result<std::shared_ptr<boost::asio::ssl::context>> load_tls(const TlsFiles& files);

}  // namespace headrace::http
