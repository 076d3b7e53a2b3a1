#include "sample.h"

#include <algorithm>

#include "test.h"

using namespace t;

namespace {
// Philox4x32-10 as in the paper: ten rounds, the key bumped between them.
void philox(uint32_t (&c)[4], uint32_t k0, uint32_t k1) {
    for (int i = 0; i < 10; i++) {
        const uint64_t a = 0xD2511F53ull * c[0], b = 0xCD9E8D57ull * c[2];
        const uint32_t next[4] = {(uint32_t)(b >> 32) ^ c[1] ^ k0, (uint32_t)b, (uint32_t)(a >> 32) ^ c[3] ^ k1, (uint32_t)a};
        std::copy_n(next, 4, c);
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
}

// The op's definition with a sort, in fp64. close: how near the draw came to a border, in parts of the total.
int reference(const std::vector<float>& logits, const std::vector<int>& history, const kernels::Sampling& how, uint64_t row, double* close) {
    const int n = (int)logits.size();
    std::vector<float> x = logits;
    for (int id : history)
        if (id >= 0 && id < n) x[id] = logits[id] > 0 ? logits[id] / how.repeat_penalty : logits[id] * how.repeat_penalty;
    *close = 1;
    float best = -INFINITY;
    for (float v : x) best = v > best ? v : best;
    if (!std::isfinite(best)) return -1;
    if (how.temperature == 0) return (int)(std::find(x.begin(), x.end(), best) - x.begin());
    std::vector<double> w(n);
    std::vector<float> sorted;
    for (int i = 0; i < n; i++)
        if (x[i] == x[i]) sorted.push_back(x[i]);
    std::sort(sorted.begin(), sorted.end(), std::greater<float>());
    float least = how.top_k > 0 && how.top_k < (int)sorted.size() ? sorted[how.top_k - 1] : -INFINITY;
    auto weight = [&](float v) { return v >= least ? std::exp(((double)v - best) / how.temperature) : 0.0; };   // NaN: 0
    double total = 0, running = 0;
    for (float v : sorted) total += weight(v);
    if (how.top_p < 1)
        for (float v : sorted) {
            running += weight(v);
            *close = std::min(*close, std::fabs(running - how.top_p * total) / total);
            if (running >= how.top_p * total) {
                least = std::max(least, v);
                break;
            }
        }
    total = 0;
    for (int i = 0; i < n; i++) {
        const double v = weight(x[i]);
        w[i] = v >= how.min_p ? v : 0;
        total += w[i];
    }
    uint32_t c[4] = {(uint32_t)how.counter, (uint32_t)(how.counter >> 32), (uint32_t)row, (uint32_t)(row >> 32)};
    philox(c, (uint32_t)how.seed, (uint32_t)(how.seed >> 32));
    const double u = ((c[0] >> 5) * 67108864.0 + (c[1] >> 6)) / 9007199254740992.0;
    int last = -1;
    running = 0;
    for (int i = 0; i < n && !(running > u * total); i++)
        if (w[i] > 0) {
            running += w[last = i];
            *close = std::min(*close, std::fabs(running - u * total) / total);
        }
    return last;
}

struct Case {
    int rows, vocab, history;
    kernels::Sampling how;   // seed and counter are drawn
};
const Case cases[] = {
    {2, 2500, 3, {0, 0, 0.f, 1.f, 0.f, 1.3f, 0}},        // greedy
    {3, 33, 0, {0, 0, 1.f, 1.f, 0.f, 1.f, 0}},           // plain
    {2, 5000, 40, {0, 0, 0.8f, 0.9f, 0.02f, 1.2f, 50}},  // everything
    {2, 1024, 5, {0, 0, 1.5f, 0.3f, 0.f, 1.1f, 0}},      // top-p alone
    {2, 700, 0, {0, 0, 0.7f, 1.f, 0.f, 1.f, 1}},         // top-k of one
    {1, 3000, 0, {0, 0, 2.f, 1.f, 0.1f, 1.f, 2000}},     // top-k of many, min-p
};
}  // namespace

TEST(philox_has_the_published_numbers) {
    uint32_t zero[4] = {0, 0, 0, 0}, ones[4] = {~0u, ~0u, ~0u, ~0u};   // Random123's known answers, kat_vectors
    philox(zero, 0, 0);
    philox(ones, ~0u, ~0u);
    const uint32_t want[8] = {0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u, 0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu};
    for (int i = 0; i < 8; i++)
        if ((i < 4 ? zero[i] : ones[i - 4]) != want[i]) fail("word %d", i);
}

TEST(sample) {
    for (const Case& c : cases)
        for (int turn = 0; turn < 2; turn++) {
            kernels::Sampling how = c.how;
            how.seed = (uint64_t)draw() << 32 | draw();
            how.counter = (uint64_t)draw() << 32 | draw();
            auto logits = random<float>((size_t)c.rows * c.vocab, 5.f);
            for (int i = 0; i < c.vocab; i += 7) logits[i] = -INFINITY;
            logits[3] = NAN;
            if (how.temperature == 0) logits[10] = logits[20] = 9.f;   // a tie
            std::vector<int> history(c.rows * c.history);
            for (int& id : history) id = (int)(draw() % (c.vocab / 2)) - 1;
            if (c.history) history[0] = history[1] = 11, history[2] = c.vocab;   // twice; one beyond the vocabulary
            std::vector<int> want(c.rows);
            bool clear = true;
            for (int r = 0; r < c.rows; r++) {
                double close;
                want[r] = reference({logits.begin() + (size_t)r * c.vocab, logits.begin() + (size_t)(r + 1) * c.vocab},
                                    {history.begin() + r * c.history, history.begin() + (r + 1) * c.history}, how, r, &close);
                clear = clear && close > 1e-6;   // fp32 weights may tip a draw this near to a border
            }
            if (!clear) continue;
            schedules("sample", [&] {
                Matrix<float> ml(logits, c.rows, c.vocab, c.vocab + 3);
                Buf<float> scratch(logits.size());
                Buf<int> ids(c.rows);
                if (c.history) {
                    Matrix<int> mh(history, c.rows, c.history, c.history + 1);
                    check(kernels::sample(ids.get(), 1, scratch.get(), ml.rows(), mh.rows(), how, 0));
                    equal("ids", ids.down(), want);
                } else {
                    check(kernels::sample(ids.get(), 1, scratch.get(), ml.rows(), {nullptr, 0, 0, 0}, how, 0));
                    equal("ids", ids.down(), want);
                }
            });
        }
}

TEST(sample_from_nothing_finite) {
    for (float x : {-INFINITY, INFINITY, NAN}) {
        Matrix<float> ml(std::vector<float>(40, x), 1, 40, 40);
        Buf<float> scratch(40);
        Buf<int> ids(1);
        check(kernels::sample(ids.get(), 1, scratch.get(), ml.rows(), {nullptr, 0, 0, 0}, {1, 2, 1.f, 0.9f, 0.f, 1.f, 5}, 0));
        equal("id", ids.down(), {-1});
    }
}
