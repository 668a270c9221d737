// How `serve` comes by the gRPC door, which is a shared object of its own (doors/grpc).
//
// gRPC, protobuf and Abseil are large, and every worker is the same program as the server: each would
// pay for them at each start. So only the server loads them, and only when it is asked to.
//
// The object is built with the program, from the same sources and by the same compiler; that is why
// what passes here is C++. open_grpc_door() refuses one of another version.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "base/result.h"
#include "server/repository.h"
#include "server/server.h"

namespace headrace::server {

struct GrpcSettings {
  // HOST:PORT or unix:PATH; port 0: the system chooses. Free, as far as http::try_to_listen() can tell, for gRPC does
  // not say what was wrong.
  std::string address;
  std::string server_version;
  std::uint64_t max_message = 64 << 20;  // bytes of one request, as it is sent
  std::uint64_t memory = 256 << 20;      // bytes of messages that are on their way, roughly
  unsigned calls = 1024;                 // open at once, in all; the next one is refused
  std::string token_file{};              // empty: everybody may come in
  std::string certificate{};             // PEM files; both or none
  std::string key{};
  // Through this models may be loaded and unloaded; null: not through this door. Outlives it.
  Repository* repository = nullptr;
};

struct OpenedDoor {
  std::unique_ptr<Door> door;
  std::string address;  // with the real port
};

// What the object exports, under this name.
using OpenDoor = void(const std::string& version, const GrpcSettings& settings, Server& server,
                      Result<OpenedDoor>& opened);
inline constexpr const char* kOpenDoorSymbol = "headrace_open_grpc_door";

// Loads the object, which lies in doors/ beside `program` or in ../lib/headrace/doors, and opens the
// door. On the server's thread, before its workers are many: what is loaded stays.
Result<OpenedDoor> open_grpc_door(const std::filesystem::path& program,
                                  const GrpcSettings& settings, Server& server);

}  // namespace headrace::server
