#include "http/tokens.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>
#include <cstddef>

#include "http/request.h"
#include "sys/files.h"

namespace headrace::http {
namespace {

constexpr Bytes kMostFile = 1_MiB;
constexpr std::string_view kScheme = "Bearer ";

}  // namespace

Tokens::Digest Tokens::digest_of(std::string_view token) {
  Digest digest;
  SHA256(reinterpret_cast<const unsigned char*>(token.data()), token.size(), digest.data());
  return digest;
}

Result<Tokens> Tokens::load(const std::string& path) {
  std::vector<std::byte> buffer;
  const auto read = sys::read_regular_file(path, kMostFile, buffer);
  if (!read) return Error{"cannot read the tokens in " + path + ": " + read.error().message};
  std::string_view rest(reinterpret_cast<const char*>(read->data()), read->size());
  Tokens tokens;
  while (!rest.empty()) {
    const auto end = std::min(rest.find('\n'), rest.size());
    auto line = rest.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    line = trimmed(line);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (!line.empty() && line.front() != '#') tokens.digests_.push_back(digest_of(line));
  }
  if (tokens.digests_.empty())
    return Error{path +
                 " holds no token: write one a line, for example from `openssl rand -hex 32`"};
  return tokens;
}

bool Tokens::accept(std::string_view authorization) const {
  if (authorization.size() <= kScheme.size() ||
      !same_word(authorization.substr(0, kScheme.size()), kScheme))
    return false;
  const auto presented = digest_of(trimmed(authorization.substr(kScheme.size())));
  int found = 0;
  for (const Digest& digest : digests_)
    found |= static_cast<int>(CRYPTO_memcmp(digest.data(), presented.data(), digest.size()) == 0);
  return found != 0;
}

}  // namespace headrace::http
