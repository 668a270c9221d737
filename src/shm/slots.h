// Slots: a fixed number of places in shared memory, one for each item in flight.
//
// Their number is the bound on what is in flight: when none is free, admission waits. Who owns a
// slot is the supervisor's private knowledge; nothing in shared memory can make it forget one or
// hand one out twice.
//
// Most inputs are names, and lie in their slots. One of any size, the bytes of a request say, gets a
// body: a part of the room behind the slots, for as long as it has its slot.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "shm/free_ranges.h"
#include "shm/slots_format.h"
#include "sys/memory.h"

namespace headrace::shm {

struct SlotSizes {
  std::uint32_t count = 64;
  std::uint32_t input_capacity = 4096;   // bytes; rounded up to a cache line
  std::uint32_t result_capacity = 4096;  // bytes; rounded up to a cache line
  Bytes bodies{};                        // room for inputs outside the slots, for all of them
  Bytes total() const;                   // what create() reserves
};

// A worker's answer, copied out of shared memory and checked for range; its text is not yet
// checked.
struct Reply {
  std::optional<ItemError> error;
  std::string text;  // the result as JSON, or the error's message
  std::chrono::steady_clock::time_point started;
  std::chrono::microseconds decode{0};
  std::chrono::microseconds infer{0};
};

// The supervisor's side. One thread.
class SlotArea {
 public:
  static Result<SlotArea> create(const SlotSizes& sizes);

  int fd() const { return memory_.fd(); }
  std::uint32_t count() const { return static_cast<std::uint32_t>(generation_.size()); }
  std::uint32_t free() const { return static_cast<std::uint32_t>(free_.size()); }
  std::uint32_t input_capacity() const { return input_capacity_; }
  std::uint32_t result_capacity() const { return result_capacity_; }

  // Takes a free slot and writes its request; nothing when all are in use. `input` must fit.
  std::optional<Token> claim(std::string_view input);
  // The same, for a request of so many bytes that the caller writes itself, before it sends the token.
  std::optional<Token> claim(std::uint32_t bytes);
  // A free slot with a body of `bytes`, aligned to 64, that the caller writes before it sends the
  // token. Nothing when slots or bytes run out.
  std::optional<Token> claim_body(std::size_t bytes);
  // Gives what claim_body() returned another size, before its token is sent. What is left over goes
  // back; what is missing is taken behind it, or else the body moves with its content, so ask
  // input() anew. False, and nothing has changed, when there is no room.
  bool resize_body(Token token, std::size_t bytes);
  Bytes bodies_free() const { return {bodies_.total()}; }
  Bytes largest_free() const { return {bodies_.largest()}; }  // the largest body that finds room

  // The slot's two halves as bytes, for owners that lay out more than a name in them: all the room
  // that a slot has, or the body. The result half is the worker's to write, at any moment until it
  // is reaped or has answered: copy, then check.
  std::span<std::byte> input(Token token) const;
  std::span<const std::byte> result(Token token) const;
  // Gives the slot back, and its body. Only when no living worker holds its token.
  void release(Token token);
  // A new generation for another attempt, so that nothing which the dead worker left is taken for
  // an answer. The input stays, and the request is written anew.
  Token renew(Token token);
  // The answer to `token`; nothing when the worker wrote something impossible. Reuses `reply`'s
  // memory.
  bool read_reply(Token token, Reply& reply) const;

  // While true, each worker rings the supervisor's bell after its first result.
  void set_supervisor_asleep(bool asleep);

 private:
  // Where the input of a slot is.
  struct Input {
    std::uint64_t at = 0;     // from the start of the memory
    std::uint64_t bytes = 0;  // as the worker is told
    std::uint64_t body = 0;   // how much of the bodies it has; 0: it lies in its slot
  };

  SlotArea(sys::SharedMemory memory, const SlotSizes& sizes);
  std::byte* slot(std::uint32_t index) const;
  std::uint64_t place_in_slot(std::uint32_t index) const;
  Token hand_out(const Input& input);
  void write_request(std::uint32_t index) const;
  sys::SharedMemory memory_;
  // Private copies: the header in shared memory is for workers to read, and theirs to spoil.
  std::uint32_t stride_;
  std::uint32_t input_capacity_;
  std::uint32_t result_capacity_;
  std::vector<std::uint32_t> free_;  // last in, first out: warm slots stay warm
  std::vector<std::uint32_t> generation_;
  std::vector<Input> inputs_;
  std::uint64_t bodies_at_;   // where the bodies begin
  FreeRanges bodies_;         // of them, counted from there
  std::uint32_t sleeps_ = 0;  // the number of the last sleep
};

// A worker's side. One thread.
class SlotView {
 public:
  static Result<SlotView> attach(sys::Fd fd);

  // The input: its name, or its body. Empty for a token that names no slot, and for a request that
  // points out of the memory.
  std::string_view input(Token token) const;
  // Room for the result.
  std::span<char> result(Token token) const;
  // Completes the reply half; `bytes` of result() are valid.
  void write_reply(Token token, std::optional<ItemError> error, std::size_t bytes,
                   std::chrono::steady_clock::time_point started, std::chrono::nanoseconds decode,
                   std::chrono::nanoseconds infer) const;
  // Whether the supervisor sleeps and this worker has not rung in this sleep of its; then it must.
  bool should_ring();

 private:
  explicit SlotView(sys::SharedMemory memory);
  const SlotsFormat& format() const;
  std::byte* slot(Token token) const;
  sys::SharedMemory memory_;
  // Copied once at attach and checked against the size of the memory.
  std::uint32_t count_ = 0;
  std::uint32_t stride_ = 0;
  std::uint32_t input_capacity_ = 0;
  std::uint32_t result_capacity_ = 0;
  std::uint32_t rung_in_ = 0;  // the sleep in which it rang last
};

}  // namespace headrace::shm
