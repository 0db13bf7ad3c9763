/* SHA-256 by the processor's own instructions: SHA-NI (Intel's manual, “SHA extensions”), or Armv8's cryptographic extension. */
#include "agent.h"

#if defined __x86_64__
#include <cpuid.h>
#include <immintrin.h>

static bool has_instructions(void)
{
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_SSSE3) || !(c & bit_SSE4_1)) return false;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA);
}

/* The instructions want the eight words as two of four: a b e f and c d g h, highest first. */
__attribute__((target("sha,sse4.1,ssse3"))) static void add_blocks(uint32_t *state, const uint8_t *data, size_t blocks)
{
    const __m128i order = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
    __m128i low = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)state), 0xb1);
    __m128i high = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(state + 4)), 0x1b);
    __m128i abef = _mm_alignr_epi8(low, high, 8), cdgh = _mm_blend_epi16(high, low, 0xf0);
    for (; blocks > 0; blocks -= 1, data += 64) {
        __m128i words[4], was_abef = abef, was_cdgh = cdgh;
        for (int i = 0; i < 4; i += 1) words[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(data + 16 * i)), order);
        for (int i = 0; i < 16; i += 1) {
            __m128i *now = &words[i & 3], *second = &words[(i + 1) & 3], *third = &words[(i + 2) & 3], *last = &words[(i + 3) & 3];
            __m128i sum = _mm_add_epi32(*now, _mm_load_si128((const __m128i *)(sha256_constants + 4 * i)));
            cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);
            abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sum, 0x0e));
            if (i < 12) {
                __m128i next = _mm_add_epi32(_mm_sha256msg1_epu32(*now, *second), _mm_alignr_epi8(*last, *third, 4));
                *now = _mm_sha256msg2_epu32(next, *last);
            }
        }
        abef = _mm_add_epi32(abef, was_abef);
        cdgh = _mm_add_epi32(cdgh, was_cdgh);
    }
    low = _mm_shuffle_epi32(abef, 0x1b);
    high = _mm_shuffle_epi32(cdgh, 0xb1);
    _mm_storeu_si128((__m128i *)state, _mm_blend_epi16(low, high, 0xf0));
    _mm_storeu_si128((__m128i *)(state + 4), _mm_alignr_epi8(high, low, 8));
}

#elif defined __aarch64__
#include <arm_neon.h>
#include <sys/auxv.h>

/* HWCAP_SHA2 of the kernel's arch/arm64/include/uapi/asm/hwcap.h */
static bool has_instructions(void)
{
    return (getauxval(AT_HWCAP) & 1ul << 6) != 0;
}

__attribute__((target("+crypto"))) static void add_blocks(uint32_t *state, const uint8_t *data, size_t blocks)
{
    uint32x4_t abcd = vld1q_u32(state), efgh = vld1q_u32(state + 4);
    for (; blocks > 0; blocks -= 1, data += 64) {
        uint32x4_t words[4], was_abcd = abcd, was_efgh = efgh;
        for (int i = 0; i < 4; i += 1) words[i] = vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(data + 16 * i)));
        for (int i = 0; i < 16; i += 1) {
            uint32x4_t sum = vaddq_u32(words[i & 3], vld1q_u32(sha256_constants + 4 * i)), before = abcd;
            abcd = vsha256hq_u32(abcd, efgh, sum);
            efgh = vsha256h2q_u32(efgh, before, sum);
            if (i < 12)
                words[i & 3] =
                    vsha256su1q_u32(vsha256su0q_u32(words[i & 3], words[(i + 1) & 3]), words[(i + 2) & 3], words[(i + 3) & 3]);
        }
        abcd = vaddq_u32(abcd, was_abcd);
        efgh = vaddq_u32(efgh, was_efgh);
    }
    vst1q_u32(state, abcd);
    vst1q_u32(state + 4, efgh);
}

#else
static bool has_instructions(void)
{
    return false;
}

static void add_blocks(uint32_t *state, const uint8_t *data, size_t blocks)
{
    (void)state;
    (void)data;
    (void)blocks;
}
#endif

bool sha256_by_processor(uint32_t state[8], const uint8_t *data, size_t blocks)
{
    static enum { UNKNOWN, YES, NO } answer;
    if (answer == UNKNOWN) answer = has_instructions() ? YES : NO;
    if (answer == YES) add_blocks(state, data, blocks);
    return answer == YES;
}
