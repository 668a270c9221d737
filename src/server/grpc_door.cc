#include "server/grpc_door.h"

#include <system_error>

#include "sys/plugin_library.h"

namespace headrace::server {

namespace fs = std::filesystem;

Result<OpenedDoor> open_grpc_door(const fs::path& program, const GrpcSettings& settings,
                                  Server& server) {
  constexpr const char* kFile = "headrace_door_grpc.so";
  const fs::path beside = program.parent_path() / "doors" / kFile;
  const fs::path installed = program.parent_path().parent_path() / "lib/headrace/doors" / kFile;
  std::error_code ignored;
  const bool is_beside = fs::exists(beside, ignored);
  if (!is_beside && !fs::exists(installed, ignored))
    return Error{"--grpc needs " + beside.string() + " or " + installed.string() +
                 ", and neither is there"};
  const fs::path& file = is_beside ? beside : installed;
  const Result<sys::PluginLibrary> library = sys::PluginLibrary::open(file);
  if (!library) return Error{"cannot load the gRPC door: " + library.error().message};
  auto* const open = reinterpret_cast<OpenDoor*>(library->symbol(kOpenDoorSymbol));
  if (open == nullptr) return Error{file.string() + " is no gRPC door of Headrace"};
  Result<OpenedDoor> opened = Error{};
  open(settings.server_version, settings, server, opened);
  return opened;
}

}  // namespace headrace::server
