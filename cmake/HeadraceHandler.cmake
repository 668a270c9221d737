# headrace_add_handler(NAME SOURCES...): a handler for `headrace run`, as the shared object
# libNAME.so beside the other files that this folder builds. Afterwards NAME is a target like any
# other: target_link_libraries(NAME PRIVATE ...).
include_guard(GLOBAL)

# Included by headraceConfig.cmake where it is installed, or straight from the source tree.
find_path(HEADRACE_HANDLER_INCLUDE_DIR headrace/handler.h
  HINTS ${PACKAGE_PREFIX_DIR}/include ${CMAKE_CURRENT_LIST_DIR}/../include
  NO_CACHE REQUIRED)
set_property(GLOBAL PROPERTY HEADRACE_HANDLER_INCLUDE_DIR ${HEADRACE_HANDLER_INCLUDE_DIR})

function(headrace_add_handler name)
  if(NOT ARGN)
    message(FATAL_ERROR "headrace_add_handler(${name}): which sources?")
  endif()
  get_property(include GLOBAL PROPERTY HEADRACE_HANDLER_INCLUDE_DIR)
  add_library(${name} MODULE ${ARGN})
  target_compile_features(${name} PRIVATE cxx_std_20)
  target_include_directories(${name} PRIVATE ${include})
  # Exports headrace_handler and nothing else, so that it cannot get in the way of the program that
  # loads it.
  set_target_properties(${name} PROPERTIES
    PREFIX lib SUFFIX .so CXX_VISIBILITY_PRESET hidden C_VISIBILITY_PRESET hidden
    VISIBILITY_INLINES_HIDDEN ON LIBRARY_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR})
endfunction()
