/* The C interface between a worker and an engine plug-in.
 *
 * An engine is a shared object that exports one symbol, headrace_engine_entry. Only workers load
 * it: the supervisor never does, so an engine may crash, leak or spin without taking the service
 * with it. The interface is plain C with caller-checked sizes, so that a plug-in may be built by
 * another compiler, against another standard library, than the program that loads it.
 *
 * A session has one or more streams, which share its model. Calls of infer for one stream come from
 * one thread at a time, those for different streams may come at once; all other calls come from one
 * thread while no infer runs. Functions that can fail return 0 for success and otherwise write a
 * NUL-terminated sentence into `error`: what went wrong and with which file or tensor. No exception
 * may leave a plug-in.
 */
#ifndef HEADRACE_ENGINE_API_H
#define HEADRACE_ENGINE_API_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HR_ENGINE_ABI 2u
#define HR_MAX_RANK 8u
#define HR_NAME_SIZE 128u

typedef enum hr_dtype {
  HR_DTYPE_NONE = 0,
  HR_BOOL = 1,
  HR_U8 = 2,
  HR_I8 = 3,
  HR_U16 = 4,
  HR_I16 = 5,
  HR_U32 = 6,
  HR_I32 = 7,
  HR_U64 = 8,
  HR_I64 = 9,
  HR_F16 = 10,
  HR_F32 = 11,
  HR_F64 = 12
} hr_dtype;

/* Name, element type and shape of one tensor. A dimension of -1 is not fixed. */
typedef struct hr_tensor_info {
  char name[HR_NAME_SIZE]; /* NUL-terminated, cut if longer */
  int32_t dtype;           /* an hr_dtype */
  uint32_t rank;           /* at most HR_MAX_RANK */
  int64_t dims[HR_MAX_RANK];
} hr_tensor_info;

/* A tensor with its elements: dense, row-major, 64-byte aligned where the host allocates it. */
typedef struct hr_tensor {
  hr_tensor_info info; /* every dimension fixed */
  void* data;
  size_t bytes;
} hr_tensor;

typedef struct hr_open_options {
  uint32_t struct_size; /* sizeof(hr_open_options) of the host */
  /* Compute threads of this session, those that call infer among them, at least 1; engines ignore
   * quotas. */
  uint32_t threads;
  uint32_t streams;       /* how many infers may run at once, at least 1 and at most `threads` */
  const char* model_path; /* the model file */
  const char*
      precision; /* "auto": what the engine finds fastest on this processor; "f32": exactly that */
  uint32_t input_rank;             /* 0: leave the model's shapes alone */
  int64_t input_dims[HR_MAX_RANK]; /* the fixed shape, batch first, that input 0 will always have */
} hr_open_options;

typedef struct hr_session hr_session;

typedef struct hr_engine {
  uint32_t abi;         /* HR_ENGINE_ABI */
  uint32_t struct_size; /* sizeof(hr_engine) of the plug-in */
  const char* name;     /* "openvino" */
  /* The version of the engine behind the plug-in, "2026.4.1"; lives as long as the plug-in. */
  const char* (*version)(void);
  /* Loads and compiles a model for one fixed input shape. */
  int (*open)(const hr_open_options* options, hr_session** session, char* error, size_t error_size);
  void (*close)(hr_session* session);
  uint32_t (*input_count)(const hr_session* session);
  uint32_t (*output_count)(const hr_session* session);
  /* Returns non-zero when there is no such index. Output dimensions may be -1 before the first
   * infer. */
  int (*input_info)(const hr_session* session, uint32_t index, hr_tensor_info* info);
  int (*output_info)(const hr_session* session, uint32_t index, hr_tensor_info* info);
  /* Runs the model once, on a stream counted from 0. `inputs` holds input_count tensors that stay
   * the caller's. On success fills `outputs`, room for output_count, with tensors that stay the
   * engine's and are valid until the next call on this stream. */
  int (*infer)(hr_session* session, uint32_t stream, const hr_tensor* inputs, hr_tensor* outputs,
               char* error, size_t error_size);
} hr_engine;

/* The one exported symbol: the table, or NULL if the plug-in cannot serve this ABI version. */
typedef const hr_engine* (*hr_engine_entry_fn)(uint32_t abi);
#define HR_ENGINE_ENTRY_SYMBOL "headrace_engine_entry"

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* HEADRACE_ENGINE_API_H */
