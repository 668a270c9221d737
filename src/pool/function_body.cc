#include "pool/function_body.h"

#include <headrace/shared_array.h>
#include <headrace/task.h>

#include <chrono>
#include <cstdio>
#include <cstring>
#include <list>
#include <nlohmann/json.hpp>
#include <unordered_map>
#include <vector>

#include "base/text.h"
#include "pool/task_format.h"
#include "share/registry.h"
#include "shm/mailbox_format.h"
#include "sys/exception_name.h"
#include "sys/fault.h"

namespace headrace::pool {
namespace {

using std::memory_order_acquire;
using std::memory_order_relaxed;
using std::memory_order_release;
using Clock = std::chrono::steady_clock;

// The arguments of a chunk, found and range-checked.
struct Arguments {
  std::span<const std::byte> bytes;    // of the tasks
  std::span<const std::byte> offsets;  // u32 each; empty: `stride` apart
  std::uint32_t count = 0;
  std::uint32_t stride = 0;
  std::shared_ptr<detail::ArrayBlock> block;  // keeps them, if they are not in the slot

  std::span<const std::byte> of(std::uint32_t task) const {
    const std::size_t begin = at(task);
    const std::size_t end = task + 1 == count ? bytes.size() : at(task + 1);
    if (begin > end || end > bytes.size())
      throw DecodeError("the offsets of the tasks make no sense");
    return bytes.subspan(begin, end - begin);
  }

 private:
  std::size_t at(std::uint32_t task) const {
    if (offsets.empty()) return std::size_t{task} * stride;
    std::uint32_t offset = 0;
    std::memcpy(&offset, offsets.data() + task * sizeof offset, sizeof offset);
    return offset;
  }
};

Arguments arguments_of(const ChunkRequest& request, std::span<const std::byte> behind) {
  Arguments found{.bytes = behind,
                  .offsets = {},
                  .count = request.count,
                  .stride = request.stride,
                  .block = nullptr};
  if (request.elsewhere.segment != 0) {
    found.block = detail::open_block(request.elsewhere.segment, request.elsewhere.block,
                                     request.elsewhere.generation, false);
    found.bytes = {found.block->data, found.block->bytes};
  }
  if (request.bytes > found.bytes.size()) throw DecodeError("the tasks do not fit their place");
  found.bytes = found.bytes.first(request.bytes);
  if ((request.flags & kTable) != 0) {
    // Padded, so that the first task is aligned.
    const std::size_t table = (std::size_t{request.count} * 4 + detail::kCodecAlignment - 1) &
                              ~(detail::kCodecAlignment - 1);
    if (table > found.bytes.size()) throw DecodeError("the tasks do not fit their place");
    found.offsets = found.bytes.first(table);
    found.bytes = found.bytes.subspan(table);
  }
  return found;
}

// Results on their way: into the slot while they fit, then into memory of our own.
class Answer {
 public:
  Answer(std::span<std::byte> room) : room_(room) {}

  void add(std::span<const std::byte> bytes) {
    if (spill_.empty() && used_ + bytes.size() <= room_.size()) {
      std::memcpy(room_.data() + used_, bytes.data(), bytes.size());
    } else {
      if (spill_.empty()) spill_.assign(room_.begin(), room_.begin() + used_);
      spill_.insert(spill_.end(), bytes.begin(), bytes.end());
    }
    used_ += bytes.size();
  }
  bool in_slot() const { return spill_.empty(); }
  std::size_t bytes() const { return used_; }
  const std::vector<std::byte>& spill() const { return spill_; }

 private:
  std::span<std::byte> room_;
  std::size_t used_ = 0;
  std::vector<std::byte> spill_;
};

class FunctionBody : public worker::Body {
 public:
  FunctionBody(std::shared_ptr<void> state, const std::type_info* state_type)
      : state_(std::move(state)), state_type_(state_type) {
    for (const detail::Function* f = detail::functions(); f != nullptr; f = f->next) {
      if (f->run != nullptr) known_.emplace(detail::key_of(*f), f);
    }
  }

  std::string equipment() const override {
    return std::to_string(known_.size()) + (known_.size() == 1 ? " function" : " functions");
  }
  bool listen() override { return share::Registry::here().listen(); }
  void idle() override { release_given(); }
  void finish() override {
    state_.reset();
    std::fflush(nullptr);  // what tasks printed; the process ends without its exit handlers
  }
  void prepare(worker::Item&, std::size_t) override {}
  void run(std::span<worker::Item> items) override {
    for (worker::Item& item : items) run(item);
  }

 private:
  // Blocks that a result refers to: ours to hold until the pool holds them.
  struct Given {
    const ChunkRequest* request;
    std::uint32_t use;
    std::vector<std::shared_ptr<const void>> holders;
  };

  void run(worker::Item& item) {
    release_given();
    const auto* place = reinterpret_cast<const std::byte*>(item.input.data());
    const auto& request = *std::launder(reinterpret_cast<const ChunkRequest*>(place));
    auto& reply = *std::launder(reinterpret_cast<ChunkReply*>(item.result.data()));
    reply.running.store(0, memory_order_relaxed);
    reply.accepted.store(0, memory_order_relaxed);
    reply.elsewhere = {};
    reply.blocks = 0;
    reply.use.store(request.use, memory_order_release);
    const std::span<std::byte> room(reinterpret_cast<std::byte*>(item.result.data()) + sizeof reply,
                                    item.result.size() - sizeof reply);
    Answer answer(room);
    result_.clear();
    const auto begin = Clock::now();
    const std::uint32_t done = run_all(
        request, {place + sizeof request, item.input.size() - sizeof request}, reply, answer);
    reply.run_ns = static_cast<std::uint64_t>((Clock::now() - begin).count());
    reply.done = done;
    reply.bytes = answer.bytes();
    give(request, reply, answer, room);
    item.bytes = 0;
  }

  std::uint32_t run_all(const ChunkRequest& request, std::span<const std::byte> behind,
                        ChunkReply& reply, Answer& answer) {
    const auto found = known_.find(request.function);
    Arguments arguments;
    std::string trouble;
    if (found == known_.end()) {
      trouble =
          "the worker does not know this function: is it in a library that is loaded after "
          "headrace::init()?";
    } else if (found->second->state != nullptr &&
               (state_ == nullptr || *found->second->state != *state_type_)) {
      trouble = "the function wants another state than its pool's workers have: see worker_state()";
    } else {
      try {
        arguments = arguments_of(request, behind);
      } catch (const std::exception& e) {
        trouble = e.what();
      }
    }
    for (std::uint32_t task = 0; task < request.count; ++task) {
      if (request.cancelled.load(memory_order_relaxed) != 0) return task;
      reply.running.store(task, memory_order_release);
      result_.bytes().clear();
      if (trouble.empty()) {
        run_one(*found->second, arguments, task);
      } else {
        write_exception("headrace::DecodeError", trouble);
      }
      // Each result begins where its rows can be aligned as when it was written.
      if ((request.flags & kPadded) != 0) result_.align(detail::kCodecAlignment);
      answer.add(result_.bytes());
      // What refers to blocks, or does not lie in the slot, is lost with the worker.
      if (result_.references().empty() && answer.in_slot()) {
        reply.accepted.store(task + 1, memory_order_release);
      }
    }
    return request.count;
  }

  void run_one(const detail::Function& function, const Arguments& arguments, std::uint32_t task) {
    try {
      Decoder from(arguments.of(task));
      result_(std::uint8_t{0});
      function.run(from, result_, state_.get());
    } catch (const std::exception& e) {
      write_exception(sys::current_exception_name(), e.what());
    } catch (...) {
      write_exception(sys::current_exception_name(), "not a std::exception");
    }
  }

  void write_exception(std::string_view type, std::string_view message) {
    result_.bytes().clear();
    result_(std::uint8_t{1});
    result_(type);
    result_(message);
  }

  // Completes the reply with the names of the blocks that the results refer to.
  void give(const ChunkRequest& request, ChunkReply& reply, const Answer& answer,
            std::span<std::byte> room) {
    Given given{.request = &request, .use = request.use, .holders = {}};
    std::vector<shm::BlockName> names;
    for (const detail::Reference& reference : result_.references()) {
      given.holders.push_back(reference.holder);
      if (reference.segment == 0) continue;
      names.push_back({reference.segment, reference.block, reference.generation});
    }
    reply.blocks = static_cast<std::uint32_t>(names.size());
    const std::size_t names_bytes = names.size() * sizeof(shm::BlockName);
    std::byte* behind = nullptr;
    if (answer.in_slot() && answer.bytes() + names_bytes <= room.size()) {
      behind = room.data() + answer.bytes();
    } else {
      const auto block = detail::new_block(answer.bytes() + names_bytes, false);
      std::memcpy(block->data, answer.in_slot() ? room.data() : answer.spill().data(),
                  answer.bytes());
      behind = block->data + answer.bytes();
      reply.elsewhere = {block->segment, block->block, block->generation};
      given.holders.push_back(block);
    }
    if (!names.empty()) std::memcpy(behind, names.data(), names_bytes);
    if (!given.holders.empty()) given_.push_back(std::move(given));
  }

  void release_given() {
    std::erase_if(given_, [](const Given& given) {
      return given.request->use != given.use ||
             given.request->taken.load(memory_order_acquire) == given.use;
    });
  }

  std::shared_ptr<void> state_;
  const std::type_info* state_type_;
  std::unordered_map<std::uint64_t, const detail::Function*> known_;
  Encoder result_;
  std::list<Given> given_;
};

const detail::Function* function_of(std::uint64_t key) {
  for (const detail::Function* f = detail::functions(); f != nullptr; f = f->next) {
    if (detail::key_of(*f) == key) return f;
  }
  return nullptr;
}

}  // namespace

std::string to_json(const FunctionSettings& settings) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(settings.state_arguments.data());
  return nlohmann::json{{"state_maker", settings.state_maker},
                        {"state_arguments", std::vector<unsigned char>(
                                                bytes, bytes + settings.state_arguments.size())}}
      .dump();
}

Result<FunctionSettings> function_settings_from_json(std::string_view text) {
  try {
    const auto json = nlohmann::json::parse(text);
    FunctionSettings settings;
    json.at("state_maker").get_to(settings.state_maker);
    const auto bytes = json.at("state_arguments").get<std::vector<unsigned char>>();
    settings.state_arguments.assign(bytes.begin(), bytes.end());
    return settings;
  } catch (const nlohmann::json::exception& e) {
    return Error{std::string("the pool's settings are unreadable: ") + e.what()};
  }
}

Result<std::unique_ptr<worker::Body>> make_function_body(const shm::Brief& brief) {
  if (brief.participant == 0) {
    return Error{"all pools of a program together have at most " +
                 std::to_string(shm::kMaxParticipants - 1) + " workers"};
  }
  const Status became =
      share::Registry::here().become_worker(shm::Participant{brief.participant}, shm::kControlFd);
  if (!became) return became.error();
  sys::tell_before_fault(shm::kControlFd, static_cast<char>(shm::Greeting::last_words));
  Result<FunctionSettings> settings = function_settings_from_json(brief.body);
  if (!settings) return settings.error();
  if (settings->state_maker == 0) {
    return std::unique_ptr<worker::Body>(new FunctionBody(nullptr, nullptr));
  }
  const detail::Function* maker = function_of(settings->state_maker);
  if (maker == nullptr || maker->make_state == nullptr) {
    return Error{
        "the worker does not know the function that makes its state: is it in a library "
        "that is loaded after headrace::init()?"};
  }
  try {
    // Copied, because a decoder wants its bytes aligned.
    std::vector<std::byte> bytes(settings->state_arguments.size());
    if (!bytes.empty()) std::memcpy(bytes.data(), settings->state_arguments.data(), bytes.size());
    Decoder from(bytes);
    return std::unique_ptr<worker::Body>(new FunctionBody(maker->make_state(from), maker->state));
  } catch (const std::exception& e) {
    return Error{"the worker's state could not be made: " + sys::current_exception_name() + ": " +
                 e.what()};
  }
}

}  // namespace headrace::pool
