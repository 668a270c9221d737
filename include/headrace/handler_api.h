/* The C interface between `headrace run` and a handler: a shared object with code of your own.
 *
 * The shared object exports one symbol, `headrace_handler`, which is a table of functions. Only
 * worker processes load it, so a handler may crash, leak or hang: that costs the item it was at.
 * The interface is plain C, so that a handler may be built by another compiler, against another
 * standard library, than the program that loads it. In C++ use <headrace/handler.h>.
 *
 * Threads: every function is called from one and the same thread of a worker process. A handler may
 * have threads of its own; `threads` says how many processors are meant for this worker.
 * Standard output belongs to the results: what a handler prints there goes to standard error.
 * No exception may leave a function.
 */
#ifndef HEADRACE_HANDLER_API_H
#define HEADRACE_HANDLER_API_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Of this file; a handler built for another version is refused. */
#define HEADRACE_HANDLER_ABI 1u

/* What a handler is given of each input. */
enum headrace_handler_takes {
  HEADRACE_TAKES_FILES = 0, /* the content of the file that the name stands for */
  HEADRACE_TAKES_NAMES = 1  /* the name only: no file is opened, `bytes` is empty */
};

/* What the bytes of an output are. */
enum headrace_handler_kind {
  HEADRACE_JSON = 1, /* one JSON value, UTF-8; becomes the item's result as it is */
  HEADRACE_TEXT = 2, /* text; becomes a JSON string, what is no UTF-8 in it U+FFFD */
  HEADRACE_BYTES = 3 /* anything; becomes {"base64":"..."}, or a file with --files */
};

/* Why an item failed; the words stand for them in the results. */
enum headrace_handler_error {
  HEADRACE_OK = 0,
  HEADRACE_NOT_FOUND = 1,   /* "not_found": what the name stands for does not exist */
  HEADRACE_UNREADABLE = 2,  /* "unreadable": it exists, but cannot be read */
  HEADRACE_UNSUPPORTED = 3, /* "unsupported": its content is of no kind that this handler takes */
  HEADRACE_CORRUPT = 4,     /* "corrupt": of a known kind, but broken */
  HEADRACE_TOO_LARGE = 5,   /* "too_large" */
  HEADRACE_FAILED = 6       /* "infer_failed": anything else; unknown numbers count as this */
};

/* One item. All of it stays the caller's and is valid until `run` returns. */
typedef struct headrace_handler_input {
  const char* name; /* as the user gave it; UTF-8, not NUL-terminated */
  size_t name_size; /* bytes */
  const void* bytes;
  size_t size; /* bytes; at most --max-bytes */
} headrace_handler_input;

/* The answer to one item; all zeros when `run` is called. What `data` points to stays the
 * handler's; it must stay as it is until the next call of `run` or `deinit`. */
typedef struct headrace_handler_output {
  uint32_t error;   /* a headrace_handler_error */
  uint32_t kind;    /* a headrace_handler_kind; only read without error */
  const void* data; /* the result; or, with an error, a message for people */
  size_t size;      /* bytes */
} headrace_handler_output;

/* What `init` is told. Valid until it returns. */
typedef struct headrace_handler_options {
  uint32_t struct_size; /* sizeof(headrace_handler_options) of the caller */
  uint32_t threads;     /* processors meant for this worker, at least 1 */
  uint32_t batch;       /* the most items that `run` will be given at a time, at least 1 */
  const char* settings; /* the text of --handler-settings, NUL-terminated; "" without */
} headrace_handler_options;

typedef struct headrace_handler_table {
  uint32_t abi;         /* HEADRACE_HANDLER_ABI */
  uint32_t struct_size; /* sizeof(headrace_handler_table) of the handler */
  const char* name;     /* for people, at most 128 bytes are shown; NULL: the name of the file */
  const char* version;  /* for people; NULL: none */
  uint32_t takes;       /* a headrace_handler_takes */
  /* Called once in each worker, before its first item. Stores whatever it likes in `*state`, which
   * every other function gets. Returns 0, or writes a NUL-terminated sentence of at most
   * `error_size` bytes into `error`: the run then ends before any item is touched. May be NULL. */
  int (*init)(const headrace_handler_options* options, void** state, char* error,
              size_t error_size);
  /* Answers `count` items, inputs[i] with outputs[i]. Returns 0; anything else, with a sentence in
   * `error`, says that no output is valid: the items are then given again one by one, and the one
   * for which it happens again fails with that sentence. */
  int (*run)(void* state, const headrace_handler_input* inputs, headrace_handler_output* outputs,
             size_t count, char* error, size_t error_size);
  /* Called once when a worker leaves in peace; not when it is killed. May be NULL. */
  void (*deinit)(void* state);
} headrace_handler_table;

/* The one exported symbol, which the handler defines. */
#if defined(__GNUC__)
__attribute__((visibility("default")))
#endif
extern const headrace_handler_table headrace_handler;
#define HEADRACE_HANDLER_SYMBOL "headrace_handler"

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* HEADRACE_HANDLER_API_H */
