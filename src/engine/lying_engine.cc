// A plug-in that breaks the contract in the way its "model path" names: for the tests of the
// loader.
#include <cstring>
#include <string_view>

#include "engine/engine_api.h"

namespace {

std::string_view g_lie;  // the model path of the last open; the tests have one session at a time
char g_session;
float g_value = 1;

bool lie(std::string_view which) {
  return g_lie == which;
}

const char* version() {
  return "1";
}

int open(const hr_open_options* options, hr_session** session, char* error, size_t size) {
  static char lie_text[64];
  std::strncpy(lie_text, options->model_path, sizeof lie_text - 1);
  g_lie = lie_text;
  if (lie("unterminated")) {
    std::memset(error, 'x', size);
    return 1;
  }
  *session = lie("no session") ? nullptr : reinterpret_cast<hr_session*>(&g_session);
  return 0;
}
void close(hr_session*) {}
uint32_t input_count(const hr_session*) {
  return lie("many inputs") ? 4000000000u : 1;
}
uint32_t output_count(const hr_session*) {
  return 1;
}

int describe(uint32_t index, hr_tensor_info* info) {
  if (index > 0) return 1;
  std::memset(info, 0, sizeof *info);
  std::memset(info->name, 'n', lie("endless name") ? sizeof info->name : 3);
  info->dtype = lie("type") ? 99 : HR_F32;
  info->rank = lie("rank") ? 9 : 2;
  info->dims[0] = lie("dimension") ? -7 : 1;
  info->dims[1] = 1;
  return 0;
}
int input_info(const hr_session*, uint32_t index, hr_tensor_info* info) {
  return describe(index, info);
}
int output_info(const hr_session*, uint32_t index, hr_tensor_info* info) {
  return lie("no output") ? 1 : describe(index, info);
}

int infer(hr_session*, uint32_t, const hr_tensor*, hr_tensor* outputs, char*, size_t) {
  if (lie("nothing written")) return 0;
  describe(0, &outputs[0].info);
  if (lie("result rank")) outputs[0].info.rank = 4000000000u;
  if (lie("free result")) outputs[0].info.dims[0] = -1;
  if (lie("overflow")) outputs[0].info.dims[0] = outputs[0].info.dims[1] = INT64_MAX;
  if (lie("result type")) outputs[0].info.dtype = -1;
  outputs[0].data = lie("null data") ? nullptr : &g_value;
  outputs[0].bytes = lie("bytes") ? 1u << 30 : sizeof g_value;
  return 0;
}

const hr_engine g_engine = {HR_ENGINE_ABI, sizeof(hr_engine), "lying",    version,     open, close,
                            input_count,   output_count,      input_info, output_info, infer};

}  // namespace

extern "C" __attribute__((visibility("default"))) const hr_engine* headrace_engine_entry(
    uint32_t abi) {
  return abi == HR_ENGINE_ABI ? &g_engine : nullptr;
}
