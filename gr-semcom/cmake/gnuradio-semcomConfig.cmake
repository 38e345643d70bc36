# SPDX-License-Identifier: GPL-3.0-or-later

include(CMakeFindDependencyMacro)
find_dependency(Gnuradio 3.10)
include("${CMAKE_CURRENT_LIST_DIR}/gnuradio-semcomTargets.cmake")
