// The same server under TLS, with a certificate made here.
#include "http/tls.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <csignal>
#include <memory>

#include "http/ask.h"
#include "http/test_folder.h"
#include "http/test_server.h"

namespace headrace::http {
namespace {

template <auto free>
struct Freed {
  template <class T>
  void operator()(T* what) const {
    free(what);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;

std::string pem_of(BIO* bio) {
  char* text = nullptr;
  const auto size = BIO_get_mem_data(bio, &text);
  std::string pem(text, static_cast<std::size_t>(size));
  BIO_free(bio);
  return pem;
}

// A key and a certificate signed with it, for the name `name`.
TlsFiles make_certificate(const TestFolder& folder, const char* name) {
  const Key key(EVP_EC_gen("P-256"));
  const std::unique_ptr<X509, Freed<X509_free>> certificate(X509_new());
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
  X509_set_pubkey(certificate.get(), key.get());
  auto* const subject = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), subject);
  X509_sign(certificate.get(), key.get(), EVP_sha256());
  auto* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(bio, certificate.get());
  const auto certificate_path = folder.write("cert.pem", pem_of(bio));
  bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  return {certificate_path, folder.write("key.pem", pem_of(bio))};
}

class TlsClient {
 public:
  explicit TlsClient(std::uint16_t port, int version = TLS1_3_VERSION) : socket_(port) {
    greet(version);
  }
  bool greeted() const { return greeted_; }
  std::string name() const {
    const std::unique_ptr<X509, Freed<X509_free>> certificate(
        SSL_get1_peer_certificate(ssl_.get()));
    char text[64] = {};
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate.get()), NID_commonName, text, 64);
    return text;
  }
  void send(std::string_view text) {
    while (!text.empty()) {
      const int sent = SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size()));
      if (sent <= 0) return;
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  std::string read_all() {
    std::string all;
    std::vector<char> piece(65536);
    int got = 0;
    while ((got = SSL_read(ssl_.get(), piece.data(), static_cast<int>(piece.size()))) > 0)
      all.append(piece.data(), static_cast<std::size_t>(got));
    said_goodbye_ = SSL_get_error(ssl_.get(), got) == SSL_ERROR_ZERO_RETURN;
    return all;
  }
  bool said_goodbye() const { return said_goodbye_; }

 private:
  void greet(int version) {
    std::signal(SIGPIPE, SIG_IGN);
    // What OpenSSL itself would not offer: the server is to say no.
    SSL_CTX_set_cipher_list(context_.get(), "DEFAULT:@SECLEVEL=0");
    SSL_CTX_set_min_proto_version(context_.get(), TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context_.get(), version);
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_fd(ssl_.get(), socket_.fd());
    greeted_ = SSL_connect(ssl_.get()) == 1;
  }

  TestClient socket_;
  std::unique_ptr<SSL_CTX, Freed<SSL_CTX_free>> context_{SSL_CTX_new(TLS_client_method())};
  std::unique_ptr<SSL, Freed<SSL_free>> ssl_{};
  bool greeted_ = false;
  bool said_goodbye_ = false;
};

TEST(Tls, IsNoObstacleToAHealthCheck) {
  const TestFolder folder;
  Settings settings;
  settings.tls = make_certificate(folder, "somebody else");
  const TestServer server(test_application, settings);
  const std::string address = "127.0.0.1:" + std::to_string(server.port());
  EXPECT_EQ(*ask({.address = address, .tls = true, .path = "/hello"}), 200U);
}

TEST(Tls, ServesLikeTheClear) {
  const TestFolder folder;
  Settings settings;
  settings.tls = make_certificate(folder, "headrace");
  const TestServer server(test_application, settings);
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsClient client(server.port(), version);
    ASSERT_TRUE(client.greeted());
    const std::string body(300'000, 'b');
    client.send(post("/echo", body) + get("/hello", "Connection: close\r\n"));
    const auto all = client.read_all();
    EXPECT_NE(all.find("\r\n\r\n" + body + "HTTP/1.1 200 OK\r\n"), std::string::npos);
    EXPECT_TRUE(all.ends_with("\r\n\r\nhello"));
    EXPECT_TRUE(client.said_goodbye());
  }
}

TEST(Tls, OldVersionsAndPlainTextAreShutOut) {
  const TestFolder folder;
  Settings settings;
  settings.tls = make_certificate(folder, "headrace");
  const TestServer server(test_application, settings);
  EXPECT_FALSE(TlsClient(server.port(), TLS1_1_VERSION).greeted());
  auto plain = server.client();
  plain.send(get("/hello"));
  EXPECT_EQ(plain.read_all().find("HTTP/"), std::string::npos);
  TlsClient client(server.port());
  client.send(get("/hello", "Connection: close\r\n"));
  EXPECT_TRUE(client.read_all().ends_with("hello"));
}

TEST(Tls, AHandshakeThatDoesNotEndIsClosed) {
  const TestFolder folder;
  Settings settings;
  settings.tls = make_certificate(folder, "headrace");
  settings.limits.handshake_time = std::chrono::milliseconds(100);
  const TestServer server(test_application, settings);
  auto silent = server.client();
  EXPECT_TRUE(silent.at_end());
}

TEST(Tls, SlowRequestsAreTimedHereToo) {
  const TestFolder folder;
  Settings settings;
  settings.tls = make_certificate(folder, "headrace");
  settings.limits.head_time = std::chrono::milliseconds(100);
  settings.limits.linger = std::chrono::milliseconds(100);
  const TestServer server(test_application, settings);
  TlsClient client(server.port());
  client.send("GET / HTTP/1.1\r\n");
  EXPECT_TRUE(client.read_all().starts_with("HTTP/1.1 408"));
}

TEST(Tls, AClientThatLeavesIsNoticed) {
  const TestFolder folder;
  Settings settings;
  settings.tls = make_certificate(folder, "headrace");
  std::promise<void> begun;
  std::promise<void> gone;
  const TestServer server(
      [&](Exchange& exchange) -> asio::awaitable<void> {
        begun.set_value();
        co_await exchange.gone();
        gone.set_value();
      },
      settings);
  {
    TlsClient client(server.port());
    client.send(get("/"));
    begun.get_future().wait();
  }
  gone.get_future().wait();
}

TEST(Tls, ANewCertificateIsTakenOnRequest) {
  const TestFolder folder;
  Settings settings;
  settings.tls = make_certificate(folder, "old");
  TestServer server(test_application, settings);
  TlsClient old(server.port());
  EXPECT_EQ(old.name(), "old");
  make_certificate(folder, "new");
  EXPECT_TRUE(server.read_again());
  EXPECT_EQ(TlsClient(server.port()).name(), "new");
  folder.write("cert.pem", "nonsense");
  EXPECT_FALSE(server.read_again());
  EXPECT_EQ(TlsClient(server.port()).name(), "new");
  old.send(get("/hello", "Connection: close\r\n"));
  EXPECT_TRUE(old.read_all().ends_with("hello"));
}

TEST(Tls, TheUsualMistakesAreSaidInWords) {
  const TestFolder folder;
  const auto good = make_certificate(folder, "a");
  const auto said = [](const std::string& certificate, const std::string& key) {
    const auto context = load_tls({certificate, key});
    return context ? std::string() : context.error().message;
  };
  EXPECT_NE(said(good.key, good.certificate).find("swapped"), std::string::npos);
  EXPECT_NE(said(good.certificate, good.certificate).find("swapped"), std::string::npos);
  EXPECT_NE(said(folder.write("words", "hello"), good.key).find("no PEM file"), std::string::npos);
  EXPECT_NE(said(folder / "absent", good.key).find("No such file"), std::string::npos);
  const auto locked = folder.write("locked.pem",
                                   "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n"
                                   "-----END ENCRYPTED PRIVATE KEY-----\n");
  EXPECT_NE(said(good.certificate, locked).find("passphrase"), std::string::npos);
}

TEST(Tls, FilesThatCannotServeAreAnErrorAtOnce) {
  const TestFolder folder;
  const TestFolder other;
  asio::io_context io;
  Settings settings;
  settings.address = "127.0.0.1:0";
  const auto good = make_certificate(folder, "a");
  const auto stranger = make_certificate(other, "b");
  for (const TlsFiles& files :
       {TlsFiles{folder / "absent", good.key}, TlsFiles{good.certificate, folder / "absent"},
        TlsFiles{good.certificate, stranger.key}, TlsFiles{good.key, good.key}}) {
    settings.tls = files;
    EXPECT_FALSE(Listener::open(io, settings, test_application));
  }
}

}  // namespace
}  // namespace headrace::http
