# How every target of the project is compiled and tested.

option(HEADRACE_WERROR "treat warnings as errors" ON)
set(HEADRACE_SANITIZE "" CACHE STRING "sanitizers for every target, for example address,undefined")

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion
                    -Wnon-virtual-dtor -Wold-style-cast -Woverloaded-virtual -Wnull-dereference)
if(HEADRACE_WERROR)
  add_compile_options(-Werror)
endif()
if(HEADRACE_SANITIZE)
  add_compile_options(-fsanitize=${HEADRACE_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${HEADRACE_SANITIZE})
  # With the sanitizers' code in between, g++ no longer sees what guards a value and warns of what cannot be.
  add_compile_options(-Wno-maybe-uninitialized -Wno-free-nonheap-object)
endif()

# headrace_layer(NAME SOURCES... [LINK LIBS...]): the static library of one folder of src/.
function(headrace_layer name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK;PRIVATE_LINK" ${ARGN})
  add_library(headrace_${name} STATIC ${ARG_SOURCES})
  target_include_directories(headrace_${name} PUBLIC ${CMAKE_SOURCE_DIR}/src ${CMAKE_SOURCE_DIR}/include)
  target_link_libraries(headrace_${name} PUBLIC ${ARG_LINK} PRIVATE ${ARG_PRIVATE_LINK})
endfunction()

# headrace_test(NAME SOURCES... LINK LIBS...): one GoogleTest program, its cases listed in ctest.
function(headrace_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK;LABELS;ENVIRONMENT" ${ARGN})
  if(NOT BUILD_TESTING)
    return()
  endif()
  find_package(GTest REQUIRED)
  include(GoogleTest)
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} GTest::gmock GTest::gtest_main)
  set(properties TIMEOUT 120)
  if(ARG_LABELS)
    list(APPEND properties LABELS "${ARG_LABELS}")
  endif()
  if(ARG_ENVIRONMENT)
    list(APPEND properties ENVIRONMENT "${ARG_ENVIRONMENT}")
  endif()
  gtest_discover_tests(${name} DISCOVERY_MODE PRE_TEST PROPERTIES ${properties})
endfunction()
