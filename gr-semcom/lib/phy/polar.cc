// SPDX-License-Identifier: GPL-3.0-or-later
#include "polar.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace semcom::phy {

namespace {

constexpr int max_stages = 10; // longer mother codes gain little here and cost time
constexpr uint8_t none = 255;

int reverse_bits(int value, int bits)
{
    int reversed = 0;
    for (; bits; --bits, value >>= 1)
        reversed = reversed << 1 | (value & 1);
    return reversed;
}

// Chung's approximation of 1 - E[tanh(x/2)], x ~ N(m, 2m)
constexpr double phi_bend = 10;
double phi(double m)
{
    if (m <= 0)
        return 1;
    return m < phi_bend ? std::exp(-0.4527 * std::pow(m, 0.86) + 0.0218)
                        : std::sqrt(M_PI / m) * std::exp(-m / 4) * (1 - 10 / (7 * m));
}
//! The mean LLR behind a check node of two bits
double check_mean(double a, double b)
{
    const double wanted = 1 - (1 - phi(a)) * (1 - phi(b));
    if (wanted >= 1)
        return 0;
    if (wanted > phi(phi_bend))
        return std::pow(std::max(0.0, (0.0218 - std::log(wanted)) / 0.4527), 1 / 0.86);
    double low = 0, high = std::min(a, b);
    for (int i = 0; i < 40; ++i) {
        const double middle = (low + high) / 2;
        (phi(middle) > wanted ? low : high) = middle;
    }
    return low;
}

void f_node(const float* a, const float* b, float* out, int n) // min-sum check node
{
    for (int i = 0; i < n; ++i) {
        const float smaller = std::min(std::fabs(a[i]), std::fabs(b[i]));
        out[i] = std::copysign(smaller, a[i]) * std::copysign(1.0f, b[i]);
    }
}
void g_node(const float* a, const float* b, const uint8_t* bits, float* out, int n)
{
    for (int i = 0; i < n; ++i)
        out[i] = b[i] + (1.0f - 2.0f * bits[i]) * a[i];
}

} // namespace

polar_code::polar_code(int info_bits, int code_bits, double design_esn0_db, int list_size)
    : d_info_bits(info_bits), d_code_bits(code_bits), d_list_size(list_size)
{
    d_stages = 1;
    while (d_stages < max_stages && (1 << d_stages) < code_bits)
        ++d_stages;
    d_length = 1 << d_stages;

    const int punctured = std::max(0, d_length - code_bits);
    for (int i = 0; i < d_length; ++i) // quasi-uniform puncturing: first ones in bit-reversed order
        if (reverse_bits(i, d_stages) >= punctured)
            d_sent.push_back(i);
    for (int i = 0; static_cast<int>(d_sent.size()) < code_bits; ++i)
        d_sent.push_back(d_sent[i]); // repetition

    choose_info_set(design_esn0_db);
    find_frozen_nodes();

    path empty;
    for (auto& row : empty.row)
        row.assign(d_stages, none);
    d_paths.assign(list_size, empty);
    d_spare.assign(list_size, empty);
    for (auto& of_kind : d_rows) {
        of_kind.resize(d_stages);
        for (int s = 0; s < d_stages; ++s) {
            if (&of_kind == &d_rows[llr])
                of_kind[s].llr.resize(list_size << s);
            else
                of_kind[s].bits.resize(list_size << s);
            of_kind[s].users.assign(list_size, 0);
            of_kind[s].unused.resize(list_size);
            std::iota(of_kind[s].unused.begin(), of_kind[s].unused.end(), uint8_t{ 0 });
        }
    }
    d_forks.reserve(2 * list_size);
    d_decisions.reserve(info_bits * list_size);
    d_channel.resize(d_length);
    d_info.resize(info_bits);
    d_heir.resize(list_size);
    d_scratch.resize(d_length);
}

void polar_code::choose_info_set(double design_esn0_db)
{
    const double mean_llr = 2 * std::pow(10.0, design_esn0_db / 10);
    std::vector<double> mean(d_length, 0.0);
    for (int i : d_sent)
        mean[i] += mean_llr;
    for (int half = d_length / 2; half >= 1; half /= 2)
        for (int start = 0; start < d_length; start += 2 * half)
            for (int i = start; i < start + half; ++i) {
                const double a = mean[i], b = mean[i + half];
                mean[i] = check_mean(a, b);
                mean[i + half] = a + b;
            }
    std::vector<int> order(d_length);
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return mean[a] > mean[b]; });
    d_is_info.assign(d_length, 0);
    for (int i = 0; i < d_info_bits; ++i)
        d_is_info[order[i]] = 1;
}

void polar_code::encode(const uint8_t* info, uint8_t* code)
{
    uint8_t* x = d_scratch.data();
    for (int i = 0; i < d_length; ++i)
        x[i] = d_is_info[i] ? *info++ : 0;
    for (int half = 1; half < d_length; half *= 2)
        for (int start = 0; start < d_length; start += 2 * half)
            for (int i = start; i < start + half; ++i)
                x[i] ^= x[i + half];
    for (int i = 0; i < d_code_bits; ++i)
        code[i] = x[d_sent[i]];
}

void polar_code::find_frozen_nodes()
{
    d_is_frozen.resize(d_stages + 1);
    for (int s = 0; s <= d_stages; ++s)
        for (int first = 0; first < d_length; first += 1 << s)
            d_is_frozen[s].push_back(std::all_of(&d_is_info[first], &d_is_info[first] + (1 << s),
                                                 [](uint8_t is_info) { return !is_info; }));
}

int polar_code::own_row(path& p, row_kind kind, int stage)
{
    rows& of_stage = d_rows[kind][stage];
    uint8_t& mine = p.row[kind][stage];
    if (mine == none || of_stage.users[mine] > 1) { // all of it is written anew, so nothing is copied
        if (mine != none)
            --of_stage.users[mine];
        mine = of_stage.unused.back();
        of_stage.unused.pop_back();
        of_stage.users[mine] = 1;
    }
    return mine;
}

const float* polar_code::llrs(const path& p, int stage) const
{
    return stage == d_stages ? d_channel.data() : &d_rows[llr][stage].llr[p.row[llr][stage] << stage];
}
float* polar_code::write_llrs(path& p, int stage) { return &d_rows[llr][stage].llr[own_row(p, llr, stage) << stage]; }
const uint8_t* polar_code::bits(const path& p, row_kind side, int stage) const
{
    return &d_rows[side][stage].bits[p.row[side][stage] << stage];
}
uint8_t* polar_code::write_bits(path& p, row_kind side, int stage)
{
    return &d_rows[side][stage].bits[own_row(p, side, stage) << stage];
}

void polar_code::share(const path& from, path& to)
{
    to = from;
    for (int kind : { llr, left, right })
        for (int s = 0; s < d_stages; ++s)
            if (to.row[kind][s] != none)
                ++d_rows[kind][s].users[to.row[kind][s]];
}

void polar_code::release(path& p)
{
    for (int kind : { llr, left, right })
        for (int s = 0; s < d_stages; ++s) {
            uint8_t& row = p.row[kind][s];
            if (row != none && --d_rows[kind][s].users[row] == 0)
                d_rows[kind][s].unused.push_back(row);
            row = none;
        }
}

/*! Decides the leaves below a node, whose LLRs are known, in all paths, and leaves its code bits with its parent as those
 *  of the left or right child.
 */
void polar_code::decode_node(int stage, int number, int list_size)
{
    const row_kind side = number % 2 ? right : left;
    if (d_is_frozen[stage][number]) {
        freeze(stage, side);
        return;
    }
    if (stage == 0) {
        split(side, list_size);
        return;
    }
    const int n = 1 << (stage - 1);
    for (int i = 0; i < d_active; ++i) {
        const float* above = llrs(d_paths[i], stage);
        f_node(above, above + n, write_llrs(d_paths[i], stage - 1), n);
    }
    decode_node(stage - 1, 2 * number, list_size);
    for (int i = 0; i < d_active; ++i) {
        const float* above = llrs(d_paths[i], stage);
        g_node(above, above + n, bits(d_paths[i], left, stage - 1), write_llrs(d_paths[i], stage - 1), n);
    }
    decode_node(stage - 1, 2 * number + 1, list_size);
    if (stage == d_stages)
        return;
    for (int i = 0; i < d_active; ++i) {
        path& p = d_paths[i];
        uint8_t* joined = write_bits(p, side, stage);
        const uint8_t *l = bits(p, left, stage - 1), *r = bits(p, right, stage - 1);
        for (int b = 0; b < n; ++b) {
            joined[b] = l[b] ^ r[b];
            joined[b + n] = r[b];
        }
    }
}

void polar_code::freeze(int stage, row_kind side)
{
    const int n = 1 << stage;
    for (int i = 0; i < d_active; ++i) {
        path& p = d_paths[i];
        const float* of_node = llrs(p, stage);
        for (int b = 0; b < n; ++b)
            p.metric += std::max(0.0f, -of_node[b]);
        std::fill_n(write_bits(p, side, stage), n, 0);
    }
}

//! Every path continues with 0 and with 1; the best list_size of these stay.
void polar_code::split(row_kind side, int list_size)
{
    d_forks.clear();
    for (int i = 0; i < d_active; ++i) {
        const path& p = d_paths[i];
        const float value = *llrs(p, 0);
        const uint8_t likely = value < 0;
        d_forks.push_back({ p.metric, i, likely });
        d_forks.push_back({ p.metric + std::fabs(value), i, static_cast<uint8_t>(!likely) });
    }
    const int kept = std::min<int>(list_size, d_forks.size());
    if (kept < static_cast<int>(d_forks.size()))
        std::nth_element(d_forks.begin(), d_forks.begin() + kept - 1, d_forks.end(),
                         [](const fork& a, const fork& b) { return a.metric < b.metric; });

    // The first child takes its parent's rows, a second one shares them.
    std::swap(d_paths, d_spare);
    std::fill(d_heir.begin(), d_heir.end(), none);
    for (int i = 0; i < kept; ++i) {
        uint8_t& heir = d_heir[d_forks[i].parent];
        if (heir != none) {
            share(d_paths[heir], d_paths[i]);
            continue;
        }
        std::swap(d_paths[i], d_spare[d_forks[i].parent]);
        heir = i;
    }
    for (int i = 0; i < d_active; ++i)
        if (d_heir[i] == none)
            release(d_spare[i]);
    for (int i = 0; i < kept; ++i) {
        path& p = d_paths[i];
        p.metric = d_forks[i].metric;
        d_decisions.push_back({ p.last, d_forks[i].bit });
        p.last = d_decisions.size() - 1;
        *write_bits(p, side, 0) = d_forks[i].bit;
    }
    d_active = kept;
}

//! The info bits of a path, into d_info.
void polar_code::read_decisions(const path& p)
{
    int at = p.last;
    for (int i = d_info_bits - 1; i >= 0; --i) {
        d_info[i] = d_decisions[at].bit;
        at = d_decisions[at].before;
    }
}

bool polar_code::decode_list(int list_size,
                             const std::function<bool(const uint8_t*)>& accept,
                             uint8_t* info)
{
    d_active = 1;
    d_decisions.clear();
    d_paths[0].metric = 0;
    d_paths[0].last = -1;
    decode_node(d_stages, 0, list_size);
    const path* best = nullptr;
    for (int i = 0; i < d_active; ++i) {
        const path& p = d_paths[i];
        if (best && p.metric >= best->metric)
            continue;
        read_decisions(p);
        if (accept(d_info.data())) {
            best = &p;
            std::copy(d_info.begin(), d_info.end(), info);
        }
    }
    for (int i = 0; i < d_active; ++i)
        release(d_paths[i]);
    return best;
}

bool polar_code::decode(const float* llr,
                        const std::function<bool(const uint8_t*)>& accept,
                        uint8_t* info)
{
    std::fill(d_channel.begin(), d_channel.end(), 0.0f);
    for (int i = 0; i < d_code_bits; ++i)
        d_channel[d_sent[i]] += llr[i];
    // One path is enough nearly always, and several times faster.
    return decode_list(1, accept, info) ||
           (d_list_size > 1 && decode_list(d_list_size, accept, info));
}

} // namespace semcom::phy
