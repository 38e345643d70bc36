/* SPDX-License-Identifier: GPL-3.0-or-later */

#ifndef INCLUDED_SEMCOM_LOOPBACK_VECTORIZE_H
#define INCLUDED_SEMCOM_LOOPBACK_VECTORIZE_H

/* A function marked so is compiled for AVX2 as well as for the baseline; the loader picks. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_THREAD__)
#define SEMCOM_VECTORIZE __attribute__((target_clones("arch=haswell", "default")))
#else
#define SEMCOM_VECTORIZE
#endif

#endif /* INCLUDED_SEMCOM_LOOPBACK_VECTORIZE_H */
