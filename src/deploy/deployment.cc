#include "deploy/deployment.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <utility>

#include "deploy/document.h"

namespace headrace::deploy {
namespace {

constexpr std::array<std::pair<std::string_view, Mount::Kind>, 5> kMountKinds = {{
    {"azurefile", Mount::Kind::azurefile},
    {"claim", Mount::Kind::claim},
    {"secret", Mount::Kind::secret},
    {"configmap", Mount::Kind::configmap},
    {"empty", Mount::Kind::empty},
}};
constexpr unsigned kJobEndsWithin = 30;  // seconds
constexpr double kSlowerThere = 3;       // a share is slower than the disk where it was measured
constexpr double kMoreToLoad = 10;       // seconds

std::string upper(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return out;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

bool is_variable_name(std::string_view name) {
  const auto is_part = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; };
  return !name.empty() && std::isdigit(static_cast<unsigned char>(name.front())) == 0 &&
         std::all_of(name.begin(), name.end(), is_part);
}

// A part between underscores that says so: SAS_TOKEN, APIKEY; not TOKENIZERS.
bool names_a_secret(std::string_view name) {
  constexpr std::array<std::string_view, 8> kEnds = {"TOKEN",  "KEY",        "PASSWORD",   "PASSWD",
                                                     "SECRET", "CREDENTIAL", "PASSPHRASE", "SAS"};
  constexpr std::array<std::string_view, 2> kBegins = {"CONNSTR", "CONNECTIONSTR"};
  std::string all = upper(name) + "_";
  for (std::size_t end = all.find('_'); end != std::string::npos; end = all.find('_')) {
    std::string part = all.substr(0, end);
    all.erase(0, end + 1);
    if (part.size() > 1 && part.back() == 'S' && part != "SAS") part.pop_back();  // TOKENS
    const auto ends = [&](std::string_view word) { return part.ends_with(word); };
    const auto begins = [&](std::string_view word) { return part.starts_with(word); };
    if (part == "CONN" || part == "CONNECTION" || part == "PWD" ||
        std::any_of(kEnds.begin(), kEnds.end(), ends) ||
        std::any_of(kBegins.begin(), kBegins.end(), begins))
      return true;
  }
  return false;
}

bool is_of_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_';
}

// A key that says by its first letters whose it is, with as many more as such a one has at least.
struct KeyMark {
  std::string_view begins;
  std::size_t more;
};
constexpr std::array<KeyMark, 13> kKeyMarks = {{{"sk-", 16},
                                                {"ghp_", 16},
                                                {"gho_", 16},
                                                {"ghu_", 16},
                                                {"ghs_", 16},
                                                {"ghr_", 16},
                                                {"github_pat_", 16},
                                                {"xoxb-", 8},
                                                {"xoxp-", 8},
                                                {"xoxa-", 8},
                                                {"xoxs-", 8},
                                                {"AKIA", 16},
                                                {"ASIA", 16}}};

// `word` with what follows it: a JSON Web Token is three words with dots between them.
bool is_key(std::string_view word, std::string_view rest) {
  if (word.starts_with("eyJ") && word.size() > 9 && rest.starts_with(".")) return true;
  return std::any_of(kKeyMarks.begin(), kKeyMarks.end(), [&](const KeyMark& mark) {
    return word.starts_with(mark.begins) && word.size() >= mark.begins.size() + mark.more;
  });
}

// "Basic dXNlcjpw...": eight or more letters of base64, some of them capitals after the first, which words are not.
bool is_basic_authorisation(std::string_view text) {
  const std::size_t at = lower(text).find("basic ");
  if (at == std::string::npos || (at > 0 && is_of_word(text[at - 1]))) return false;
  const std::string_view rest = text.substr(at + 6);
  std::size_t length = 0;
  bool capital = false;
  for (; length < rest.size(); ++length) {
    const auto c = static_cast<unsigned char>(rest[length]);
    if (std::isalnum(c) == 0 && c != '+' && c != '/') break;
    capital = capital || (length > 0 && std::isupper(c) != 0);
  }
  return length >= 8 && capital;
}

bool holds_a_key(std::string_view text) {
  for (std::size_t begin = 0; begin < text.size();) {
    std::size_t end = begin;
    while (end < text.size() && is_of_word(text[end])) ++end;
    if (is_key(text.substr(begin, end - begin), text.substr(end))) return true;
    begin = end + 1;
  }
  return is_basic_authorisation(text);
}

// The value after a key of settings: nothing, an object, a number, true, false and null are no secrets.
bool is_harmless_value(std::string_view rest) {
  const std::size_t begin = rest.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return true;
  const std::string_view value = rest.substr(begin, rest.find_first_of(", \t\r\n}", begin) - begin);
  return value.empty() || value.front() == '{' || value == "true" || value == "false" ||
         value == "null" || value.find_first_not_of("0123456789.+-eE") == std::string_view::npos;
}

Finding finding(Finding::Severity severity, std::string option, std::string rule, std::string fix) {
  return Finding{.severity = severity,
                 .option = std::move(option),
                 .rule = std::move(rule),
                 .fix = std::move(fix)};
}

unsigned whole(double seconds) {
  return static_cast<unsigned>(std::ceil(std::clamp(seconds, 0.0, 1e6)));
}

}  // namespace

std::string_view word(Mount::Kind kind) {
  for (const auto& [name, each] : kMountKinds) {
    if (each == kind) return name;
  }
  return "";
}

std::string_view word(Form form) {
  switch (form) {
    case Form::yaml:
      return "yaml";
    case Form::bicep:
      return "bicep";
    case Form::az:
      break;
  }
  return "az";
}

Result<Mount> parse_mount(const std::string& given) {
  const auto wrong = [](const std::string& what) {
    return Error{what +
                 "; write NAME=KIND:SOURCE:/PATH, with :ro behind it when nothing writes there; "
                 "KIND is azurefile, claim, secret, configmap or empty (which has no SOURCE)"};
  };
  Mount mount;
  std::string rest = given;
  const std::size_t equals = rest.find('=');
  if (equals == std::string::npos || equals == 0) return wrong("there is no NAME=");
  if (looks_like_a_secret(rest))
    return Error{"this looks like a secret, which must not stand in a file; say where it is kept"};
  mount.name = rest.substr(0, equals);
  mount.option = "--mount " + mount.name;
  rest.erase(0, equals + 1);
  if (rest.ends_with(":ro")) {
    mount.read_only = true;
    rest.erase(rest.size() - 3);
  }
  const std::size_t colon = rest.find(':');
  const std::string kind = rest.substr(0, colon);
  const auto known = std::find_if(kMountKinds.begin(), kMountKinds.end(),
                                  [&](const auto& each) { return each.first == kind; });
  if (known == kMountKinds.end()) return wrong("'" + kind + "' is no kind of mount");
  mount.kind = known->second;
  const std::size_t path = rest.find(":/", colon == std::string::npos ? 0 : colon);
  if (colon == std::string::npos || path == std::string::npos) return wrong("there is no :/PATH");
  if (path > colon) mount.source = rest.substr(colon + 1, path - colon - 1);
  mount.path = rest.substr(path + 1);
  while (mount.path.size() > 1 && mount.path.back() == '/') mount.path.pop_back();
  if ((mount.path + "/").find("/../") != std::string::npos ||
      (mount.path + "/").find("/./") != std::string::npos ||
      mount.path.find("//") != std::string::npos || mount.path.find(':') != std::string::npos)
    return wrong("'" + mount.path + "' is no plain absolute path");
  if (mount.source.empty() != (mount.kind == Mount::Kind::empty))
    return wrong(mount.source.empty() ? kind + " needs a SOURCE" : "empty has no SOURCE");
  return mount;
}

Result<Variable> parse_env(const std::string& given) {
  const std::size_t equals = given.find('=');
  Variable variable{.name = given.substr(0, equals)};
  if (equals == std::string::npos || !is_variable_name(variable.name))
    return Error{"write NAME=VALUE; NAME has letters, digits and _, and no digit first"};
  variable.value = given.substr(equals + 1);
  variable.option = "--env " + variable.name;
  if (variable.name.starts_with("HEADRACE_"))
    return Error{
        variable.name +
        " is an option of Headrace: give that to this command, which then looks at it (--cpus, "
        "--workers, ...)"};
  if (names_a_secret(variable.name) || looks_like_a_secret(variable.value))
    return Error{fmt::format(
        "{0} looks like a secret, which must not stand in a file; --env-secret {0} asks "
        "for it when it is deployed",
        variable.name)};
  if (variable.value.find('\0') != std::string::npos)
    return Error{variable.name + ": a value has no zero bytes"};
  variable.why = "--env";
  return variable;
}

Result<Variable> parse_env_secret(const std::string& given) {
  const std::size_t equals = given.find('=');
  Variable variable{.name = given.substr(0, equals), .secret = true};
  // Whoever wrote the value itself must not find it in a log.
  if (!is_variable_name(variable.name))
    return Error{
        "write NAME or NAME=REFERENCE; NAME has letters, digits and _, and no digit first"};
  if (equals != std::string::npos) variable.reference = given.substr(equals + 1);
  variable.option = "--env-secret " + variable.name;
  if (variable.name == "HEADRACE_CPUS" || variable.name == "HEADRACE_MEMORY_MB")
    return Error{variable.name + " is no secret, and follows from --cpus and --memory"};
  if (looks_like_a_secret(variable.reference))
    return Error{fmt::format(
        "{}: what follows the = looks like the secret itself; say where it is kept, not "
        "what it is",
        variable.name)};
  variable.why =
      "--env-secret: its value is asked for when it is deployed, and never stands in a file";
  return variable;
}

bool looks_like_a_secret(std::string_view text) {
  constexpr std::array<std::string_view, 9> kMarks = {"accountkey=",
                                                      "sharedaccesskey=",
                                                      "sharedaccesssignature=",
                                                      "private key-----",
                                                      "password=",
                                                      "pwd=",
                                                      "&sig=",
                                                      "?sig=",
                                                      "bearer "};
  const std::string small = lower(text);
  if (small.starts_with("sig=") || holds_a_key(text)) return true;
  const auto is_in = [&](std::string_view mark) { return small.find(mark) != std::string::npos; };
  if (std::any_of(kMarks.begin(), kMarks.end(), is_in)) return true;
  // USER:PASSWORD@ of an address
  const std::size_t scheme = small.find("://");
  if (scheme == std::string::npos) return false;
  const std::string_view authority = std::string_view(small).substr(
      scheme + 3, small.find_first_of("/?#", scheme + 3) - (scheme + 3));
  const std::size_t at = authority.rfind('@');
  return at != std::string_view::npos &&
         authority.substr(0, at).find(':') != std::string_view::npos;
}

bool names_a_secret_within(std::string_view settings) {
  for (std::size_t mark = settings.find_first_of(":="); mark != std::string_view::npos;
       mark = settings.find_first_of(":=", mark + 1)) {
    const std::size_t last = settings.substr(0, mark).find_last_not_of(" \t\"'");
    if (last == std::string_view::npos) continue;
    std::size_t first = last + 1;
    while (first > 0 && is_of_word(settings[first - 1])) --first;
    std::string key(settings.substr(first, last + 1 - first));
    std::replace(key.begin(), key.end(), '-', '_');
    if (names_a_secret(key) && !is_harmless_value(settings.substr(mark + 1))) return true;
  }
  return false;
}

Finding error(std::string option, std::string rule, std::string fix) {
  return finding(Finding::Severity::error, std::move(option), std::move(rule), std::move(fix));
}
Finding warning(std::string option, std::string rule, std::string fix) {
  return finding(Finding::Severity::warning, std::move(option), std::move(rule), std::move(fix));
}
Finding note(std::string option, std::string rule, std::string fix) {
  return finding(Finding::Severity::note, std::move(option), std::move(rule), std::move(fix));
}

std::string sentence(const Finding& finding) {
  return finding.option + ": " + finding.rule + (finding.fix.empty() ? "" : "; " + finding.fix);
}

bool any_error(const std::vector<Finding>& findings) {
  return std::any_of(findings.begin(), findings.end(), [](const Finding& finding) {
    return finding.severity == Finding::Severity::error;
  });
}

bool is_label(std::string_view text, std::size_t least, std::size_t most) {
  const auto is_part = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  };
  return text.size() >= least && text.size() <= most && text.front() != '-' && text.back() != '-' &&
         std::all_of(text.begin(), text.end(), is_part);
}

bool is_multiple(double value, double step) {
  const double steps = value / step;
  return std::abs(steps - std::round(steps)) < 1e-6;
}

std::string decimal(double value) {
  return number("", value).value;
}

std::string registry_of(std::string_view image) {
  const std::string first(image.substr(0, image.find('/')));
  const bool is_host = first.find('.') != std::string::npos ||
                       first.find(':') != std::string::npos || first == "localhost";
  return is_host && first.size() < image.size() ? first : "";
}

std::vector<Variable> sizes(const Deployment& d, double memory_mib, double kept_back_mib,
                            const std::string& why_kept_back) {
  const double left = std::max(1.0, std::floor(memory_mib - kept_back_mib));
  const std::string less =
      kept_back_mib > 0 ? fmt::format(", less {} MiB: {}", decimal(kept_back_mib), why_kept_back)
                        : "";
  const unsigned threads = d.threads.value_or(std::max(1U, d.measured.threads));
  std::vector<Variable> out;
  out.push_back(
      {.name = "HEADRACE_CPUS",
       .value = decimal(d.cpus),
       .why = "the container's own CPUs: what it sees may be a larger machine without a quota"});
  out.push_back(
      {.name = "HEADRACE_MEMORY_MB",
       .value = decimal(d.memory_mb_given.value_or(left)),
       .why = d.memory_mb_given
                  ? "--memory-mb"
                  : fmt::format("{} MiB{}; a tighter limit that Headrace sees counts all the same",
                                decimal(memory_mib), less)});
  out.push_back(
      {.name = "OMP_NUM_THREADS",
       .value = fmt::format("{}", threads),
       .why = "OpenBLAS and MKL read it too: whatever else runs in the container does not start a "
              "thread for each CPU of the machine; Headrace tells its workers itself"});
  std::erase_if(out, [&](const Variable& size) {
    return std::any_of(d.variables.begin(), d.variables.end(),
                       [&](const Variable& given) { return given.name == size.name; });
  });
  return out;
}

LoadAllowance load_allowance(const Deployment& d) {
  if (!d.load_seconds)
    return {.seconds = whole(d.load_timeout_seconds > 0 ? d.load_timeout_seconds : 120),
            .why =
                "nobody said how long the model loads (--load-time), so as long as Headrace itself "
                "lets it"};
  const double wanted = kSlowerThere * *d.load_seconds + kMoreToLoad;
  const bool cut = d.load_timeout_seconds > 0 && wanted > d.load_timeout_seconds;
  std::string why = fmt::format(
      "the model loaded in {} s: three times that, and {} s more, for a slower disk and processor",
      decimal(*d.load_seconds), decimal(kMoreToLoad));
  if (cut)
    why += fmt::format(", but no longer than Headrace itself lets it ({} s)",
                       decimal(d.load_timeout_seconds));
  return {.seconds = whole(cut ? d.load_timeout_seconds : wanted), .why = std::move(why)};
}

ProbeTimes startup_probe(const Deployment& d) {
  const LoadAllowance allowance = load_allowance(d);
  ProbeTimes times{.initial_delay = 1, .period = 5, .timeout = 2};
  times.failures = std::max(3U, (allowance.seconds + times.period - 1) / times.period);
  times.why = fmt::format("{} s to start: {} looks, {} s apart; {}", times.failures * times.period,
                          times.failures, times.period, allowance.why);
  return times;
}

ProbeTimes readiness_probe(const Deployment& d) {
  ProbeTimes times{.initial_delay = std::max(1U, whole(d.load_seconds.value_or(1))),
                   .period = 5,
                   .timeout = 2,
                   .failures = 3};
  times.why = fmt::format(
      "asked from {} s on; gets no requests {} s after its workers are gone, and some "
      "again {} s after they are back",
      times.initial_delay, times.period * times.failures, times.period);
  return times;
}

ProbeTimes liveness_probe(const Deployment& d, bool after_startup_probe) {
  ProbeTimes times{.initial_delay = 0, .period = 15, .timeout = 5, .failures = 4};
  times.why = fmt::format("it is killed after {} s without an answer: {} looks, {} s apart",
                          times.failures * times.period, times.failures, times.period);
  if (after_startup_probe) return times;
  const LoadAllowance allowance = load_allowance(d);
  times.initial_delay = allowance.seconds;
  times.why += fmt::format("; the first after {} s, since there is no probe of the start: {}",
                           allowance.seconds, allowance.why);
  return times;
}

const Port* probed_port(const Deployment& d) {
  const auto is_http = [](const Port& port) { return port.door == Port::Door::http; };
  const auto http = std::find_if(d.ports.begin(), d.ports.end(), is_http);
  if (http != d.ports.end()) return &*http;
  return d.ports.empty() ? nullptr : &d.ports.front();
}

unsigned termination_seconds(const Deployment& d) {
  return d.work == Work::job ? kJobEndsWithin : whole(d.grace_seconds) + 5;
}

std::string shown_command(const Deployment& d) {
  std::string out = "headrace";
  for (const std::string& word : d.words) out += " " + shell_text(word);
  return out;
}

}  // namespace headrace::deploy
