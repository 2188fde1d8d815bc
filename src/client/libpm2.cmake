# libpm2.so and libpm2.a, made of this floor and the ones below it. Only what include/pm2/pm2.h
# declares is to be seen from outside: libpm2.symbols lists it, and a test compares.
set(header ${CMAKE_SOURCE_DIR}/include/pm2/pm2.h)
set(symbols ${CMAKE_CURRENT_SOURCE_DIR}/libpm2.symbols)
set(floors client wire json os base)
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/lib)
list(TRANSFORM floors REPLACE "(.+)" "$<TARGET_FILE:\\1>" OUTPUT_VARIABLE archives)
list(POP_FRONT archives own_archive)

# Whatever of this floor the linker does not need for the public functions stays outside.
file(STRINGS ${symbols} exported)
list(TRANSFORM exported PREPEND "-Wl,--undefined=" OUTPUT_VARIABLE roots)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${symbols})

file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/empty.c "typedef int pm2_translation_unit;\n")
add_library(pm2_shared SHARED ${CMAKE_CURRENT_BINARY_DIR}/empty.c)
target_include_directories(pm2_shared INTERFACE ${CMAKE_SOURCE_DIR}/include)
# The guard of json/read.c stays in jansson's allocator, so the library may not be unloaded.
target_link_options(pm2_shared PRIVATE ${roots} -Wl,-z,nodelete)
if(NOT PM2_SANITIZE AND NOT PM2_FUZZ)
  target_link_options(pm2_shared PRIVATE -Wl,--no-undefined)
endif()
target_link_libraries(pm2_shared PRIVATE ${floors} PkgConfig::JANSSON m)
set_target_properties(pm2_shared PROPERTIES OUTPUT_NAME pm2 VERSION ${PROJECT_VERSION} SOVERSION 0
  LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/lib)

# One object with the inner names made local, so that a program that has a buf_add() of its own can
# link it.
set(object ${CMAKE_CURRENT_BINARY_DIR}/libpm2.o)
set(static_lib ${CMAKE_BINARY_DIR}/lib/libpm2.a)
add_custom_command(OUTPUT ${static_lib}
  COMMAND ${CMAKE_C_COMPILER} -r -nostdlib ${roots} -o ${object} ${own_archive} ${archives}
  COMMAND ${CMAKE_OBJCOPY} --localize-hidden ${object}
  COMMAND ${CMAKE_COMMAND} -E rm -f ${static_lib}
  COMMAND ${CMAKE_AR} rcs ${static_lib} ${object}
  DEPENDS ${floors} ${symbols}
  COMMAND_EXPAND_LISTS VERBATIM)
add_custom_target(pm2_static ALL DEPENDS ${static_lib})

# Written for where the Makefile installs to; its rule puts the prefix in.
configure_file(libpm2.pc.in ${CMAKE_BINARY_DIR}/lib/libpm2.pc.in @ONLY)

if(PM2_TESTS)
  add_test(NAME libpm2.symbols
    COMMAND ${CMAKE_SOURCE_DIR}/tests/lib_c/check-symbols.sh ${CMAKE_NM} ${symbols} ${header}
      $<TARGET_FILE:pm2_shared> ${static_lib})
endif()
