#include "server/line.h"

#include <simdjson.h>

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "shm/brief.h"
#include "shm/served.h"

namespace headrace::server {
namespace {

using namespace std::chrono_literals;
using std::chrono::duration_cast;
using std::chrono::microseconds;
using std::chrono::milliseconds;

// Without a living worker for so long, it is no longer a matter of a moment.
constexpr auto kMoment = 3s;
// For so long who was refused may still be about: slow senders are looked for more often than that.
constexpr auto kCrowd = 2s;
constexpr std::size_t kFailuresKept = 20;
constexpr std::size_t kMostOfMessage = 500;  // bytes

supervisor::FleetSettings with_escort(supervisor::FleetSettings settings,
                                      supervisor::Escort& escort) {
  settings.escort = &escort;
  return settings;
}

bool is_json(std::string_view text) {
  thread_local simdjson::dom::parser parser;
  return parser.parse(text.data(), text.size()).error() == simdjson::SUCCESS;
}

}  // namespace

Room::Room(Room&& other) noexcept
    : line_(std::exchange(other.line_, nullptr)), token_(other.token_) {}

Room::~Room() {
  if (line_ != nullptr) line_->release(line_->request(token_));
}

std::span<std::byte> Room::bytes() const {
  return line_->slots_.input(token_);
}

bool Room::resize(std::size_t bytes) {
  if (line_->slots_.resize_body(token_, bytes)) return true;
  if (bytes <= line_->settings_.slots.bodies.value) line_->no_room_ = Clock::now();
  return false;
}

void Room::keep_only() {
  Line::Request& mine = line_->request(token_);
  if (mine.stage == Line::Stage::filling) --line_->taken_;
  mine.stage = Line::Stage::kept;
}

Line::Line(LineSettings settings, shm::SlotArea slots, sys::Poller& poller, std::uint64_t first_tag,
           spdlog::logger& log)
    : settings_(std::move(settings)),
      log_(log),
      slots_(std::move(slots)),
      fleet_(with_escort(settings_.fleet, *this), slots_, poller, first_tag, log),
      requests_(slots_.count()) {}

Line::~Line() = default;

Result<Room, Line::Full> Line::admit(std::size_t bytes) {
  if (bytes > settings_.slots.bodies.value) {
    ++tally_->refused_ever;
    return Full::ever;
  }
  const std::optional<shm::Token> token =
      taken_ < settings_.queue ? slots_.claim_body(bytes) : std::nullopt;
  if (!token) {
    ++tally_->refused_queue;
    no_room_ = Clock::now();
    return Full::queue;
  }
  Request& taken = request(*token);
  taken.stage = Stage::filling;
  ++taken_;
  taken.token = *token;
  return Room(*this, *token);
}

std::uint64_t Line::submit(Room room, const Terms& terms, Answered answered) {
  const shm::Token token = room.token_;
  room.line_ = nullptr;
  Request& mine = request(token);
  mine.stage = Stage::waiting;
  mine.number = ++last_number_;
  mine.terms = terms;
  mine.since = Clock::now();
  mine.answered = std::move(answered);
  waiting_.emplace(turn(mine), token);
  open_by_number_.emplace(mine.number, token);
  if (terms.deadline != Clock::time_point::max()) deadlines_.emplace(terms.deadline, mine.number);
  ++open_;
  return mine.number;
}

Line::Turn Line::turn(const Request& request) const {
  const unsigned priority =
      request.terms.priority == 0 ? settings_.usual_priority : request.terms.priority;
  return {priority, request.number};
}

void Line::cancel(std::uint64_t number) {
  const auto found = open_by_number_.find(number);
  if (found == open_by_number_.end()) return;
  ++tally_->cancelled;
  leave(request(found->second));
}

// The client is answered or gone; the slot stays taken for as long as a worker may be at it.
void Line::leave(Request& request) {
  open_by_number_.erase(request.number);
  deadlines_.erase({request.terms.deadline, request.number});
  --open_;
  request.answered = {};
  if (request.stage == Stage::waiting) waiting_.erase(turn(request));
  if (request.stage != Stage::working) return release(request);
  if (const auto token = fleet_.withdraw(shm::token_slot(request.token))) {
    request.token = *token;
    return release(request);
  }
  request.stage = Stage::abandoned;
  abandoned_.insert(shm::token_slot(request.token));
}

// What nobody waits for is not tried again when its worker died.
void Line::reclaim() {
  for (const std::uint32_t slot :
       std::vector<std::uint32_t>(abandoned_.begin(), abandoned_.end())) {
    const std::optional<shm::Token> token = fleet_.withdraw(slot);
    if (!token) continue;
    requests_[slot].token = *token;
    release(requests_[slot]);
  }
}

void Line::release(Request& request) {
  const shm::Token token = request.token;
  if (request.stage != Stage::kept) --taken_;
  abandoned_.erase(shm::token_slot(token));
  request = {};
  slots_.release(token);
}

void Line::settle(Request& request, Answer answer) {
  const auto took = Clock::now() - request.since;
  tally_->request_time.add(took);
  tally_->latency.add(duration_cast<microseconds>(took));
  (answer.kind == Answer::Kind::result ? tally_->success : tally_->fail).add(took);
  if (answer.kind == Answer::Kind::late) ++tally_->late;
  if (answer.kind == Answer::Kind::failed) ++tally_->failed[static_cast<std::size_t>(answer.error)];
  tally_->attempts += answer.attempts - 1;
  answer.number = request.number;
  if (answer.kind != Answer::Kind::result) record_failure(answer);
  // It may submit the next request from within.
  const Answered answered = std::move(request.answered);
  leave(request);
  answered(std::move(answer));
}

void Line::record_failure(const Answer& answer) {
  const bool late = answer.kind == Answer::Kind::late;
  failures_->push_back({.number = answer.number,
                        .time = std::chrono::system_clock::now(),
                        .code = late ? "late" : headrace::name(answer.error),
                        .message = answer.message.substr(0, kMostOfMessage),
                        .request_id = {},
                        .attempts = answer.attempts,
                        .worker = answer.worker});
  if (failures_->size() > kFailuresKept) failures_->pop_front();
}

void Line::name_failure(std::uint64_t number, std::string_view request_id) {
  for (Failure& failure : *failures_) {
    if (failure.number == number) failure.request_id = request_id;
  }
}

void Line::expire(Clock::time_point now) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    const std::uint64_t number = deadlines_.begin()->second;
    settle(request(open_by_number_.at(number)),
           {.kind = Answer::Kind::late, .message = "the deadline of the request is over"});
  }
}

void Line::take_over(const Line& before) {
  tally_ = before.tally_;
  failures_ = before.failures_;
  // Past those that it may still give to requests that are being read.
  last_number_ = before.last_number_ + before.slots_.count();
}

void Line::refuse_open() {
  while (!open_by_number_.empty()) {
    settle(request(open_by_number_.begin()->second),
           {.kind = Answer::Kind::failed, .error = ItemError::cancelled, .message = *refusal_});
  }
}

void Line::take_finished(Clock::time_point now) {
  while (auto finished = fleet_.next_finished()) {
    Request& mine = request(finished->token);
    mine.token = finished->token;
    if (mine.stage == Stage::abandoned) {
      release(mine);
      continue;
    }
    Answer answer{.attempts = finished->attempts, .worker = finished->worker};
    if (!believe(*finished, mine, answer)) {
      fleet_.disbelieve(*finished, now);
      continue;
    }
    if (answer.kind == Answer::Kind::result) {
      tally_->queue.add(answer.queued);
      tally_->decode.add(answer.decode);
      tally_->infer.add(answer.infer);
      tally_->rows += mine.terms.rows;
      ++tally_->executions;
      tally_->last_inference = std::chrono::system_clock::now();
    }
    // The worker is done with the slot, whatever comes of the answer.
    mine.stage = Stage::done;
    settle(mine, std::move(answer));
  }
}

// False: the worker wrote what it cannot have meant.
bool Line::believe(const supervisor::Finished& finished, const Request& mine, Answer& answer) {
  if (finished.failure) {
    answer.kind = Answer::Kind::failed;
    answer.error = finished.failure->code;
    answer.message = finished.failure->message;
    return true;
  }
  if (!slots_.read_reply(finished.token, reply_)) return false;
  if (reply_.error) {
    answer.kind = Answer::Kind::failed;
    answer.error = *reply_.error;
    answer.message = to_utf8(reply_.text);
    return true;
  }
  answer.result = std::move(reply_.text);
  const auto result = shm::read_served_result(std::as_bytes(std::span(answer.result)));
  if (!result) return false;
  if (result->kind == shm::ServedResultKind::json && !is_json(result->json)) return false;
  answer.queued =
      std::max(microseconds(0), duration_cast<microseconds>(reply_.started - mine.since));
  answer.decode = reply_.decode;
  answer.infer = reply_.infer;
  return true;
}

void Line::hand_on(Clock::time_point now) {
  if (waiting_.empty()) return;
  const std::uint32_t batch = settings_.fleet.batch;
  if (settings_.delay > 0us && waiting_.size() < batch &&
      now < request(waiting_.begin()->second).since + settings_.delay) {
    return;
  }
  for (std::size_t room = fleet_.appetite(); room > 0 && !waiting_.empty(); --room) {
    const shm::Token token = waiting_.begin()->second;
    waiting_.erase(waiting_.begin());
    request(token).stage = Stage::working;
    fleet_.add(token);
  }
}

void Line::step(Clock::time_point now) {
  fleet_.step(now);
  take_finished(now);
  expire(now);
  if (refusal_) refuse_open();
  if (!abandoned_.empty()) reclaim();
  hand_on(now);
  fleet_.dispatch(now);
  if (fleet_.able()) last_able_ = now;
}

milliseconds Line::patience(Clock::time_point now) const {
  milliseconds wait = fleet_.patience(now);
  const auto until = [&](Clock::time_point then) {
    wait = std::min(wait, std::max(std::chrono::ceil<milliseconds>(then - now), 0ms));
  };
  if (!deadlines_.empty()) until(deadlines_.begin()->first);
  if (!waiting_.empty() && settings_.delay > 0us) {
    // Once that is over, a worker that becomes free is the next event.
    const auto over = requests_[shm::token_slot(waiting_.begin()->second)].since + settings_.delay;
    if (over > now) until(over);
  }
  return wait;
}

bool Line::ready(Clock::time_point now) const {
  if (fleet_.hopeless()) return false;
  return fleet_.able() || (last_able_ != Clock::time_point{} && now - last_able_ < kMoment);
}

bool Line::crowded(Clock::time_point now) const {
  return no_room_ && now - *no_room_ < kCrowd;
}

std::chrono::seconds Line::until_done() const {
  const Spent& infer = tally_->infer;
  const std::chrono::duration<double> all = infer.time + tally_->decode.time;
  const double turns = static_cast<double>(taken_) / std::max<std::uint32_t>(1, fleet_.active());
  const auto needed = all / std::max<std::uint64_t>(1, infer.count) * turns;
  return std::clamp(
      std::chrono::ceil<std::chrono::seconds>(std::min<decltype(needed)>(needed, 60s)), 1s, 60s);
}

Bytes Line::bytes_in_flight() const {
  return {settings_.slots.bodies.value - slots_.bodies_free().value};
}

bool Line::heard(std::uint32_t worker, std::span<const char> message,
                 std::vector<sys::Fd> /*passed*/) {
  if (message.empty() || message.front() != shm::kSignature || signature_) return false;
  Result<oip::Signature> said =
      oip::read_signature(std::string_view(message.data() + 1, message.size() - 1));
  if (said) {
    signature_ = std::move(*said);
  } else if (nonsensical_.insert(worker).second) {  // it may say it a thousand times
    log_.error("{}: worker {} describes its model in a way that makes no sense: {}", settings_.name,
               worker, said.error().message);
  }
  return false;
}

}  // namespace headrace::server
