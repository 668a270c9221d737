/* Handlers in C, each wrong in the way that its build names. */
#include <headrace/handler_api.h>
#include <stdio.h>

static int run(void* state, const headrace_handler_input* inputs, headrace_handler_output* outputs,
               size_t count, char* error, size_t error_size) {
  (void)state;
#ifdef UNRESOLVED
  extern void nobody_defines_this(void);
  nobody_defines_this();
#endif
  /* Fails every call that has an item called "spoilt" in it, and does not say why if it is alone. */
  for (size_t i = 0; i < count; ++i) {
    if (inputs[i].name_size == 6 && inputs[i].name[0] == 's') {
      if (count > 1) snprintf(error, error_size, "%zu items, one of them spoilt", count);
      return 1;
    }
    outputs[i].kind = HEADRACE_TEXT;
    outputs[i].data = inputs[i].name;
    outputs[i].size = inputs[i].name_size;
  }
  return 0;
}

#ifdef OTHER_VERSION
#define ABI 99u
#else
#define ABI HEADRACE_HANDLER_ABI
#endif
#ifdef SHORT_TABLE
#define SIZE 8u
#else
#define SIZE sizeof(headrace_handler_table)
#endif

#ifdef NO_SYMBOL
const headrace_handler_table something_else = {
#else
const headrace_handler_table headrace_handler = {
#endif
    .abi = ABI, .struct_size = SIZE, .takes = HEADRACE_TAKES_NAMES, .run = run};
