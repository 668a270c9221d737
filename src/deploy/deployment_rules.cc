// What holds on every platform.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include "deploy/deployment.h"

namespace headrace::deploy {
namespace {

constexpr double kSlowerThere = 3;  // as for load_allowance()
// Past it, memory is asked for that the measured plan has no use for.
constexpr double kGenerous = 2;
constexpr double kMuchMemory = 1024;  // MiB
constexpr double kMibOfGib = 1024;

bool begins_with_folder(std::string_view path, std::string_view folder) {
  return path == folder || (path.size() > folder.size() && path.starts_with(folder) &&
                            (folder == "/" || path[folder.size()] == '/'));
}

// The mount that a path of the container lies in; nullptr: it lies in the image.
const Mount* mount_of(const Deployment& d, std::string_view path) {
  const Mount* best = nullptr;
  for (const Mount& mount : d.mounts) {
    if (begins_with_folder(path, mount.path) &&
        (best == nullptr || mount.path.size() > best->path.size()))
      best = &mount;
  }
  return best;
}

bool takes_no_writing(const Mount& mount) {
  return mount.read_only || mount.kind == Mount::Kind::secret ||
         mount.kind == Mount::Kind::configmap;
}

using Findings = std::vector<Finding>;

void check_size(const Deployment& d, Findings& out) {
  if (!(d.cpus > 0))
    out.push_back(
        error("--cpus", "the container has no number of CPUs",
              "give --cpus N, or --from a plan of headrace tune or headrace plan --json"));
  if (!(d.memory_gb > 0))
    out.push_back(
        error("--memory", "the container has no amount of memory",
              "give --memory GB, or --from a plan of headrace tune or headrace plan --json"));
  if (d.memory_mb_given && d.memory_gb > 0 && *d.memory_mb_given > d.memory_gb * kMibOfGib)
    out.push_back(error("--memory-mb",
                        fmt::format("{} MiB are more than the container's {} GB",
                                    decimal(*d.memory_mb_given), decimal(d.memory_gb)),
                        "leave it out: what is left for Headrace is worked out from --memory"));
}

void check_against_measured(const Deployment& d, Findings& out) {
  const Measured& m = d.measured;
  if (m.cpus > 0 && d.cpus > 0 && std::abs(m.cpus - d.cpus) > 0.01)
    out.push_back(
        note("--cpus",
             fmt::format("{} was measured with {} CPUs, and the container gets {}: a plan "
                         "of headrace tune is not used there",
                         m.from, decimal(m.cpus), decimal(d.cpus)),
             "tune in a container of this size, or take the size that was measured"));
  if (m.used_mib <= 0 || d.memory_gb <= 0) return;
  const double there = d.memory_gb * kMibOfGib;
  if (m.used_mib > there) {
    out.push_back(
        warning("--memory",
                fmt::format("the measured plan takes {:.0f} MiB, and the container has {:.0f}",
                            m.used_mib, there),
                "ask for more memory, or expect fewer workers than were measured"));
  } else if (there > kGenerous * m.used_mib + kMuchMemory) {
    out.push_back(warning(
        "--memory",
        fmt::format("the measured plan takes {:.0f} MiB of the {:.0f}: the rest is "
                    "paid for and not used",
                    m.used_mib, there),
        fmt::format("{} would do", decimal(std::ceil((kGenerous * m.used_mib) / kMibOfGib)))));
  }
}

void check_image(const Deployment& d, Findings& out) {
  const auto is_odd = [](unsigned char c) {
    return std::isalnum(c) == 0 &&
           std::string_view("./_-:@").find(static_cast<char>(c)) == std::string_view::npos;
  };
  if (d.image.empty() || std::any_of(d.image.begin(), d.image.end(), is_odd) ||
      d.image.find("//") != std::string::npos) {
    out.push_back(error("--image", fmt::format("'{}' is no name of an image", d.image),
                        "write REGISTRY/NAME:TAG, without https://"));
    return;
  }
  const std::size_t slash = d.image.rfind('/');
  const std::string last = d.image.substr(slash == std::string::npos ? 0 : slash + 1);
  const bool has_tag = last.find(':') != std::string::npos || last.find('@') != std::string::npos;
  if (!has_tag || last.ends_with(":latest"))
    out.push_back(
        warning("--image",
                "without a tag of its own nobody can say which version runs, and a restart "
                "may bring another one",
                "name a version: " + d.image.substr(0, d.image.rfind(":latest")) + ":0.1.0"));
}

void check_variables(const Deployment& d, Findings& out) {
  std::set<std::string> seen;
  for (const Variable& variable : d.variables) {
    if (!seen.insert(variable.name).second)
      out.push_back(error(variable.option, "this variable is given twice", "give it once"));
  }
}

void check_mount_place(const Mount& mount, Findings& out) {
  constexpr std::array<std::string_view, 8> kTaken = {"/proc", "/sys", "/dev", "/etc",
                                                      "/usr",  "/lib", "/bin", "/lib64"};
  const auto is_odd = [](unsigned char c) {
    return std::isalnum(c) == 0 &&
           std::string_view("/._-+@,=").find(static_cast<char>(c)) == std::string_view::npos;
  };
  if (std::any_of(mount.path.begin(), mount.path.end(), is_odd)) {
    out.push_back(error(mount.option, "the path of a mount has letters, digits and /._-+@,=",
                        "take a plain one, such as /data"));
    return;
  }
  const bool is_root = mount.path == "/";
  const auto hides = [&](std::string_view folder) {
    return begins_with_folder(mount.path, folder) && mount.path.size() == folder.size();
  };
  const bool in_kernels =
      begins_with_folder(mount.path, "/proc") || begins_with_folder(mount.path, "/sys") ||
      begins_with_folder(mount.path, "/dev") || begins_with_folder(kProgram, mount.path);
  if (is_root || in_kernels || std::any_of(kTaken.begin(), kTaken.end(), hides))
    out.push_back(error(
        mount.option, fmt::format("a mount at {} hides what the container needs there", mount.path),
        "take a folder of its own, such as /data"));
}

void check_mounts(const Deployment& d, Findings& out) {
  std::map<std::string, std::string> places;
  std::set<std::string> names;
  for (const Mount& mount : d.mounts) {
    check_mount_place(mount, out);
    if (!names.insert(mount.name).second)
      out.push_back(error(mount.option, fmt::format("two mounts are called '{}'", mount.name),
                          "give each a name of its own"));
    const auto [other, is_new] = places.try_emplace(mount.path, mount.name);
    if (!is_new)
      out.push_back(error(mount.option,
                          fmt::format("'{}' and '{}' are both mounted at {}", other->second,
                                      mount.name, mount.path),
                          "take another path for one of them"));
  }
}

void check_written(const Path& path, const Mount* mount, Findings& out) {
  if (mount == nullptr) {
    out.push_back(
        warning(path.option,
                fmt::format("{} lies in no --mount: it goes with the container, or cannot be "
                            "written at all",
                            path.path),
                "mount something that stays over its folder"));
  } else if (takes_no_writing(*mount)) {
    out.push_back(error(
        path.option,
        fmt::format("{} lies in the mount '{}', which cannot be written", path.path, mount->name),
        mount->read_only ? "leave out :ro there, or write elsewhere"
                         : "write to a share or a claim"));
  } else if (mount->kind == Mount::Kind::empty) {
    out.push_back(
        warning(path.option,
                fmt::format("{} lies in the empty folder '{}', which goes with the container",
                            path.path, mount->name),
                "write to a share or a claim"));
  }
}

void check_paths(const Deployment& d, Findings& out) {
  for (const Path& path : d.paths) {
    const Mount* mount = mount_of(d, path.path);
    if (path.use == Path::Use::written) {
      check_written(path, mount, out);
    } else if (path.use == Path::Use::token && mount == nullptr) {
      out.push_back(warning(path.option,
                            fmt::format("{} lies in no --mount, so it would be in the image, where "
                                        "whoever may pull it reads it",
                                        path.path),
                            "mount it as a secret: --mount NAME=secret:...:FOLDER"));
    } else if (mount == nullptr) {
      out.push_back(note(path.option,
                         fmt::format("{} lies in no --mount: it must be in the image", path.path),
                         "see --mount"));
    } else if (mount->kind == Mount::Kind::empty) {
      out.push_back(error(path.option,
                          fmt::format("{} lies in the folder '{}', which is empty at the start",
                                      path.path, mount->name),
                          "mount what holds it, or put it into the image"));
    }
  }
}

void check_job(const Deployment& d, Findings& out) {
  if (d.deadline_seconds && !(*d.deadline_seconds > 0))
    out.push_back(
        error("--deadline", "a job needs some time", "write it like 6h, or leave it out"));
  if (d.open_to_all) out.push_back(error("--public", "a job opens no port", "leave it out"));
  if (d.results_on_output)
    out.push_back(
        warning("--out",
                "results on the standard output are the container's log, of which a platform "
                "keeps a part (Azure Container Instances: 16 KB once it has stopped), and a "
                "restart begins anew",
                "--out FILE in a --mount that stays"));
  if (d.overwrites)
    out.push_back(warning("--overwrite",
                          "a container that is started again empties the results and begins anew",
                          "leave it out: the job then goes on where it stopped (--resume)"));
  if (d.resume_was_added)
    out.push_back(note("--out",
                       "--resume was added: a container that is started again goes on with "
                       "what is there",
                       "--overwrite, if that is not wanted"));
  if (d.strict)
    out.push_back(warning("--strict",
                          "one failed item makes the exit code 1, and a job that failed is started "
                          "again, with the same end",
                          "leave it out, and look for `failed` in the results"));
}

void check_server(const Deployment& d, Findings& out) {
  std::map<std::uint16_t, std::string> taken;
  for (const Port& port : d.ports) {
    const auto [other, is_new] = taken.try_emplace(port.number, port.option);
    if (!is_new)
      out.push_back(error(port.option,
                          fmt::format("port {} is taken by {}", port.number, other->second),
                          "give each door a port of its own"));
  }
  if (d.open_to_all && !d.has_tokens)
    out.push_back(warning("--public", "everybody on the internet may ask this server",
                          "--token-file FILE in a secret mount"));
  const auto is_clear = [](const Port& port) { return !port.tls; };
  if (d.open_to_all && d.has_tokens && std::any_of(d.ports.begin(), d.ports.end(), is_clear))
    out.push_back(warning("--public", "tokens and pictures cross the internet unencrypted",
                          "--tls-cert and --tls-key, or something before it that does TLS"));
  if (d.admin_beyond_loopback && d.open_to_all) {
    out.push_back(error(d.admin_option, "the door that changes models must not be on the internet",
                        "--admin 127.0.0.1:8081, or leave out --public"));
  } else if (d.admin_beyond_loopback) {
    out.push_back(
        warning(d.admin_option,
                "its port is not published here, but others in the same network may get to it",
                "--admin 127.0.0.1:8081, unless that is meant"));
  }
}

void check_loading(const Deployment& d, Findings& out) {
  if (d.load_seconds && d.load_timeout_seconds > 0 && *d.load_seconds > d.load_timeout_seconds)
    out.push_back(
        error("--load-timeout",
              fmt::format("loading takes {} s, and a worker is given up after {}",
                          decimal(*d.load_seconds), decimal(d.load_timeout_seconds)),
              fmt::format("--load-timeout {:.0f}s", std::ceil(*d.load_seconds * kSlowerThere))));
}

}  // namespace

std::vector<Finding> check_everywhere(const Deployment& d) {
  Findings out;
  check_size(d, out);
  check_against_measured(d, out);
  check_image(d, out);
  check_variables(d, out);
  check_mounts(d, out);
  check_paths(d, out);
  if (d.work == Work::job) {
    check_job(d, out);
  } else {
    check_server(d, out);
  }
  check_loading(d, out);
  return out;
}

}  // namespace headrace::deploy
