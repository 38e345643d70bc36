// SPDX-License-Identifier: GPL-3.0-or-later
#include "polar.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace semcom::phy {

namespace {

constexpr int max_stages = 10; // longer mother codes gain little here and cost time

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
    d_first_info = std::find(d_is_info.begin(), d_is_info.end(), 1) - d_is_info.begin();

    path empty;
    empty.llr.resize(2 * d_length);
    empty.left.resize(2 * d_length);
    empty.info.resize(info_bits);
    d_paths.assign(list_size, empty);
    d_spare.assign(list_size, empty);
    d_forks.reserve(2 * list_size);
    d_channel.resize(d_length);
    d_scratch.resize(2 * d_length);
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

// The tree is walked leaf by leaf. Between a leaf and the next only the stages up to the lowest set
// bit of the leaf's number change: that stage goes right (g), those below go left (f).
void polar_code::update_llrs(path& p, int leaf) const
{
    const bool first = leaf == d_first_info;
    for (int s = first ? d_stages - 1 : __builtin_ctz(leaf); s >= 0; --s) {
        const int n = 1 << s;
        const float* above = s + 1 == d_stages ? d_channel.data() : &p.llr[2 * n];
        if (leaf >> s & 1)
            g_node(above, above + n, &p.left[n], &p.llr[n], n);
        else
            f_node(above, above + n, &p.llr[n], n);
    }
}

void polar_code::store_bit(path& p, int leaf, uint8_t bit)
{
    uint8_t* x = d_scratch.data();
    x[0] = bit;
    int s = 0;
    for (; leaf >> s & 1; ++s) { // a finished right child: join it with its left sibling
        const int n = 1 << s;
        for (int i = 0; i < n; ++i) {
            x[n + i] = x[i];
            x[i] ^= p.left[n + i];
        }
    }
    if (s < d_stages)
        std::copy_n(x, 1 << s, &p.left[1 << s]);
}

//! Every path continues with 0 and with 1; the best list_size of these stay.
void polar_code::split(int list_size, int leaf, int count)
{
    d_forks.clear();
    for (int i = 0; i < d_active; ++i) {
        const path& p = d_paths[i];
        const float llr = p.llr[1];
        const uint8_t likely = llr < 0;
        d_forks.push_back({ p.metric, i, likely });
        d_forks.push_back({ p.metric + std::fabs(llr), i, static_cast<uint8_t>(!likely) });
    }
    const int kept = std::min<int>(list_size, d_forks.size());
    if (kept < static_cast<int>(d_forks.size()))
        std::nth_element(d_forks.begin(), d_forks.begin() + kept - 1, d_forks.end(),
                         [](const fork& a, const fork& b) { return a.metric < b.metric; });

    std::swap(d_paths, d_spare);
    for (int i = kept - 1; i >= 0; --i) {
        const fork& child = d_forks[i];
        path& p = d_paths[i];
        bool sibling_follows = false;
        for (int j = 0; j < i; ++j)
            sibling_follows |= d_forks[j].parent == child.parent;
        if (sibling_follows)
            p = d_spare[child.parent];
        else
            std::swap(p, d_spare[child.parent]);
        p.metric = child.metric;
        p.info[count] = child.bit;
        store_bit(p, leaf, child.bit);
    }
    d_active = kept;
}

bool polar_code::decode_list(int list_size,
                             const std::function<bool(const uint8_t*)>& accept,
                             uint8_t* info)
{
    d_active = 1;
    d_paths[0].metric = 0;
    std::fill(d_paths[0].left.begin(), d_paths[0].left.end(), 0);
    int count = 0;
    for (int leaf = d_first_info; leaf < d_length; ++leaf) {
        for (int i = 0; i < d_active; ++i)
            update_llrs(d_paths[i], leaf);
        if (d_is_info[leaf]) {
            split(list_size, leaf, count++);
            continue;
        }
        for (int i = 0; i < d_active; ++i) {
            path& p = d_paths[i];
            p.metric += std::max(0.0f, -p.llr[1]);
            store_bit(p, leaf, 0);
        }
    }
    const path* best = nullptr;
    for (int i = 0; i < d_active; ++i)
        if ((!best || d_paths[i].metric < best->metric) && accept(d_paths[i].info.data()))
            best = &d_paths[i];
    if (best)
        std::copy(best->info.begin(), best->info.end(), info);
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
