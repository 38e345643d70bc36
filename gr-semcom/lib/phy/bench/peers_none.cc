// SPDX-License-Identifier: GPL-3.0-or-later
// In place of peers_liquid.cc where there is no liquid-dsp.
#include "modem.h"

namespace bench {

std::vector<std::unique_ptr<modem>> make_peers() { return {}; }

} // namespace bench
