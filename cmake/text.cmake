# pm2_text(TARGET file symbol)
#
# Makes the header SYMBOL.h for TARGET: a text file as a C string, so that a program carries it.
function(pm2_text target file symbol)
  set(dir ${CMAKE_BINARY_DIR}/texts)
  set(header ${dir}/${symbol}.h)
  add_custom_command(OUTPUT ${header}
    COMMAND ${CMAKE_COMMAND} -D FILE=${file} -D HEADER=${header} -D SYMBOL=${symbol}
      -P ${CMAKE_SOURCE_DIR}/cmake/text_header.cmake
    DEPENDS ${file} ${CMAKE_SOURCE_DIR}/cmake/text_header.cmake VERBATIM)
  add_custom_target(${target}.${symbol} DEPENDS ${header})
  add_dependencies(${target} ${target}.${symbol})
  target_include_directories(${target} PRIVATE ${dir})
endfunction()
