// An engine without a model: for tests and benchmarks that need results, delays, failures and
// deaths on demand.
//
// Its "model" is a text file NAME.fake of `key = value` lines; `#` starts a comment. Any input
// shape, batch first.
//
// What it answers (one output, batch first, but for echo)
//   kind = classify      scores [batch, classes]: 1 for the class drawn from the item's mean colour,
//                        less for its neighbours
//   kind = raw           values [batch, output]: value k of an item is its mean plus k
//   kind = noop          values [batch, 1], all 0; the input is not read (short: `noop = 1`)
//   kind = echo          OUTPUT0, OUTPUT1, ... equal to INPUT0, INPUT1, ...
//   classes = 1000       output = 1
//   input = f32 | u8     the element type it asks for; without it u8 for inputs of two dimensions
//                        (names, bytes), else f32; of echo any: f32 | i64 | bool | ..., f32 without it
//   inputs = 1           rank = 2             of echo: how many there are, and their dimensions, which
//                        are open unless the host fixes those of the first
// How long it takes, an item
//   sleep_us = N         waits without using the processor
//   spin_us = N          keeps the processor busy
// How it loads
//   load_sleep_ms = N    load_mb = N (memory touched and kept)    load_fail = TEXT    load_abort =
//   1
// How it fails: TEXT is looked for in the bytes of each item of a u8 input; any item of the batch
// is enough
//   fail_on = TEXT       infer returns an error            hang_on = TEXT       infer never returns
//   abort_on = TEXT      dies of SIGABRT                   segv_on = TEXT       dies of SIGSEGV
//   exit_on = TEXT       leaves with exit code 3
//   abort_on_magenta = 1 dies of SIGABRT at a picture that is all (255, 0, 255) as the tensor holds
//   it, so without mean and
//                        scale; and at the text KILLME, unless abort_on names another
//   leak_kb = N          touches and keeps N KiB at each infer
//   hog_on = TEXT        touches ever more memory at such an item, until it is killed
//   escape_on = TEXT     tries what a worker has no business with, and fails with what came of each:
//                        "socket: Operation not permitted, process: ..., file: ..., written: ..."
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <map>
#include <optional>
#include <system_error>
#include <thread>
#include <vector>

#include "../plugin.h"

namespace {

using Clock = std::chrono::steady_clock;

// The file's lines. Every key must be one that was asked for, or the file is refused.
class Settings {
 public:
  explicit Settings(const char* path) : path_(path) {
    std::ifstream file(path);
    if (!file) throw std::runtime_error("cannot read the file");
    std::string line;
    for (int number = 1; std::getline(file, line); ++number) {
      line = trimmed(line.substr(0, line.find('#')));
      if (line.empty()) continue;
      const std::size_t equals = line.find('=');
      if (equals == std::string::npos)
        throw std::runtime_error("line " + std::to_string(number) + " is not `key = value`");
      values_[trimmed(line.substr(0, equals))] = trimmed(line.substr(equals + 1));
    }
    if (values_.empty()) throw std::runtime_error("the file says nothing");
  }

  std::string text(const char* key) {
    const auto found = values_.find(key);
    if (found == values_.end()) return {};
    std::string value = found->second;
    values_.erase(found);
    return value;
  }
  std::int64_t number(const char* key, std::int64_t otherwise, std::int64_t least = 0) {
    const std::string value = text(key);
    if (value.empty()) return otherwise;
    std::size_t used = 0;
    const std::int64_t result = std::stoll(value, &used);
    if (used != value.size() || result < least)
      throw std::runtime_error(std::string(key) + " = " + value + " is no good");
    return result;
  }
  void finish() const {
    if (!values_.empty())
      throw std::runtime_error("there is no setting called \"" + values_.begin()->first + "\"");
  }

 private:
  static std::string trimmed(const std::string& text) {
    const std::size_t first = text.find_first_not_of(" \t\r");
    return first == std::string::npos
               ? ""
               : text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
  }

  std::string path_;
  std::map<std::string, std::string> values_;
};

// Dies as if by that signal, whatever a sanitizer thinks of it.
[[noreturn]] void die_of(int signal_number) {
  std::signal(signal_number, SIG_DFL);
  std::raise(signal_number);
  std::_Exit(1);
}

// What a taken-over worker would begin with, and what comes of it.
std::string escapes() {
  const auto outcome = [](const char* what, long rc) {
    return std::string(what) + ": " +
           (rc < 0 ? std::system_category().message(errno) : std::string("worked"));
  };
  std::string all = outcome("socket", ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  all += ", " + outcome("process", child);
  all += ", " + outcome("supervisor", ::kill(::getppid(), 0));
  all += ", " + outcome("file", ::open("/etc/passwd", O_RDONLY | O_CLOEXEC));
  return all + ", " + outcome("written", ::open("escaped", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

void touch(std::vector<std::vector<char>>& kept, std::int64_t kib) {
  if (kib > 0) kept.emplace_back(static_cast<std::size_t>(kib) * 1024, '\1');
}

struct Item {
  hr_dtype type;
  const std::byte* data;
  std::size_t elements;
  std::size_t channels;  // 3 if the tensor has a dimension for colour, else 1
  bool planar;           // one plane a channel, rather than channels side by side

  // Of the types that pictures and texts have.
  double at(std::size_t index) const {
    if (type == HR_U8) return static_cast<double>(std::to_integer<unsigned>(data[index]));
    return static_cast<double>(reinterpret_cast<const float*>(data)[index]);
  }
  std::size_t pixels() const { return elements / channels; }
  double pixel(std::size_t pixel, std::size_t channel) const {
    return at(planar ? channel * pixels() + pixel : pixel * channels + channel);
  }
  double mean(std::size_t channel) const {
    double sum = 0;
    for (std::size_t i = 0; i < pixels(); ++i) sum += pixel(i, channel);
    return pixels() == 0 ? 0 : sum / static_cast<double>(pixels());
  }
  bool magenta() const {
    if (channels != 3 || elements == 0 || (type != HR_U8 && type != HR_F32)) return false;
    for (std::size_t i = 0; i < pixels(); ++i) {
      if (pixel(i, 0) != 255 || pixel(i, 1) != 0 || pixel(i, 2) != 255) return false;
    }
    return true;
  }
  bool holds(const std::string& text) const {
    if (type != HR_U8 || text.empty()) return false;
    return std::string_view(reinterpret_cast<const char*>(data), elements).find(text) !=
           std::string_view::npos;
  }
};

// By hr_dtype.
constexpr std::array<std::string_view, 13> kTypes = {
    "", "bool", "u8", "i8", "u16", "i16", "u32", "i32", "u64", "i64", "f16", "f32", "f64"};
constexpr std::array<std::size_t, 13> kSizes = {0, 1, 1, 1, 2, 2, 4, 4, 8, 8, 2, 4, 8};

class Fake {
 public:
  static std::unique_ptr<Fake> open(const hr_open_options& options) {
    return std::make_unique<Fake>(options);
  }

  explicit Fake(const hr_open_options& options) : streams_(options.streams) {
    Settings file(options.model_path);
    read_answer(file, options);
    read_trouble(file);
    const auto sleep = std::chrono::milliseconds(file.number("load_sleep_ms", 0));
    const std::int64_t load_mb = file.number("load_mb", 0);
    const std::string fail = file.text("load_fail");
    const bool abort_now = file.number("load_abort", 0) != 0;
    file.finish();
    if (sleep.count() > 0) std::this_thread::sleep_for(sleep);
    touch(streams_[0].kept, load_mb * 1024);
    if (abort_now) die_of(SIGABRT);
    if (!fail.empty()) throw std::runtime_error(fail);
  }

  std::span<const hr_tensor_info> inputs() const { return inputs_; }
  std::span<const hr_tensor_info> outputs() const { return outputs_; }

  void infer(std::uint32_t stream, const hr_tensor* inputs, hr_tensor* outputs) {
    if (kind_ == Kind::echo) return echo(stream, inputs, outputs);
    const hr_tensor& input = inputs[0];
    if (input.info.dtype != inputs_[0].dtype)
      throw std::runtime_error("the input has the wrong element type");
    const std::size_t batch = batch_of(input);
    std::vector<float>& scores = streams_[stream].scores;
    scores.assign(batch * width_, 0.0f);
    if (kind_ != Kind::noop) {
      for (std::size_t i = 0; i < batch; ++i)
        run(item(input, i, batch), std::span(scores).subspan(i * width_, width_));
    }
    touch(streams_[stream].kept, leak_kb_);
    outputs[0].info = outputs_[0];
    outputs[0].info.dims[0] = static_cast<std::int64_t>(batch);
    outputs[0].data = scores.data();
    outputs[0].bytes = scores.size() * sizeof(float);
  }

 private:
  enum class Kind { classify, raw, noop, echo };

  void read_answer(Settings& file, const hr_open_options& options) {
    std::string kind = file.text("kind");
    if (file.number("noop", 0) != 0) kind = "noop";
    if (kind == "echo") return read_echo(file, options);
    if (kind != "classify" && kind != "raw" && kind != "noop") {
      throw std::runtime_error("kind = " + kind + " is none of classify, raw, noop, echo");
    }
    kind_ = kind == "classify" ? Kind::classify : kind == "raw" ? Kind::raw : Kind::noop;
    const std::int64_t classes = file.number("classes", 1000, 1);
    const std::int64_t values = file.number("output", 1, 1);
    width_ = static_cast<std::size_t>(kind_ == Kind::classify ? classes
                                      : kind_ == Kind::raw    ? values
                                                              : 1);

    const std::string type = file.text("input");
    if (!type.empty() && type != "f32" && type != "u8")
      throw std::runtime_error("input = " + type + " is none of f32, u8");
    const bool bytes = type.empty() ? options.input_rank == 2 : type == "u8";
    const std::int64_t any[] = {-1, -1, -1, -1};
    const auto dims = options.input_rank == 0
                          ? std::span<const std::int64_t>(any)
                          : std::span<const std::int64_t>(options.input_dims, options.input_rank);
    inputs_ = {headrace::plugin::info("input", bytes ? HR_U8 : HR_F32, dims)};
    const std::int64_t out[] = {options.input_rank == 0 ? -1 : dims[0],
                                static_cast<std::int64_t>(width_)};
    outputs_ = {headrace::plugin::info(kind_ == Kind::classify ? "scores" : "values", HR_F32, out)};
  }

  void read_echo(Settings& file, const hr_open_options& options) {
    kind_ = Kind::echo;
    const std::string word = file.text("input");
    const auto type = std::ranges::find(kTypes, word.empty() ? "f32" : word);
    if (type == kTypes.end()) throw std::runtime_error("input = " + word + " is no type");
    const std::vector<std::int64_t> open(static_cast<std::size_t>(file.number("rank", 2)), -1);
    const std::int64_t count = file.number("inputs", 1, 1);
    for (std::int64_t i = 0; i < count; ++i) {
      const bool fixed = i == 0 && options.input_rank > 0;
      const auto dims = fixed ? std::span(options.input_dims, options.input_rank)
                              : std::span<const std::int64_t>(open);
      const auto dtype = static_cast<hr_dtype>(type - kTypes.begin());
      inputs_.push_back(headrace::plugin::info("INPUT" + std::to_string(i), dtype, dims));
      outputs_.push_back(headrace::plugin::info("OUTPUT" + std::to_string(i), dtype, dims));
    }
  }

  void echo(std::uint32_t stream, const hr_tensor* inputs, hr_tensor* outputs) {
    std::vector<std::vector<std::byte>>& copies = streams_[stream].copies;
    copies.resize(inputs_.size());
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      // A row of numbers is one item.
      const std::size_t batch = inputs[i].info.rank > 1 ? batch_of(inputs[i]) : 1;
      for (std::size_t k = 0; k < batch; ++k) {
        cause_trouble(item(inputs[i], k, batch));
        if (i == 0) take_time();
      }
      const auto* const data = static_cast<const std::byte*>(inputs[i].data);
      copies[i].assign(data, data + inputs[i].bytes);
      outputs[i].info = inputs[i].info;
      outputs[i].data = copies[i].data();
      outputs[i].bytes = inputs[i].bytes;
    }
    touch(streams_[stream].kept, leak_kb_);
  }

  static std::size_t batch_of(const hr_tensor& input) {
    return static_cast<std::size_t>(input.info.rank > 0 ? input.info.dims[0] : 1);
  }

  void read_trouble(Settings& file) {
    sleep_ = std::chrono::microseconds(file.number("sleep_us", 0));
    spin_ = std::chrono::microseconds(file.number("spin_us", 0));
    leak_kb_ = file.number("leak_kb", 0);
    abort_on_magenta_ = file.number("abort_on_magenta", 0) != 0;
    abort_on_ = file.text("abort_on");
    if (abort_on_magenta_ && abort_on_.empty()) abort_on_ = "KILLME";
    segv_on_ = file.text("segv_on");
    hang_on_ = file.text("hang_on");
    exit_on_ = file.text("exit_on");
    fail_on_ = file.text("fail_on");
    escape_on_ = file.text("escape_on");
    hog_on_ = file.text("hog_on");
  }

  static Item item(const hr_tensor& input, std::size_t index, std::size_t batch) {
    const auto type = static_cast<hr_dtype>(input.info.dtype);
    const std::size_t bytes = input.bytes / batch;
    const bool picture = input.info.rank == 4;
    const bool planar = picture && input.info.dims[1] == 3;
    const bool colour = planar || (picture && input.info.dims[3] == 3);
    return {type, static_cast<const std::byte*>(input.data) + index * bytes,
            bytes / kSizes[static_cast<std::size_t>(type)], colour ? 3u : 1u, planar};
  }

  void run(const Item& item, std::span<float> result) const {
    cause_trouble(item);
    take_time();
    double mean = 0;
    for (std::size_t c = 0; c < item.channels; ++c)
      mean += item.mean(c) * static_cast<double>(2 * c + 1);
    if (kind_ == Kind::raw) {
      for (std::size_t k = 0; k < result.size(); ++k)
        result[k] = static_cast<float>(mean + static_cast<double>(k));
      return;
    }
    const auto best = static_cast<double>(
        static_cast<std::uint64_t>(std::llround(std::fabs(mean) * 7)) % result.size());
    for (std::size_t k = 0; k < result.size(); ++k) {
      result[k] = static_cast<float>(1.0 / (1.0 + std::fabs(static_cast<double>(k) - best)));
    }
  }

  void take_time() const {
    if (sleep_.count() > 0) std::this_thread::sleep_for(sleep_);
    if (spin_.count() > 0) {
      for (const auto until = Clock::now() + spin_; Clock::now() < until;) {
      }
    }
  }

  void cause_trouble(const Item& item) const {
    if (item.holds(abort_on_) || (abort_on_magenta_ && item.magenta())) die_of(SIGABRT);
    if (item.holds(segv_on_)) die_of(SIGSEGV);
    if (item.holds(exit_on_)) std::_Exit(3);
    while (item.holds(hang_on_)) ::pause();
    for (std::vector<std::vector<char>> taken; item.holds(hog_on_);) touch(taken, 512);
    if (item.holds(escape_on_)) throw std::runtime_error(escapes());
    if (item.holds(fail_on_))
      throw std::runtime_error("the item holds the text \"" + fail_on_ + "\"");
  }

  Kind kind_ = Kind::noop;
  std::size_t width_ = 1;
  std::vector<hr_tensor_info> inputs_, outputs_;
  std::chrono::microseconds sleep_{}, spin_{};
  std::int64_t leak_kb_ = 0;
  bool abort_on_magenta_ = false;
  std::string abort_on_, segv_on_, hang_on_, exit_on_, fail_on_, hog_on_, escape_on_;
  // What infer writes, for each stream.
  struct Stream {
    std::vector<float> scores;
    std::vector<std::vector<std::byte>> copies;  // of echo
    std::vector<std::vector<char>> kept;
  };
  std::vector<Stream> streams_;
};

const char* version() {
  return "1";
}

}  // namespace

HEADRACE_ENGINE("fake", Fake, version)
