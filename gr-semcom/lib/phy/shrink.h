// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <cmath>

namespace semcom::phy {

/*! James-Stein weight, 0 .. 1, for a group of noisy coefficients.
 *
 *  What a group holds beyond its noise is kept and the rest is taken out, so that a model with room for more than the
 *  channel has costs little. Noise alone passes the margin, two standard deviations, rarely.
 *
 *  \param energy   sum of the coefficients' squared magnitudes
 *  \param dof      real degrees of freedom: one a real coefficient, two a complex one
 *  \param variance of the noise, a degree of freedom
 */
inline float shrink(float energy, float dof, float variance)
{
    const float noise = variance * (dof + 2 * std::sqrt(2 * dof));
    return energy > 0 ? std::max(0.0f, 1 - noise / energy) : 0.0f;
}

} // namespace semcom::phy
