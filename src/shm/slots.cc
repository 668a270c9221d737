#include "shm/slots.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>

namespace headrace::shm {
namespace {

constexpr std::uint32_t to_line(std::uint32_t bytes) {
  return (bytes + static_cast<std::uint32_t>(kLine) - 1) & ~(static_cast<std::uint32_t>(kLine) - 1);
}

constexpr std::uint32_t kInputAt = sizeof(RequestFormat) + sizeof(ReplyFormat);

std::uint32_t stride_of(const SlotSizes& sizes) {
  return kInputAt + to_line(sizes.input_capacity) + to_line(sizes.result_capacity);
}

template <class T>
T& at(std::byte* place) {
  return *std::launder(reinterpret_cast<T*>(place));
}

std::uint32_t microseconds(std::chrono::nanoseconds time) {
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(time).count();
  return static_cast<std::uint32_t>(
      std::clamp<std::int64_t>(us, 0, std::numeric_limits<std::uint32_t>::max()));
}

}  // namespace

Bytes SlotSizes::total() const {
  return Bytes{sizeof(SlotsFormat) + std::uint64_t{stride_of(*this)} * count};
}

Result<SlotArea> SlotArea::create(const SlotSizes& sizes) {
  Result<sys::SharedMemory> memory = sys::SharedMemory::create("headrace-slots", sizes.total());
  if (!memory) return memory.error();
  auto* format = new (memory->bytes().data()) SlotsFormat{};
  format->version = kSlotsVersion;
  format->count = sizes.count;
  format->stride = stride_of(sizes);
  format->input_capacity = to_line(sizes.input_capacity);
  format->result_capacity = to_line(sizes.result_capacity);
  format->magic = kSlotsMagic;
  return SlotArea(std::move(*memory), sizes);
}

SlotArea::SlotArea(sys::SharedMemory memory, const SlotSizes& sizes)
    : memory_(std::move(memory)),
      stride_(stride_of(sizes)),
      input_capacity_(to_line(sizes.input_capacity)),
      result_capacity_(to_line(sizes.result_capacity)),
      generation_(sizes.count, 0) {
  for (std::uint32_t i = sizes.count; i > 0; --i) free_.push_back(i - 1);
}

std::byte* SlotArea::slot(std::uint32_t index) const {
  return memory_.bytes().data() + sizeof(SlotsFormat) + std::size_t{stride_} * index;
}

RequestFormat& SlotArea::request(std::uint32_t index) const {
  return at<RequestFormat>(slot(index));
}

std::optional<Token> SlotArea::claim(std::string_view input) {
  const std::optional<Token> token = claim(static_cast<std::uint32_t>(input.size()));
  if (token) std::memcpy(slot(token_slot(*token)) + kInputAt, input.data(), input.size());
  return token;
}

std::optional<Token> SlotArea::claim(std::uint32_t bytes) {
  if (free_.empty()) return std::nullopt;
  const std::uint32_t index = free_.back();
  free_.pop_back();
  RequestFormat& request = this->request(index);
  request.generation = ++generation_[index];
  request.input_bytes = bytes;
  return make_token(index, request.generation);
}

std::span<std::byte> SlotArea::input(Token token) const {
  return {slot(token_slot(token)) + kInputAt, input_capacity_};
}

std::span<const std::byte> SlotArea::result(Token token) const {
  return {slot(token_slot(token)) + kInputAt + input_capacity_, result_capacity_};
}

void SlotArea::release(Token token) {
  free_.push_back(token_slot(token));
}

Token SlotArea::renew(Token token) {
  const std::uint32_t index = token_slot(token);
  request(index).generation = ++generation_[index];
  return make_token(index, generation_[index]);
}

bool SlotArea::read_reply(Token token, Reply& reply) const {
  std::byte* place = slot(token_slot(token));
  // One copy first: what is checked below must be what is used below.
  ReplyFormat copy{};
  std::memcpy(&copy, place + sizeof(RequestFormat), sizeof copy);
  if (copy.generation != token_generation(token)) return false;
  if (copy.result_bytes > result_capacity_) return false;
  reply.error.reset();
  if (copy.error != 0) {
    reply.error = item_error_from(copy.error);
    if (!reply.error) return false;
  }
  const std::byte* text = place + kInputAt + input_capacity_;
  reply.text.assign(reinterpret_cast<const char*>(text), copy.result_bytes);
  reply.started = std::chrono::steady_clock::time_point(std::chrono::nanoseconds(copy.started_ns));
  reply.decode = std::chrono::microseconds(copy.decode_us);
  reply.infer = std::chrono::microseconds(copy.infer_us);
  return true;
}

void SlotArea::set_supervisor_asleep(bool asleep) {
  if (asleep && ++sleeps_ == 0) ++sleeps_;  // after 2^32 sleeps
  at<SlotsFormat>(memory_.bytes().data())
      .supervisor_asleep.store(asleep ? sleeps_ : 0, std::memory_order_seq_cst);
}

Result<SlotView> SlotView::attach(sys::Fd fd) {
  Result<sys::SharedMemory> memory =
      sys::SharedMemory::attach(std::move(fd), Bytes{sizeof(SlotsFormat)});
  if (!memory) return memory.error();
  SlotView view(std::move(*memory));
  const SlotsFormat& format = view.format();
  if (format.magic != kSlotsMagic || format.version != kSlotsVersion) {
    return Error{"the slots are of another version of headrace"};
  }
  view.count_ = format.count;
  view.stride_ = format.stride;
  view.input_capacity_ = format.input_capacity;
  view.result_capacity_ = format.result_capacity;
  if (std::uint64_t{view.stride_} !=
          std::uint64_t{kInputAt} + view.input_capacity_ + view.result_capacity_ ||
      view.memory_.bytes().size() <
          sizeof(SlotsFormat) + std::uint64_t{view.stride_} * view.count_) {
    return Error{"the slots do not fit their memory"};
  }
  return view;
}

SlotView::SlotView(sys::SharedMemory memory) : memory_(std::move(memory)) {}

const SlotsFormat& SlotView::format() const {
  return at<const SlotsFormat>(memory_.bytes().data());
}

std::byte* SlotView::slot(Token token) const {
  const std::uint32_t index = std::min(token_slot(token), count_ - 1);
  return memory_.bytes().data() + sizeof(SlotsFormat) + std::size_t{stride_} * index;
}

std::string_view SlotView::input(Token token) const {
  if (token_slot(token) >= count_) return {};
  std::byte* place = slot(token);
  const std::uint32_t bytes = std::min(at<RequestFormat>(place).input_bytes, input_capacity_);
  return {reinterpret_cast<const char*>(place + kInputAt), bytes};
}

std::span<char> SlotView::result(Token token) const {
  return {reinterpret_cast<char*>(slot(token) + kInputAt + input_capacity_), result_capacity_};
}

void SlotView::write_reply(Token token, std::optional<ItemError> error, std::size_t bytes,
                           std::chrono::steady_clock::time_point started,
                           std::chrono::nanoseconds decode, std::chrono::nanoseconds infer) const {
  auto& reply = at<ReplyFormat>(slot(token) + sizeof(RequestFormat));
  reply.generation = token_generation(token);
  reply.error = error ? static_cast<std::uint32_t>(*error) : 0;
  reply.result_bytes = static_cast<std::uint32_t>(std::min<std::size_t>(bytes, result_capacity_));
  reply.started_ns =
      std::chrono::duration_cast<std::chrono::nanoseconds>(started.time_since_epoch()).count();
  reply.decode_us = microseconds(decode);
  reply.infer_us = microseconds(infer);
}

// One ring a sleep is enough: if this still finds the number of a sleep in which it rang, the
// supervisor has yet to wake, and will then see everything that was published until now.
bool SlotView::should_ring() {
  const std::uint32_t sleep = format().supervisor_asleep.load(std::memory_order_seq_cst);
  if (sleep == 0 || sleep == rung_in_) return false;
  rung_in_ = sleep;
  return true;
}

}  // namespace headrace::shm
