#include "http/tls.h"

#include <openssl/ssl.h>

#include <boost/system/system_error.hpp>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/units.h"
#include "sys/files.h"

namespace headrace::http {

namespace ssl = boost::asio::ssl;

namespace {

// What OpenSSL says of a file, or what is wrong with it in words, where it is one of the usual mistakes.
std::string why_not(const std::string& path, const boost::system::error_code& error,
                    bool wants_key) {
  std::vector<std::byte> buffer;
  const auto read = sys::read_regular_file(path, 1_MiB, buffer);
  if (!read) return read.error().message;
  const std::string_view text(reinterpret_cast<const char*>(read->data()), read->size());
  const auto has = [text](std::string_view word) {
    return text.find(word) != std::string_view::npos;
  };
  const bool certificate = has("-----BEGIN CERTIFICATE");
  const bool key = has("PRIVATE KEY-----");
  if (!certificate && !key) return "it is no PEM file with -----BEGIN ... in it";
  if (wants_key && !key) return "it holds a certificate and no key; were the two files swapped?";
  if (!wants_key && !certificate)
    return "it holds a key and no certificate; were the two files swapped?";
  if (wants_key && has("ENCRYPTED")) {
    return "it has a passphrase, and nobody could type that here: write it without one, with "
           "`openssl pkey -in KEY -out NEW`";
  }
  return error.message();
}

}  // namespace

Result<std::shared_ptr<ssl::context>> load_tls(const TlsFiles& files) {
  try {
    auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
    boost::system::error_code error;
    SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
    // A client that asks for new keys again and again costs much and brings nothing.
    SSL_CTX_set_options(context->native_handle(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                                      SSL_OP_CIPHER_SERVER_PREFERENCE);
    // Sessions are kept by the clients: a cache here would grow with every stranger.
    SSL_CTX_set_session_cache_mode(context->native_handle(), SSL_SESS_CACHE_OFF);
    // Without this OpenSSL asks for a password on the terminal, and waits.
    context->set_password_callback(
        [](std::size_t, ssl::context::password_purpose) { return std::string(); }, error);
    if (!error) context->use_certificate_chain_file(files.certificate, error);
    if (error)
      return Error{"cannot use the certificate " + files.certificate + ": " +
                   why_not(files.certificate, error, false)};
    context->use_private_key_file(files.key, ssl::context::pem, error);
    if (error)
      return Error{"cannot use the key " + files.key + ": " + why_not(files.key, error, true)};
    if (SSL_CTX_check_private_key(context->native_handle()) != 1)
      return Error{"the key " + files.key + " does not belong to the certificate " +
                   files.certificate};
    return context;
  } catch (const boost::system::system_error& error) {
    return Error{std::string("cannot begin with TLS: ") + error.what()};
  }
}

}  // namespace headrace::http
