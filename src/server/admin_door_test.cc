#include "server/admin_door.h"

#include <gtest/gtest.h>

namespace headrace::server {
namespace {

bool refused(const Provenance& request) {
  return why_foreign(request, "models.example").has_value();
}

TEST(AdminDoor, KnowsWhichAddressesOthersCannotReach) {
  for (const char* own :
       {"127.0.0.1:8081", "127.9.9.9:1", "[::1]:8081", "localhost:0", "LOCALHOST:1", "unix:/run/x"})
    EXPECT_TRUE(is_loopback(own)) << own;
  for (const char* open : {"0.0.0.0:8081", "[::]:8081", "10.0.0.1:80", "models.example:80", "",
                           ":80", "localhost.example:80", "127.0.0.1.example:80", "[::1", "1:2"})
    EXPECT_FALSE(is_loopback(open)) << open;
}

TEST(AdminDoor, IsKnownByAddressesAndItsOwnNameOnly) {
  for (const char* host : {"127.0.0.1:8081", "127.0.0.1", "[::1]:8081", "10.1.2.3:80",
                           "localhost:8081", "models.example:8081", "Models.Example"})
    EXPECT_FALSE(refused({.host = host})) << host;
  for (const char* host :
       {"", "attacker.example", "127.0.0.1.attacker.example:8081", "localhost.attacker.example",
        "models.example.attacker.example", ":8081", "[", "[]", "[::1].attacker.example", "[::1",
        "attacker.example:127.0.0.1"})
    EXPECT_TRUE(refused({.host = host})) << host;
}

TEST(AdminDoor, RefusesWhatOtherSitesAskFor) {
  const Provenance own{.method = "POST", .path = "/v2/models/m/infer", .host = "127.0.0.1:8081"};
  for (const char* origin : {"http://127.0.0.1:8081", "https://127.0.0.1:8081"}) {
    Provenance request = own;
    request.origin = origin;
    EXPECT_FALSE(refused(request)) << origin;
  }
  for (const char* origin :
       {"null", "http://attacker.example", "http://127.0.0.1:3000", "http://127.0.0.1",
        "127.0.0.1:8081", "http://127.0.0.1:8081.attacker.example", "://"}) {
    Provenance request = own;
    request.origin = origin;
    EXPECT_TRUE(refused(request)) << origin;
  }
  for (const char* site : {"cross-site", "same-site", "whatever"}) {
    Provenance request = own;
    request.fetch_site = site;
    EXPECT_TRUE(refused(request)) << site;
  }
  for (const char* site : {"same-origin", "none"}) {
    Provenance request = own;
    request.fetch_site = site;
    EXPECT_FALSE(refused(request)) << site;
  }
}

TEST(AdminDoor, LetsALinkLeadToThePageAndNowhereElse) {
  Provenance link{.method = "GET",
                  .path = "/",
                  .host = "127.0.0.1:8081",
                  .fetch_site = "cross-site",
                  .fetch_mode = "navigate"};
  EXPECT_FALSE(refused(link));
  link.path = "/status";
  EXPECT_TRUE(refused(link));
  link.path = "/";
  link.fetch_mode = "no-cors";
  EXPECT_TRUE(refused(link));
}

}  // namespace
}  // namespace headrace::server
