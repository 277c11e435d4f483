# Keeps what was compiled outside the tree, as kernels are, where ccache is installed: a clean clone then
# compiles only what is new. A launcher that the user chose (CMAKE_CXX_COMPILER_LAUNCHER) stays.
find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  if(DEFINED ENV{XDG_CACHE_HOME})
    set(cache $ENV{XDG_CACHE_HOME})
  else()
    set(cache $ENV{HOME}/.cache)
  endif()
  get_filename_component(tree ${CMAKE_CURRENT_LIST_DIR} DIRECTORY)
  # Paths below the tree are hashed relative to it, and the folder and the language of messages are left out: clones
  # share the objects.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_DIR=${cache}/dominoes/ccache
    CCACHE_MAXSIZE=2G CCACHE_BASEDIR=${tree} CCACHE_NOHASHDIR=1
    CCACHE_SLOPPINESS=locale ${CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${CMAKE_CXX_COMPILER_LAUNCHER})
endif()
