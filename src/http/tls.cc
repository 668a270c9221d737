#include "http/tls.h"

#include <openssl/ssl.h>

#include <boost/system/system_error.hpp>

namespace headrace::http {

namespace ssl = boost::asio::ssl;

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
      return Error{"cannot use the certificate " + files.certificate + ": " + error.message()};
    context->use_private_key_file(files.key, ssl::context::pem, error);
    if (error) return Error{"cannot use the key " + files.key + ": " + error.message()};
    if (SSL_CTX_check_private_key(context->native_handle()) != 1)
      return Error{"the key " + files.key + " does not belong to the certificate " +
                   files.certificate};
    return context;
  } catch (const boost::system::system_error& error) {
    return Error{std::string("cannot begin with TLS: ") + error.what()};
  }
}

}  // namespace headrace::http
