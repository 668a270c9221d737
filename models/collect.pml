/* Does the collector of blocks ever free one that somebody still refers to?

   A block has no count of references, because a count is wrong after the first death. It has places that a
   reference can be in: one bit a participant, and the list of each record of a queue. The collector cannot look
   at all of them in one instant, and a reference may move behind its back. The rule that is to make up for that:
   whoever moves a reference makes the new one, raises `touched`, and then ends the old one; the collector reads
   `touched`, looks at every bit, then at every record, and frees if it saw nothing and `touched` is as it was.

   Here the participants move references to one block for ever, in every order, and are killed before any step;
   a keeper mends what they held, and begins anew at any step. Flags and limits: as in queue.pml. */

#ifndef HOLDERS
#define HOLDERS 2
#endif
#ifndef N
#define N 2 /* records */
#endif
#ifndef KILLS
#define KILLS 2
#endif
#define BIT(p) (1 << (p))

mtype:state = { FREE, WRITING, QUEUED, RUNNING };

/* ---- shared memory ---- */
mtype:state state[N] = FREE;
byte owner[N]; /* together with the state one word: they change in one step */
bool lists[N]; /* the record's list of references names the block; may be left over from an earlier item */
byte bits = BIT(0);
bool touched; /* since the collector read the counter: it only compares for equality */

/* ---- what the check looks at ---- */
byte dead;
byte kills = KILLS;
bool freed;
bool refers[N]; /* the item in the record refers to the block: its list does, and is its own */

#define OR_DIE \
  :: atomic { \
    kills > 0 -> kills--; \
    dead = dead | BIT(me); \
    r = 0; \
    goto gone \
  }
#define STEP(access) if :: d_step { access } OR_DIE fi

inline hold() {
  STEP(bits = bits | BIT(me));
#ifndef WRONG_HOLD_UNTOUCHED
  STEP(touched = true)
#endif
}

inline drop() {
#ifdef WRONG_DROP_BEFORE_TOUCH
  STEP(bits = bits & ~BIT(me));
  STEP(touched = true)
#else
  STEP(touched = true);
  STEP(bits = bits & ~BIT(me))
#endif
}

inline set_word(new_state, new_owner) {
  STEP(state[r] = new_state; owner[r] = new_owner; refers[r] = refers[r] && (new_state != FREE))
}

proctype participant(byte me) {
  byte r = 0;
  do
  :: freed -> break
  :: (bits & BIT(me)) != 0 -> drop()

  /* Put an item that names the block: only who holds it can. */
  :: (bits & BIT(me)) != 0 && !freed ->
     if
     :: r = 0
     :: r = N - 1
     fi;
     if
     :: d_step { state[r] == FREE -> state[r] = WRITING; owner[r] = me }
        STEP(lists[r] = false);
        STEP(lists[r] = true; refers[r] = true);
        if
        :: drop() /* it moves: the list being written is the only reference */
        :: true
        fi;
        if
        :: set_word(QUEUED, me)
        :: set_word(FREE, 0) /* given up */
        fi
     :: d_step { state[r] != FREE -> r = 0 }
     OR_DIE
     fi;
     r = 0

  /* Put one that does not. */
  :: atomic { state[0] == FREE && !freed -> state[0] = WRITING; owner[0] = me; r = 0 };
     STEP(lists[r] = false);
     set_word(QUEUED, me)

  /* Take an item, hold what it names, acknowledge; or acknowledge at once; or give it back. */
  :: atomic {
       !freed ->
       if
       :: state[0] == QUEUED -> r = 0
       :: state[N - 1] == QUEUED -> r = N - 1
       fi;
       state[r] = RUNNING;
       owner[r] = me
     };
     if
     :: lists[r] ->
#ifdef WRONG_ACKNOWLEDGE_BEFORE_HOLD
        set_word(FREE, 0);
        hold()
#elif defined(WRONG_ACKNOWLEDGE_BEFORE_TOUCH)
        STEP(bits = bits | BIT(me));
        set_word(FREE, 0);
        STEP(touched = true)
#else
        hold();
        if
        :: set_word(FREE, 0)
        :: set_word(QUEUED, me)
        fi
#endif
     :: set_word(FREE, 0)
     :: set_word(QUEUED, me)
     fi;
     r = 0

#ifdef WRONG_COPY_FROM_A_NEIGHBOUR /* the source is a bit that its holder may drop, or lose by dying, meanwhile */
  :: atomic { (bits & ~BIT(me)) != 0 && !freed -> bits = bits | BIT(me) };
     STEP(touched = true)
#endif
  OR_DIE
  od;
gone:
  skip
}

/* Repairs the queue and then forgets the holder, or the other way round. It may be killed and begin anew, which
   here is all that another keeper would do. */
inline repair_queue(who) {
  r = 0;
  do
  :: r < N ->
     if
     :: d_step { owner[r] == who && state[r] == WRITING -> state[r] = FREE; owner[r] = 0; refers[r] = false; r++ }
     :: d_step { owner[r] == who && state[r] == RUNNING -> state[r] = QUEUED; r++ }
     :: d_step { !(owner[r] == who && (state[r] == WRITING || state[r] == RUNNING)) -> r++ }
     :: goto again
     fi
  :: else -> break
  od;
  r = 0
}

inline forget(who) {
#ifndef WRONG_FORGET_UNTOUCHED
  if
  :: d_step { touched = true }
  :: goto again
  fi;
#endif
  if
  :: d_step { bits = bits & ~BIT(who) }
  :: goto again
  fi
}

proctype keeper() {
  byte r = 0, who = 0, mended = 0;
again:
  do
  :: freed -> break
  :: atomic {
       if
       :: (dead & ~mended & BIT(0)) != 0 -> who = 0
       :: (dead & ~mended & BIT(1)) != 0 -> who = 1
       :: (dead & ~mended & BIT(2)) != 0 -> who = 2
       fi;
       r = 0
     };
     if
     :: repair_queue(who); forget(who)
     :: forget(who); repair_queue(who)
     fi;
     mended = mended | BIT(who)
  od
}

inline look_at_bits() {
  i = 0;
  do
  :: i < HOLDERS -> d_step { seen = seen || (bits & BIT(i)) != 0; i++ }
  :: else -> break
  od
}

inline look_at_records() {
  i = 0;
  do
  :: i < N ->
     if
     :: d_step { state[i] == FREE -> i++ }
     :: d_step { state[i] != FREE -> skip };
        d_step { seen = seen || lists[i]; i++ }
     fi
  :: else -> break
  od
}

proctype collector() {
  byte i = 0;
  bool seen = false;
  do
  :: d_step { touched = false; seen = false };
#ifdef RECORDS_FIRST
     look_at_records();
     look_at_bits();
#else
     look_at_bits();
     look_at_records();
#endif
     i = 0;
#ifdef WRONG_ONE_READ
     if
     :: !seen ->
#else
     if
     :: d_step { !seen && !touched -> skip };
#endif
        /* What is written by a dead producer, or held by a dead holder, is nobody's reference. */
        d_step {
          assert((bits & ~dead) == 0);
          do
          :: i < N ->
             assert(!refers[i] || (state[i] == WRITING && (dead & BIT(owner[i])) != 0));
             i++
          :: else -> break
          od;
          freed = true
        };
        break
     :: else
     fi
  od
}

init {
  atomic {
    do
    :: kills > 0 -> kills--
    :: break
    od;
    run participant(0);
    run participant(1);
#if HOLDERS > 2
    run participant(2);
#endif
    run keeper();
    run collector()
  }
}
