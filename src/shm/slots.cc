#include "shm/slots.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>

namespace headrace::shm {
namespace {

template <class Number>
constexpr Number to_line(Number bytes) {
  constexpr auto kStep = static_cast<Number>(kLine);
  return (bytes + kStep - 1) / kStep * kStep;
}

// What a body of so many bytes takes; an empty one has a place too.
constexpr std::uint64_t body_of(std::uint64_t bytes) {
  return std::max<std::uint64_t>(to_line(bytes), kLine);
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
  return Bytes{sizeof(SlotsFormat) + std::uint64_t{stride_of(*this)} * count +
               to_line(bodies.value)};
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
      generation_(sizes.count, 0),
      inputs_(sizes.count),
      bodies_at_(sizeof(SlotsFormat) + std::uint64_t{stride_} * sizes.count),
      bodies_(to_line(sizes.bodies.value)) {
  for (std::uint32_t i = sizes.count; i > 0; --i) free_.push_back(i - 1);
  for (std::uint32_t i = 0; i < sizes.count; ++i) inputs_[i].at = place_in_slot(i);
}

std::byte* SlotArea::slot(std::uint32_t index) const {
  return memory_.bytes().data() + sizeof(SlotsFormat) + std::size_t{stride_} * index;
}

std::uint64_t SlotArea::place_in_slot(std::uint32_t index) const {
  return sizeof(SlotsFormat) + std::uint64_t{stride_} * index + kInputAt;
}

std::optional<Token> SlotArea::claim(std::string_view input) {
  const std::optional<Token> token = claim(static_cast<std::uint32_t>(input.size()));
  if (token) std::memcpy(slot(token_slot(*token)) + kInputAt, input.data(), input.size());
  return token;
}

std::optional<Token> SlotArea::claim(std::uint32_t bytes) {
  if (free_.empty()) return std::nullopt;
  return hand_out({.at = place_in_slot(free_.back()), .bytes = bytes});
}

std::optional<Token> SlotArea::claim_body(std::size_t bytes) {
  if (free_.empty() || bytes > bodies_.total()) return std::nullopt;
  const std::optional<std::uint64_t> at = bodies_.take(body_of(bytes), kLine);
  if (!at) return std::nullopt;
  return hand_out({.at = bodies_at_ + *at, .bytes = bytes, .body = body_of(bytes)});
}

// A use of the free slot that was given back last.
Token SlotArea::hand_out(const Input& input) {
  const std::uint32_t index = free_.back();
  free_.pop_back();
  inputs_[index] = input;
  ++generation_[index];
  write_request(index);
  return make_token(index, generation_[index]);
}

void SlotArea::write_request(std::uint32_t index) const {
  auto& request = at<RequestFormat>(slot(index));
  request.generation = generation_[index];
  request.input_at = inputs_[index].at;
  request.input_bytes = inputs_[index].bytes;
}

bool SlotArea::resize_body(Token token, std::size_t bytes) {
  const std::uint32_t index = token_slot(token);
  Input& input = inputs_[index];
  if (bytes > input.body + bodies_.total()) return false;
  const std::uint64_t start = input.at - bodies_at_, wanted = body_of(bytes);
  if (wanted < input.body) {
    bodies_.give_back(start + wanted, input.body - wanted);
  } else if (wanted > input.body && !bodies_.take_at(start + input.body, wanted - input.body)) {
    const std::optional<std::uint64_t> place = bodies_.take(wanted, kLine);
    if (!place) return false;
    std::byte* const all = memory_.bytes().data() + bodies_at_;
    std::memcpy(all + *place, all + start, input.bytes);
    bodies_.give_back(start, input.body);
    input.at = bodies_at_ + *place;
  }
  input.bytes = bytes;
  input.body = wanted;
  write_request(index);
  return true;
}

std::span<std::byte> SlotArea::input(Token token) const {
  const Input& input = inputs_[token_slot(token)];
  return memory_.bytes().subspan(input.at, input.body > 0 ? input.bytes : input_capacity_);
}

std::span<const std::byte> SlotArea::result(Token token) const {
  return {slot(token_slot(token)) + kInputAt + input_capacity_, result_capacity_};
}

void SlotArea::release(Token token) {
  const std::uint32_t index = token_slot(token);
  Input& input = inputs_[index];
  if (input.body > 0) bodies_.give_back(input.at - bodies_at_, input.body);
  input = {.at = place_in_slot(index)};
  free_.push_back(index);
}

Token SlotArea::renew(Token token) {
  const std::uint32_t index = token_slot(token);
  ++generation_[index];
  write_request(index);
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
  // One copy first: another worker may scribble here.
  RequestFormat request{};
  std::memcpy(&request, slot(token), sizeof request);
  const std::uint64_t all = memory_.bytes().size();
  if (request.input_at > all || request.input_bytes > all - request.input_at) return {};
  return {reinterpret_cast<const char*>(memory_.bytes().data()) + request.input_at,
          request.input_bytes};
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
