# pm2_prefer_archive(TARGET library shared-target)
#
# TARGET links lib<library>.a when it is installed, else the shared library.
function(pm2_prefer_archive target library shared)
  add_library(${target} INTERFACE)
  find_library(PM2_ARCHIVE_${library} lib${library}.a)
  if(PM2_ARCHIVE_${library})
    target_link_libraries(${target} INTERFACE ${PM2_ARCHIVE_${library}})
    target_include_directories(${target} INTERFACE
      $<TARGET_PROPERTY:${shared},INTERFACE_INCLUDE_DIRECTORIES>)
  else()
    target_link_libraries(${target} INTERFACE ${shared})
  endif()
endfunction()
