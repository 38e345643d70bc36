/* SPDX-License-Identifier: GPL-3.0-or-later */

#include <pybind11/pybind11.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <unistd.h>

namespace py = pybind11;

namespace {

std::string& last_words()
{
    static auto* words = new std::string; // never destroyed: threads may need it when the process ends
    return *words;
}

[[noreturn]] void say_and_exit()
{
    try {
        if (const auto error = std::current_exception())
            std::rethrow_exception(error);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "\n%s\n", error.what());
    } catch (...) {
    }
    std::fprintf(stderr, "%s\n", last_words().c_str());
    std::fflush(nullptr); // what recordings have in their buffers
    _exit(EXIT_FAILURE);
}

} // namespace

void bind_exit_on_terminate(py::module& m)
{
    m.def(
        "exit_on_terminate",
        [](const std::string& sentence) {
            last_words() = sentence;
            std::set_terminate(say_and_exit);
        },
        py::arg("sentence"),
        "Where C++ would abort, say why and this sentence, and exit with status 1. A USRP that is unplugged throws when a "
        "block stops, which GNU Radio does in a destructor: nothing can catch that.");
}
