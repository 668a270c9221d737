// Every library says what it is.
namespace headrace {

const char* library_version() {
  return HEADRACE_VERSION;
}

}  // namespace headrace
