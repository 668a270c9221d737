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

constexpr std::string_view kDigits = "0123456789";
constexpr std::string_view kSmall = "abcdefghijklmnopqrstuvwxyz0123456789";
constexpr std::string_view kAll = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

// Of `letters` at both ends, and of these and `more` between them.
bool is_made_of(std::string_view text, std::string_view letters, std::string_view more) {
  return !text.empty() && letters.find(text.front()) != std::string_view::npos &&
         letters.find(text.back()) != std::string_view::npos &&
         std::all_of(text.begin(), text.end(), [&](char c) {
           return letters.find(c) != std::string_view::npos ||
                  more.find(c) != std::string_view::npos;
         });
}

bool is_tag(std::string_view tag) {
  return tag.size() <= 128 && is_made_of(tag, std::string(kAll) + "_.-", "") &&
         tag.front() != '.' && tag.front() != '-';
}

bool is_host(std::string_view host) {
  const std::size_t colon = host.find(':');
  if (!is_made_of(host.substr(0, colon), kAll, ".-")) return false;
  if (colon == std::string_view::npos) return true;
  const std::string_view port = host.substr(colon + 1);
  return port.size() <= 5 && is_made_of(port, kDigits, "");
}

bool is_image_path(std::string_view path) {
  for (std::size_t slash = path.find('/'); slash != std::string_view::npos;
       slash = path.find('/')) {
    if (!is_made_of(path.substr(0, slash), kSmall, "._-")) return false;
    path.remove_prefix(slash + 1);
  }
  return is_made_of(path, kSmall, "._-");
}

// What is wrong with [REGISTRY[:PORT]/]PATH[:TAG][@sha256:DIGEST]; empty: nothing.
std::string_view wrong_in_image(std::string_view image) {
  const std::size_t at = image.find('@');
  if (at != std::string_view::npos) {
    const std::string_view digest = image.substr(at + 1);
    if (!digest.starts_with("sha256:") || digest.size() != 7 + 64 ||
        digest.find_first_not_of("0123456789abcdef", 7) != std::string_view::npos)
      return "after an @ comes sha256: and 64 of 0-9 and a-f, and before it never a password";
    image = image.substr(0, at);
  }
  const std::string registry = registry_of(image);
  if (!registry.empty()) {
    if (!is_host(registry))
      return "the registry is a host, with :PORT as a number where it has one";
    image.remove_prefix(registry.size() + 1);
  }
  const std::size_t colon = image.find(':');
  if (colon != std::string_view::npos && !is_tag(image.substr(colon + 1)))
    return "one tag of letters, digits, _, . and - follows the colon";
  if (!is_image_path(image.substr(0, colon)))
    return "its path has small letters and digits, with ., _ and - between them";
  return "";
}

void check_image(const Deployment& d, Findings& out) {
  const std::string_view wrong = wrong_in_image(d.image);
  if (!wrong.empty()) {
    const bool may_hold_a_password =
        d.image.find('@') != std::string::npos || looks_like_a_secret(d.image);
    out.push_back(error("--image",
                        fmt::format("{} is no name of an image: {}",
                                    may_hold_a_password ? "this" : "'" + d.image + "'", wrong),
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
  // The kernel's, the program's and its libraries'. In /etc a folder of one's own does no harm.
  constexpr std::array<std::string_view, 8> kTaken = {"/proc",    "/sys", "/dev", "/usr/bin",
                                                      "/usr/lib", "/lib", "/bin", "/lib64"};
  const auto is_odd = [](unsigned char c) {
    return std::isalnum(c) == 0 &&
           std::string_view("/._-+@,=").find(static_cast<char>(c)) == std::string_view::npos;
  };
  if (std::any_of(mount.path.begin(), mount.path.end(), is_odd)) {
    out.push_back(error(mount.option, "the path of a mount has letters, digits and /._-+@,=",
                        "take a plain one, such as /data"));
    return;
  }
  const auto hides = [&](std::string_view folder) {
    return begins_with_folder(mount.path, folder) || begins_with_folder(folder, mount.path);
  };
  if (mount.path == "/etc" || std::any_of(kTaken.begin(), kTaken.end(), hides))
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

bool leaves_its_folder(const std::string& path) {
  return (path + "/").find("/../") != std::string::npos;
}

// Whether the path is one that a file can be written to at all.
void check_file_name(const Path& path, const Mount* mount, Findings& out) {
  const std::string plain = plain_path(path.path);
  if (!path.folder && (path.path.ends_with("/") || (mount != nullptr && plain == mount->path))) {
    out.push_back(error(path.option,
                        fmt::format("{} is a folder, and a file is written", path.path),
                        fmt::format("{} {}/results.jsonl, say", path.option, plain)));
  }
  if (path.path.find('$') != std::string::npos) {
    out.push_back(warning(path.option,
                          fmt::format("nothing is put in place of the $ in {}: every container "
                                      "writes to one and the same place",
                                      path.path),
                          "name it after what it is for, another one for each container"));
  }
}

void check_written(const Path& path, const Mount* mount, Findings& out) {
  check_file_name(path, mount, out);
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
    if (leaves_its_folder(path.path)) {
      out.push_back(error(path.option, fmt::format("{} leaves its own folder by ..", path.path),
                          "write " + plain_path(path.path)));
    } else if (path.use == Path::Use::written) {
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
    } else if (path.use == Path::Use::model && mount->kind == Mount::Kind::azurefile) {
      out.push_back(note(path.option,
                         fmt::format("{} lies in a share, and its file is mapped into memory: when "
                                     "the share drops it, workers die",
                                     path.path),
                         "put it into the image (docs/shares.md)"));
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
}

void check_server(const Deployment& d, Findings& out) {
  if (d.ports.empty())
    out.push_back(
        warning("--http", "no door is open beyond this container", "leave --http at 0.0.0.0:8080"));
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

std::string plain_path(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, end);
    path.remove_prefix(std::min(path.size(), end + 1));
    if (part == ".." && !parts.empty()) parts.pop_back();
    if (!part.empty() && part != "." && part != "..") parts.push_back(part);
  }
  std::string out;
  for (const std::string_view part : parts) out += "/" + std::string(part);
  return out.empty() ? "/" : out;
}

const Mount* mount_of(const Deployment& d, std::string_view path) {
  const std::string plain = plain_path(path);
  const Mount* best = nullptr;
  for (const Mount& mount : d.mounts) {
    if (begins_with_folder(plain, mount.path) &&
        (best == nullptr || mount.path.size() > best->path.size()))
      best = &mount;
  }
  return best;
}

void warn_of_strict(const Deployment& d, std::vector<Finding>& findings) {
  if (!d.strict) return;
  findings.push_back(
      warning("--strict",
              "one failed item makes the exit code 1, and a job that failed is started again, with "
              "the same end",
              "leave it out, and look for `failed` in the results"));
}

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
