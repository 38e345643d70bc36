// SPDX-License-Identifier: GPL-3.0-or-later
// What UHD finds when it loads this library as a module.
#include "device.h"

#include <uhd/utils/static.hpp>

namespace {

/* Answers to type=virtual only. device::make() hands out a device again if find() said the same of it, so that all of
 * the arguments belong to the answer. */
uhd::device_addrs_t find(const uhd::device_addr_t& hint)
{
    if (hint.get("type", "") != "virtual")
        return {};
    uhd::device_addr_t found = hint;
    found["serial"] = hint.get("serial", uhd_virtual::settings().serial);
    found["product"] = "virtual";
    return { found };
}

uhd::device::sptr make(const uhd::device_addr_t& args) { return std::make_shared<uhd_virtual::device>(args); }

} // namespace

UHD_STATIC_BLOCK(register_virtual_usrp)
{
    uhd::device::register_device(&find, &make, uhd::device::USRP);
}
