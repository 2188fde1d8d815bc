# pm2_text(TARGET file symbol)
#
# Makes the header SYMBOL.h for TARGET: a text file as a C string, so that a program carries it. Made at
# configure time, which comes again when the file changes: linters read sources without a build.
function(pm2_text target file symbol)
  set(dir ${CMAKE_BINARY_DIR}/texts)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
  file(READ ${file} bytes HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
  file(GENERATE OUTPUT ${dir}/${symbol}.h
    CONTENT "/* Made from ${file}. */\nstatic const char ${symbol}[] = {${bytes}0};\n")
  target_include_directories(${target} PRIVATE ${dir})
endfunction()
