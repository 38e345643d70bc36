// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// A function marked so is compiled for AVX2 and FMA too, and the loader chooses.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_THREAD__)
#define UHD_VIRTUAL_VECTORIZE __attribute__((target_clones("arch=haswell", "default")))
#else
#define UHD_VIRTUAL_VECTORIZE
#endif
