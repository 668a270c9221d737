// Who holds or owns something in shared memory: one process, for the time of its life.
//
// Not a process id: those are reused, and differ between pid namespaces. A participant is a place,
// given out by the first process (the keeper), and the number of that place's tenant. The keeper
// alone knows which participants live; it repairs what a dead one left behind, after it was reaped.
#pragma once

#include <compare>
#include <cstdint>

namespace headrace::shm {

inline constexpr std::uint32_t kMaxParticipants = 256;

struct Participant {
  std::uint32_t word = 0;  // [0:8][tenant:16][place:8]; 0 is nobody, so tenants count from 1

  static constexpr Participant of(std::uint32_t place, std::uint32_t tenant) {
    return {(tenant & 0xFFFF) << 8 | (place & 0xFF)};
  }
  constexpr std::uint32_t place() const { return word & 0xFF; }
  constexpr std::uint32_t tenant() const { return word >> 8 & 0xFFFF; }
  constexpr explicit operator bool() const { return word != 0; }
  friend constexpr bool operator==(Participant, Participant) = default;
};

inline constexpr Participant kNobody{};

// A block of a segment of arrays, by name. What carries one (a queue's record, a task) keeps the
// block alive; see array/segment.h.
struct BlockName {
  std::uint64_t segment = 0;  // random, never 0
  std::uint32_t block = 0;
  std::uint32_t generation = 0;  // rises with each use of the block
  friend constexpr bool operator==(const BlockName&, const BlockName&) = default;
};
static_assert(sizeof(BlockName) == 16);

}  // namespace headrace::shm
