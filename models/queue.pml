/* Is the shared queue right if any process is killed between any two of its steps?

   Tests kill real processes at real instructions, but only in the orders in which the machine happens
   to run them. Here Spin takes every order. One step is one access to shared memory: a load, a store or
   a compare-and-swap (a d_step, which is only the access and private work). A process may be killed
   before each step; what it held is then mended by a keeper, which may be killed as well, step by step.

   The sizes, who takes part and what is broken on purpose (WRONG_...) come as -D flags from models/check.
   See README.md for what is left out. */

#ifndef N
#define N 2 /* records */
#endif
#ifndef R
#define R 4 /* slots of the ring */
#endif
#ifndef PRODUCERS
#define PRODUCERS 2
#endif
#ifndef CONSUMERS
#define CONSUMERS 2
#endif
#ifndef PUTS
#define PUTS 1 /* items of each producer */
#endif
#ifndef GETS
#define GETS 1 /* items each consumer takes; with CLOSE it goes on until the queue has ended */
#endif
#ifndef KILLS
#define KILLS 1
#endif
#define LIMIT 2 /* attempts */

/* Participants: producers 1 2, consumers 3 4, keepers 5 6, collector of dead letters 7. */
#define P0 1
#define C0 3
#define K0 5
#define COLLECTOR 7
#define BIT(p) (1 << (p))
#define ALL_CONSUMERS (BIT(3) | BIT(4))
#define ALL_PRODUCERS (BIT(1) | BIT(2))
#define FIRST_ONES (BIT(1) | BIT(3))
#define SECOND_ONES (BIT(2) | BIT(4))

/* ---- shared memory ---- */
#define FREE 0
#define WRITING 1
#define QUEUED 2
#define RUNNING 3
#define QUARANTINED 4
#define COLLECTING 5
#define WORD(gen, attempts, state, owner) (((gen) << 8) | ((attempts) << 6) | ((state) << 3) | (owner))
#define GEN(word) ((word) >> 8)
#define ATTEMPTS(word) (((word) >> 6) & 3)
#define STATE(word) (((word) >> 3) & 7)
#define OWNER(word) ((word) & 7)

/* A slot: lap, and the stamp of an entry (generation, attempts, record + 1) or 0. */
#define STAMP(word, record) ((GEN(word) << 4) | (ATTEMPTS(word) << 2) | ((record) + 1))
#define SLOT(position, stamp) ((((position) / R) << 8) | (stamp))
#define LAP(slot) ((slot) >> 8)
#define STAMP_OF(slot) ((slot) & 255)
#define RECORD_OF(slot) (((slot) & 3) - 1)

short word[N];
byte payload[N]; /* the number of the item, 0: none yet */
short ring[R];
byte head, tail;
bool closed;

/* An eventcount's sequence number is only ever compared for equality with the value that a waiter read:
   so one bit per waiter says whether it was bumped since. Consumers wait for not_empty, producers for
   not_full. A wake may go to a sleeper that is already dead. The number of waiters has an epoch, which rises
   when a repair counts anew: one bit says whether it is still the one in which a waiter counted itself in. */
byte bumped, asleep, counted;
byte waiting_consumers, waiting_producers;

/* ---- what the checks look at; no process of the queue reads it ---- */
byte dead, finished, ended;
byte kills = KILLS;
#define ITEMS (PRODUCERS * PUTS)
byte returned;  /* items whose put returned, one bit each */
byte completed; /* acknowledged, or collected as dead letters */
#ifdef COLLECT
byte collected;
#endif

#define PRIVATE \
  short w = 0, v = 0;        /* a slot and a control word, as read */ \
  byte r = 0, t = 0, u = 0;  /* a record; a position of the ring; one more */ \
  byte item = 0, left = 0; \
  bool found = false, waits = false;
/* What a finished or dead process knew would only tell equal states apart. */
#define FORGET \
  w = 0; \
  v = 0; \
  r = 0; \
  t = 0; \
  u = 0; \
  item = 0; \
  left = 0; \
  found = false; \
  waits = false

/* Every step is `if :: the access OR_DIE fi`. The second keeper lives: somebody has to mend the last death. */
#define OR_DIE \
  :: atomic { \
    kills > 0 && me != K0 + 1 -> kills--; \
    dead = dead | BIT(me); \
    FORGET; \
    goto gone \
  }

#define SWAP(cell, old, new, done) \
  if \
  :: cell == (old) -> cell = (new); done \
  :: else \
  fi

/* ---- waking ---- */
/* After the publication: only who counted himself in before can have missed it. */
inline wake_one(sleepers, count) {
  if :: d_step { u = count } OR_DIE fi;
  if
  :: u > 0 ->
     if :: d_step { bumped = bumped | (sleepers) } OR_DIE fi;
     if /* FUTEX_WAKE 1: which one is for the kernel to say */
     :: d_step { (asleep & (sleepers)) == 0 -> u = 0 }
     :: d_step { (asleep & (sleepers) & FIRST_ONES) != 0 -> asleep = asleep & ~((sleepers) & FIRST_ONES); u = 0 }
     :: d_step { (asleep & (sleepers) & SECOND_ONES) != 0 -> asleep = asleep & ~((sleepers) & SECOND_ONES); u = 0 }
     OR_DIE
     fi
  :: else
  fi
}

inline wake_all(sleepers) {
  if :: d_step { bumped = bumped | (sleepers) } OR_DIE fi;
  if :: d_step { asleep = asleep & ~(sleepers) } OR_DIE fi
}

/* The dead were counted, so the count begins anew; who lives comes again, and is not counted out twice. */
inline recount(sleepers, count) {
#ifdef WRONG_COUNT_WITHOUT_EPOCH
  if :: d_step { count = 0 } OR_DIE fi;
#else
  if :: d_step { count = 0; counted = counted & ~(sleepers) } OR_DIE fi;
#endif
  wake_all(sleepers)
}

/* What may have been the last thing before the end concerns everybody who waits for the end. */
inline tell_if_closed() {
  skip;
#ifdef CLOSE
  if :: d_step { found = closed } OR_DIE fi;
#ifndef WRONG_LAST_ONE_SILENT
  if
  :: found -> wake_all(ALL_CONSUMERS)
  :: else
  fi
#endif
#endif
}

/* FUTEX_WAIT: sleeps only if nothing was bumped since the waiter read the sequence number. */
inline sleep() {
  if
  :: d_step { if :: (bumped & BIT(me)) == 0 -> asleep = asleep | BIT(me) :: else fi }
  OR_DIE
  fi;
  if
  :: d_step { (asleep & BIT(me)) == 0 -> skip }
  OR_DIE
  fi
}

#define READ_SEQUENCE \
  if :: d_step { bumped = bumped & ~BIT(me) } OR_DIE fi

/* waiters + 1, then the sequence number; again if a recount came in between. */
inline count_in(count) {
  if
  :: waits ->
     do
     :: if :: d_step { count++; counted = counted | BIT(me) } OR_DIE fi;
#ifndef WRONG_SEQUENCE_READ_LATE
        READ_SEQUENCE;
#endif
        if :: d_step { u = counted & BIT(me) } OR_DIE fi;
        if
        :: u -> u = 0; break
        :: else
        fi
     od
  :: else
  fi
}

/* waiters - 1, if the epoch is still that of counting in. */
inline count_out(count) {
  if
  :: waits ->
     if
     :: d_step {
          if
          :: counted & BIT(me) -> count--; counted = counted & ~BIT(me)
          :: else
          fi
        }
     OR_DIE
     fi
  :: else
  fi
}

/* ---- the ring ---- */
/* Pushes record r as word v has it. The ring is never full: at most N live entries and one stale one. */
inline push() {
  do
  :: if :: d_step { t = tail } OR_DIE fi;
     if :: d_step { w = ring[t % R] } OR_DIE fi;
     if
     :: w == SLOT(t, 0) ->
        found = false;
        if :: d_step { SWAP(ring[t % R], w, SLOT(t, STAMP(v, r)), found = true); w = 0 } OR_DIE fi;
        if
        :: found ->
           if :: d_step { SWAP(tail, t, t + 1, skip); t = 0 } OR_DIE fi;
           break
        :: else
        fi
     :: else -> /* filled, or already retired: the tail is behind (or was when it was read) */
        assert(LAP(w) >= t / R || tail != t);
#ifdef WRONG_TAIL_NOT_HELPED
        if :: d_step { tail != t -> skip } OR_DIE fi
#else
        if :: d_step { SWAP(tail, t, t + 1, skip) } OR_DIE fi
#endif
     fi
  od;
  found = false
}

/* Takes the entry w at position t out of the ring; whoever comes first does it. */
inline retire() {
  if :: d_step { SWAP(ring[t % R], w, SLOT(t + R, 0), skip) } OR_DIE fi;
  if :: d_step { SWAP(head, t, t + 1, skip) } OR_DIE fi
}

/* found: record r runs under this process, its word is v. */
inline pop() {
  found = false;
  do
  :: if :: d_step { t = head } OR_DIE fi;
     if :: d_step { w = ring[t % R] } OR_DIE fi;
     if
     :: w == SLOT(t, 0) -> break
     :: LAP(w) != t / R -> if :: d_step { SWAP(head, t, t + 1, skip) } OR_DIE fi
     :: else ->
        r = RECORD_OF(w);
        if :: d_step { v = word[r] } OR_DIE fi;
        if
        :: STATE(v) == QUEUED && STAMP(v, r) == STAMP_OF(w) ->
#ifdef WRONG_RETIRE_BEFORE_CLAIM
           retire();
#endif
           if
           :: d_step {
                if
                :: word[r] == v -> v = WORD(GEN(v), ATTEMPTS(v), RUNNING, me); word[r] = v; found = true
                :: else
                fi
              }
           OR_DIE
           fi;
           if
           :: found -> retire(); break
           :: else
           fi
        :: else -> retire()
        fi
     fi
  od;
  t = 0;
  w = 0
}

/* ---- the operations ---- */
/* One try. found: the item is in the queue. `left` is set to 0 when the queue refuses. */
inline try_put() {
  found = false;
#ifdef CLOSE
  if :: d_step { u = closed } OR_DIE fi;
  if
  :: u -> left = 0; u = 0
  :: else ->
#endif
  r = 0;
  do
  :: r < N && !found ->
     if :: d_step { v = word[r] } OR_DIE fi;
     if
     :: STATE(v) == FREE ->
        if
        :: d_step {
             if
             :: word[r] == v -> v = WORD(GEN(v), 0, WRITING, me); word[r] = v; found = true
             :: else
             fi
           }
        OR_DIE
        fi
     :: else
     fi;
     if :: !found -> r++ :: else fi
  :: else -> break
  od;
#ifdef CLOSE
#ifndef WRONG_CLOSED_READ_ONCE
  /* Closed between the first look and the claim: whoever looked for the end may have seen this record free. */
  if
  :: found ->
     if :: d_step { u = closed } OR_DIE fi;
     if
     :: u ->
        if :: d_step { assert(word[r] == v); word[r] = WORD(GEN(v) + 1, 0, FREE, 0); v = 0; u = 0; left = 0 } OR_DIE fi;
#ifndef WRONG_GIVING_UP_SILENT
        wake_all(ALL_CONSUMERS);
#endif
        found = false
     :: else
     fi
  :: else
  fi;
#endif
#endif
  if
  :: found ->
     if :: d_step { payload[r] = item } OR_DIE fi;
#ifdef WRONG_PUSH_BEFORE_QUEUED
     push();
#endif
     if
     :: d_step { assert(word[r] == v); v = WORD(GEN(v), 0, QUEUED, me); word[r] = v }
     OR_DIE
     fi;
#ifdef WRONG_WAKE_BEFORE_PUSH
     wake_one(ALL_CONSUMERS, waiting_consumers);
#endif
#ifndef WRONG_PUSH_BEFORE_QUEUED
     push();
#endif
     v = 0;
#if defined(BATCH) /* one wake for all: before the producer sleeps and at the end */
#elif !defined(WRONG_WAKE_BEFORE_PUSH)
     wake_one(ALL_CONSUMERS, waiting_consumers);
#endif
     found = true
  :: else
  fi;
  r = 0
#ifdef CLOSE
  fi
#endif
}

/* found: a record runs under this process. left = 0: the queue has ended. */
inline try_get() {
  pop();
#ifdef CLOSE
  if
  :: !found ->
     if :: d_step { u = closed } OR_DIE fi;
     if
     :: u ->
        r = 0;
        u = 0;
        do
        :: r < N ->
           if
           :: d_step {
                if
                :: STATE(word[r]) == WRITING || STATE(word[r]) == QUEUED || (STATE(word[r]) == RUNNING && OWNER(word[r]) != me) -> u = 1
                :: else
                fi;
                r++
              }
           OR_DIE
           fi
        :: else -> break
        od;
        r = 0;
        if
        :: u == 0 -> left = 0
        :: else -> u = 0
        fi
     :: else
     fi
  :: else
  fi
#endif
}

inline acknowledge() {
  if
  :: d_step {
#ifdef WRONG_ACKNOWLEDGE_BY_STORE
       found = true;
#else
       found = word[r] == v;
#endif
       if
       :: found ->
          word[r] = WORD(GEN(v) + 1, 0, FREE, 0);
          assert(item != 0 && !(completed & BIT(item))); /* none twice */
          completed = completed | BIT(item)
       :: else
       fi
     }
  OR_DIE
  fi;
  if
  :: found -> wake_one(ALL_PRODUCERS, waiting_producers); tell_if_closed()
  :: else
  fi;
  found = false
}

inline give_back() {
  if
  :: ATTEMPTS(v) + 1 < LIMIT ->
     if :: d_step { assert(word[r] == v); v = WORD(GEN(v), ATTEMPTS(v) + 1, QUEUED, me); word[r] = v } OR_DIE fi;
     push();
     wake_one(ALL_CONSUMERS, waiting_consumers)
  :: else ->
     if :: d_step { assert(word[r] == v); word[r] = WORD(GEN(v), ATTEMPTS(v), QUARANTINED, 0) } OR_DIE fi;
     tell_if_closed()
  fi;
  found = false
}

proctype producer(byte me; byte first) {
  PRIVATE
  left = PUTS;
  do
  :: left > 0 ->
     item = first + PUTS - left;
     count_in(waiting_producers);
     try_put();
     if
     :: found ->
        d_step { returned = returned | BIT(item); left--; found = false };
        count_out(waiting_producers);
        waits = false
     :: !found && left == 0 -> count_out(waiting_producers) /* closed */
     :: !found && left != 0 && !waits -> waits = true
     :: !found && left != 0 && waits ->
#ifdef WRONG_SEQUENCE_READ_LATE
        READ_SEQUENCE;
#endif
#if defined(BATCH) && !defined(WRONG_BATCH_SLEEPS_UNTOLD)
        wake_all(ALL_CONSUMERS);
#endif
        sleep();
        count_out(waiting_producers)
     fi
  :: else -> break
  od;
#ifdef BATCH
  wake_all(ALL_CONSUMERS);
#endif
  atomic { finished = finished | BIT(me); FORGET };
gone:
  skip
}

proctype consumer(byte me) {
  PRIVATE
  left = GETS;
  do
  :: left > 0 ->
     count_in(waiting_consumers);
     try_get();
     if
     :: found ->
        found = false;
        count_out(waiting_consumers);
        waits = false;
        if :: d_step { item = payload[r]; assert(item != 0) } OR_DIE fi;
        if
        :: acknowledge();
#ifdef TWICE /* a caller that acknowledges again what it no longer holds */
           acknowledge();
#endif
#ifdef GIVE_BACK
        :: give_back()
#endif
        fi;
        d_step { v = 0; r = 0; item = 0; u = 0 };
#ifndef CLOSE
        left--
#endif
     :: !found && left == 0 -> ended = ended | BIT(me); count_out(waiting_consumers)
     :: !found && left != 0 && !waits -> waits = true
     :: !found && left != 0 && waits ->
#ifdef WRONG_SEQUENCE_READ_LATE
        READ_SEQUENCE;
#endif
        sleep();
        count_out(waiting_consumers)
     fi
  :: else -> break
  od;
  atomic { finished = finished | BIT(me); FORGET };
gone:
  skip
}

#ifdef COLLECT
/* Takes dead letters; the record is its own while it copies. */
proctype collector(byte me) {
  PRIVATE
  do
  :: left < 2 ->
     left++;
     r = 0;
     do
     :: r < N ->
        if :: d_step { v = word[r] } OR_DIE fi;
        if
        :: STATE(v) == QUARANTINED ->
           found = false;
           if
           :: d_step {
                if
                :: word[r] == v -> v = WORD(GEN(v), ATTEMPTS(v), COLLECTING, me); word[r] = v; found = true
                :: else
                fi
              }
           OR_DIE
           fi;
           if
           :: found ->
              found = false;
              if :: d_step { item = payload[r] } OR_DIE fi;
              if
              :: d_step {
                   assert(word[r] == v);
                   word[r] = WORD(GEN(v) + 1, 0, FREE, 0);
                   assert(item != 0 && !(completed & BIT(item)));
                   completed = completed | BIT(item);
                   item = 0
                 }
              OR_DIE
              fi;
              wake_one(ALL_PRODUCERS, waiting_producers)
           :: else
           fi
        :: else
        fi;
        r++
     :: else -> break
     od
  :: else -> break
  od;
  atomic { finished = finished | BIT(me); FORGET };
gone:
  skip
}
#endif

#ifdef CLOSE
/* In the place of the collector. */
proctype closer(byte me) {
  PRIVATE
  if :: d_step { closed = true } OR_DIE fi;
  wake_all(ALL_CONSUMERS);
  wake_all(ALL_PRODUCERS);
  atomic { finished = finished | BIT(me); FORGET };
gone:
  skip
}
#endif

/* ---- repair ---- */
#define IN_SEEN(stamp) \
  (STAMP_OF(seen[0]) == (stamp) || STAMP_OF(seen[1]) == (stamp) REST_OF_RING(stamp))
#if R > 3
#define REST_OF_RING(stamp) || STAMP_OF(seen[2]) == (stamp) || STAMP_OF(seen[3]) == (stamp)
#elif R > 2
#define REST_OF_RING(stamp) || STAMP_OF(seen[2]) == (stamp)
#else
#define REST_OF_RING(stamp)
#endif

#if R > 3
#define FORGET_SEEN seen[0] = 0; seen[1] = 0; seen[2] = 0; seen[3] = 0
#elif R > 2
#define FORGET_SEEN seen[0] = 0; seen[1] = 0; seen[2] = 0
#else
#define FORGET_SEEN seen[0] = 0; seen[1] = 0
#endif

inline repair(who) {
  t = 0;
  do
  :: t < R -> if :: d_step { seen[t] = ring[t]; t++ } OR_DIE fi
  :: else -> break
  od;
  t = 0;
  r = 0;
  do
  :: r < N ->
     if :: d_step { v = word[r] } OR_DIE fi;
     if
     :: OWNER(v) != who || STATE(v) == FREE || STATE(v) == QUARANTINED
     :: OWNER(v) == who && STATE(v) == WRITING ->
        if :: d_step { SWAP(word[r], v, WORD(GEN(v) + 1, 0, FREE, 0), skip) } OR_DIE fi
     :: OWNER(v) == who && STATE(v) == COLLECTING ->
        if :: d_step { SWAP(word[r], v, WORD(GEN(v), ATTEMPTS(v), QUARANTINED, 0), skip) } OR_DIE fi
     :: OWNER(v) == who && STATE(v) == QUEUED && IN_SEEN(STAMP(v, r))
     :: OWNER(v) == who && STATE(v) == QUEUED && !IN_SEEN(STAMP(v, r)) ->
#ifdef WRONG_REPAIR_FREES
        if :: d_step { SWAP(word[r], v, WORD(GEN(v) + 1, 0, FREE, 0), skip) } OR_DIE fi
#else
        push()
#endif
     :: OWNER(v) == who && STATE(v) == RUNNING ->
        found = false;
        if
        :: ATTEMPTS(v) + 1 < LIMIT ->
           if
           :: d_step {
                if
                :: word[r] == v ->
#ifdef WRONG_REQUEUE_WITHOUT_OWNER
                   v = WORD(GEN(v), ATTEMPTS(v) + 1, QUEUED, 0);
#else
                   v = WORD(GEN(v), ATTEMPTS(v) + 1, QUEUED, me);
#endif
                   word[r] = v;
                   found = true
                :: else
                fi
              }
           OR_DIE
           fi;
           if
           :: found -> push()
           :: else
           fi
        :: else ->
           if :: d_step { SWAP(word[r], v, WORD(GEN(v), ATTEMPTS(v), QUARANTINED, 0), skip) } OR_DIE fi
        fi
     fi;
     r++
  :: else -> break
  od;
  atomic { r = 0; v = 0; w = 0; t = 0; found = false; FORGET_SEEN };
#ifndef WRONG_NO_BROADCAST
  recount(ALL_CONSUMERS, waiting_consumers);
  recount(ALL_PRODUCERS, waiting_producers)
#endif
}

/* Serves the dead it has not yet mended, one at a time. The second one starts when the first is dead, knows
   nothing of how far that came, and mends all the dead again. */
proctype keeper(byte me) {
  PRIVATE
  short seen[R];
  byte mended = 0;
  if
  :: me == K0
  :: me == K0 + 1 -> (dead & BIT(K0)) != 0
  fi;
  do
  :: if
#ifdef WRONG_NOT_REAPED /* takes a slow producer for a dead one */
     :: d_step { (mended & BIT(P0)) == 0 -> item = P0 }
#else
     :: d_step { (dead & ~mended & BIT(1)) != 0 -> item = 1 }
     :: d_step { (dead & ~mended & BIT(2)) != 0 -> item = 2 }
     :: d_step { (dead & ~mended & BIT(3)) != 0 -> item = 3 }
     :: d_step { (dead & ~mended & BIT(4)) != 0 -> item = 4 }
     :: d_step { (dead & ~mended & BIT(5)) != 0 -> item = 5 }
     :: d_step { (dead & ~mended & BIT(7)) != 0 -> item = 7 }
#endif
     fi;
     repair(item);
     d_step { mended = mended | BIT(item); item = 0 }
  OR_DIE
  od;
gone:
  atomic { FORGET_SEEN; mended = 0 }
}
#if PRODUCERS > 1
#define PRODUCER_BITS ALL_PRODUCERS
#else
#define PRODUCER_BITS BIT(P0)
#endif
#if CONSUMERS > 1
#define CONSUMER_BITS ALL_CONSUMERS
#else
#define CONSUMER_BITS BIT(C0)
#endif
#define PLAYERS (PRODUCER_BITS | CONSUMER_BITS)

/* ---- what must hold when nobody can take another step ---- */
proctype judge() {
  byte p, r, i, reached, kept;
  timeout ->
  d_step {
    /* Everybody is through, dead, or asleep (or a keeper, which waits for a death). */
    p = 1;
    do
    :: p <= 7 ->
       if
       :: (BIT(p) & PLAYERS) && !(BIT(p) & (dead | finished)) ->
          assert(asleep & BIT(p));
#ifdef CLOSE
          assert(!closed) /* a closed queue leaves nobody waiting */
#endif
       :: else
       fi;
       p++
    :: else -> break
    od;

    /* What a consumer would find from here on. */
    p = head;
    i = 0;
    do
    :: LAP(ring[p % R]) != p / R && i < R -> p++; i++ /* head behind */
    :: LAP(ring[p % R]) == p / R && STAMP_OF(ring[p % R]) != 0 && i < R ->
       r = RECORD_OF(ring[p % R]);
       if
       :: STATE(word[r]) == QUEUED && STAMP(word[r], r) == STAMP_OF(ring[p % R]) -> reached = reached | BIT(r)
       :: else
       fi;
       p++;
       i++
    :: else -> break
    od;

    r = 0;
    do
    :: r < N ->
       if
       :: STATE(word[r]) == QUEUED ->
          assert(reached & BIT(r)); /* none out of reach */
          assert(((asleep & ~dead) & ALL_CONSUMERS) == 0); /* nobody sleeps while there is an item */
          assert((ended & ~dead) == 0); /* nobody was told of the end too early */
          kept = kept | BIT(payload[r])
       :: STATE(word[r]) == QUARANTINED -> kept = kept | BIT(payload[r])
       :: STATE(word[r]) == FREE -> assert(((asleep & ~dead) & ALL_PRODUCERS) == 0) /* or while there is room */
       :: else -> assert(false) /* a record without a master */
       fi;
       r++
    :: else -> break
    od;

    assert((kept & completed) == 0);
    assert((returned & ~(kept | completed)) == 0) /* none lost */
  }
}

init {
  atomic {
    /* Fewer as well: while somebody may yet be killed, the end has not come, and a late repair would hide a lost
       wake from the judge. */
    do
    :: kills > 0 -> kills--
    :: break
    od;
    run producer(P0, 1);
#if PRODUCERS > 1
    run producer(P0 + 1, 1 + PUTS);
#endif
    run consumer(C0);
#if CONSUMERS > 1
    run consumer(C0 + 1);
#endif
#ifdef COLLECT
    run collector(COLLECTOR);
#endif
#ifdef CLOSE
    run closer(COLLECTOR);
#endif
    run keeper(K0);
    run keeper(K0 + 1);
    run judge()
  }
}
