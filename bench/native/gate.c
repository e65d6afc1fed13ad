/*
 * The gate's kernel in C: the same record, the same arithmetic and vector width as assembly/gate.ts, for the ratio that
 * bench/core.bench.ts prints. layout.h is written by the bench from what the core exports.
 *
 * usage: gate SESSIONS PACKETS ROUNDS      prints the best round's ns a packet and a checksum
 */
#define _GNU_SOURCE
#include <emmintrin.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "layout.h"

#define UNIT 1000000000ll
#define SHORT (1ll << 29)
#define MORE_THAN_FULL 4611686018427387904.0
#define LN2 0.6931471805599453
#define ROUNDER 6755399441055744.0
#define TURN_MEMORY 8
#define AHEAD 32
#define IN_CACHE 1024

static uint8_t *memory;
static uint32_t capacity;
static bool sharedIn, sharedOut;
static volatile uint32_t touched;

#define INLINE static inline __attribute__((always_inline))

INLINE uint32_t load32(const uint8_t *p) { uint32_t v; memcpy(&v, p, 4); return v; }
INLINE int64_t load64(const uint8_t *p) { int64_t v; memcpy(&v, p, 8); return v; }
INLINE double loadf(const uint8_t *p) { double v; memcpy(&v, p, 8); return v; }
INLINE void store32(uint8_t *p, uint32_t v) { memcpy(p, &v, 4); }
INLINE void store64(uint8_t *p, int64_t v) { memcpy(p, &v, 8); }
INLINE void storef(uint8_t *p, double v) { memcpy(p, &v, 8); }
INLINE __m128d loadv(const uint8_t *p) { return _mm_loadu_pd((const double *)p); }
INLINE void storev(uint8_t *p, __m128d v) { _mm_storeu_pd((double *)p, v); }
INLINE double maximum(double a, double b) { return a > b ? a : b; }

INLINE uint8_t *record(uint32_t slot) {
  return memory + TABLE + (slot / CHUNK_SLOTS) * (size_t)CHUNK + (slot % CHUNK_SLOTS) * STRIDE;
}

INLINE uint8_t *find(uint32_t handle) {
  uint32_t slot = handle & (MAX_SLOTS - 1);
  if (slot >= capacity) return NULL;
  uint8_t *r = record(slot);
  uint32_t generation = load32(r + GENERATION);
  return (generation & 1) != 0 && (generation & 0xfff) == handle >> SLOT_BITS ? r : NULL;
}

INLINE void noteClamp(void) { storef(memory + CLAMPED, loadf(memory + CLAMPED) + 1); }

INLINE double cleanTime(double now) {
  if (now >= 0 && now <= MAX_TIME) return now;
  noteClamp();
  return now > MAX_TIME ? MAX_TIME : 0;
}

INLINE __m128d exp2Negative(__m128d x) {
  __m128d y = _mm_xor_pd(_mm_min_pd(x, _mm_set1_pd(1000)), _mm_set1_pd(-0.0));
  __m128d rounded = _mm_add_pd(y, _mm_set1_pd(ROUNDER + 1023));
  __m128d f = _mm_sub_pd(y, _mm_sub_pd(rounded, _mm_set1_pd(ROUNDER + 1023)));
  __m128d f2 = _mm_mul_pd(f, f);
  __m128d low = _mm_add_pd(_mm_set1_pd(1), _mm_mul_pd(f, _mm_set1_pd(LN2)));
  __m128d middle = _mm_add_pd(_mm_set1_pd(LN2 * LN2 / 2), _mm_mul_pd(f, _mm_set1_pd(LN2 * LN2 * LN2 / 6)));
  __m128d high = _mm_add_pd(
      _mm_add_pd(_mm_set1_pd(LN2 * LN2 * LN2 * LN2 / 24), _mm_mul_pd(f, _mm_set1_pd(LN2 * LN2 * LN2 * LN2 * LN2 / 120))),
      _mm_mul_pd(f2, _mm_set1_pd(LN2 * LN2 * LN2 * LN2 * LN2 * LN2 / 720)));
  __m128d power = _mm_add_pd(low, _mm_mul_pd(f2, _mm_add_pd(middle, _mm_mul_pd(f2, high))));
  return _mm_mul_pd(power, _mm_castsi128_pd(_mm_slli_epi64(_mm_castpd_si128(rounded), 52)));
}

INLINE __m128d decayShort(double gap) {
  return exp2Negative(_mm_mul_pd(_mm_set1_pd(gap), _mm_setr_pd(1.0 / HALF_LIFE_0, 1.0 / HALF_LIFE_1)));
}

INLINE __m128d decayLong(double gap) {
  return exp2Negative(_mm_mul_pd(_mm_set1_pd(gap), _mm_setr_pd(1.0 / HALF_LIFE_2, 1.0 / HALF_LIFE_3)));
}

INLINE __m128d addWeight(uint8_t *p, __m128d decay) {
  __m128d weight = _mm_add_pd(_mm_mul_pd(loadv(p), decay), _mm_set1_pd(1));
  storev(p, weight);
  return _mm_div_pd(_mm_set1_pd(1), weight);
}

INLINE void addValue(uint8_t *mean, uint8_t *spread, __m128d value, __m128d share) {
  __m128d old = loadv(mean);
  __m128d difference = _mm_sub_pd(value, old);
  __m128d step = _mm_mul_pd(share, difference);
  storev(mean, _mm_add_pd(old, step));
  __m128d variance = _mm_add_pd(loadv(spread), _mm_mul_pd(difference, step));
  storev(spread, _mm_mul_pd(_mm_sub_pd(_mm_set1_pd(1), share), variance));
}

INLINE void overTurns(uint8_t *p, uint32_t turns, double value) {
  float stored;
  memcpy(&stored, p, 4);
  stored = (float)(stored + (value - stored) / (turns < TURN_MEMORY ? turns : TURN_MEMORY));
  memcpy(p, &stored, 4);
}

INLINE void addProduct(uint8_t *r, size_t lane, __m128d size, __m128d share) {
  __m128d mine = _mm_sub_pd(size, loadv(r + lane + OUT_STATS + STAT_SIZE));
  __m128d theirs = _mm_sub_pd(_mm_set1_pd(load32(r + LAST_SIZE)), loadv(r + lane + IN_STATS + STAT_SIZE));
  __m128d old = loadv(r + lane + COVARIANCE);
  storev(r + lane + COVARIANCE, _mm_add_pd(old, _mm_mul_pd(share, _mm_sub_pd(_mm_mul_pd(mine, theirs), old))));
}

INLINE void lengthenRun(uint8_t *r, uint32_t bytes) {
  uint32_t run = load32(r + RUN_BYTES);
  store32(r + RUN_BYTES, run + bytes < run ? UINT32_MAX : run + bytes);
}

INLINE void turnIn(uint8_t *r, uint32_t bytes) {
  uint32_t flags = load32(r + FLAGS);
  store32(r + LAST_SIZE, bytes);
  if ((flags & FLAG_LAST_OUT) != 0) {
    uint32_t turns = load32(r + TURNS);
    if (turns > 0) overTurns(r + TURN_REPLY, turns, load32(r + RUN_BYTES));
    store32(r + RUN_BYTES, bytes);
  } else {
    lengthenRun(r, bytes);
  }
  store32(r + FLAGS, (flags | FLAG_ANY) & ~FLAG_LAST_OUT);
}

INLINE void turnOut(uint8_t *r, uint32_t bytes, double now) {
  uint32_t flags = load32(r + FLAGS);
  if ((flags & (FLAG_ANY | FLAG_LAST_OUT)) == FLAG_ANY) {
    uint32_t turns = load32(r + TURNS) + 1;
    store32(r + TURNS, turns);
    overTurns(r + TURN_REQUEST, turns, load32(r + RUN_BYTES));
    overTurns(r + TURN_DELAY, turns, maximum(now - loadf(r + IN_STATS + STAT_LAST), 0));
    store32(r + RUN_BYTES, bytes);
  } else {
    lengthenRun(r, bytes);
  }
  store32(r + FLAGS, flags | FLAG_ANY | FLAG_LAST_OUT);
}

INLINE double gapSince(uint8_t *stats, double now) {
  double last = loadf(stats + STAT_LAST);
  if (!(now > last)) return 0;
  storef(stats + STAT_LAST, now);
  return now - last;
}

INLINE void addLanes(uint8_t *stats, __m128d size, __m128d gap, __m128d share) {
  addValue(stats + STAT_SIZE, stats + STAT_SIZE_VARIANCE, size, share);
  addValue(stats + STAT_GAP, stats + STAT_GAP_VARIANCE, gap, share);
}

INLINE void observe(uint8_t *r, bool out, uint32_t bytes, double now) {
  /* The opening is over in what is measured: only the check for it is here. */
  if (((load32(r + FLAGS) >> FLAG_OPENING_SHIFT) & FLAG_OPENING_MASK) < OPENING_PACKETS) {
    store32(r + FLAGS, load32(r + FLAGS) + (1u << FLAG_OPENING_SHIFT));
  }
  uint8_t *stats = r + (out ? OUT_STATS : IN_STATS);
  __m128d size = _mm_set1_pd(bytes);
  double gap = gapSince(stats, now);
  __m128d gaps = _mm_set1_pd(gap);
  __m128d share0 = addWeight(stats + STAT_WEIGHT, decayShort(gap));
  __m128d share1 = addWeight(stats + STAT_WEIGHT + 16, decayLong(gap));
  addLanes(stats, size, gaps, share0);
  addLanes(stats + 16, size, gaps, share1);
  if (out) {
    addProduct(r, 0, size, share0);
    addProduct(r, 16, size, share1);
    turnOut(r, bytes, now);
  } else {
    turnIn(r, bytes);
  }
}

INLINE void countPassed(uint8_t *stats, uint32_t bytes) {
  storef(stats + STAT_TOTAL_BYTES, loadf(stats + STAT_TOTAL_BYTES) + bytes);
  storef(stats + STAT_TOTAL_PACKETS, loadf(stats + STAT_TOTAL_PACKETS) + 1);
}

INLINE int64_t filled(int64_t tokens, int64_t rate, int64_t full, int64_t elapsed) {
  if (elapsed >= SHORT && (double)elapsed * (double)rate >= MORE_THAN_FULL) return full;
  int64_t gain = elapsed * rate;
  return gain >= full - tokens ? full : tokens + gain;
}

INLINE void refill(uint8_t *b, int64_t now) {
  int64_t elapsed = now - load64(b + BUCKET_REFILLED);
  if (elapsed <= 0) return;
  store64(b + BUCKET_REFILLED, now);
  int64_t full = (int64_t)load32(b + BUCKET_BURST) * UNIT;
  store64(b + BUCKET_BYTES, filled(load64(b + BUCKET_BYTES), load64(b + BUCKET_RATE), full, elapsed));
  full = (int64_t)load32(b + BUCKET_PACKET_BURST) * UNIT;
  store64(b + BUCKET_PACKETS, filled(load64(b + BUCKET_PACKETS), load32(b + BUCKET_PACKET_RATE), full, elapsed));
}

INLINE void count(size_t counters, uint32_t reason) {
  uint8_t *p = memory + counters + reason * 8;
  storef(p, loadf(p) + 1);
}

/* What is not measured (shared limits, limits of another thread) is out of line, as it is in the core. */
static __attribute__((noinline)) uint32_t rare(uint8_t *r) {
  count(DROPS, CLOSED);
  return load32(r + FLAGS);
}

INLINE uint32_t admit(uint8_t *r, uint8_t *b, bool shared, uint32_t size, int64_t ns) {
  int64_t bytes = (int64_t)size * UNIT;
  refill(b, ns);
  if (shared) return rare(r);
  if (load64(b + BUCKET_BYTES) < bytes) return SESSION_BYTES;
  if (load64(b + BUCKET_PACKETS) < UNIT) return SESSION_PACKETS;
  store64(b + BUCKET_BYTES, load64(b + BUCKET_BYTES) - bytes);
  store64(b + BUCKET_PACKETS, load64(b + BUCKET_PACKETS) - UNIT);
  return PASS;
}

INLINE uint32_t refreshed(uint8_t *r) {
  if (__atomic_load_n((uint32_t *)(r + PUBLISHED), __ATOMIC_SEQ_CST) != load32(r + APPLIED)) return rare(r);
  return load32(r + FLAGS);
}

INLINE uint32_t cleanBytes(uint32_t bytes) {
  if (bytes <= MAX_PACKET_BYTES) return bytes;
  noteClamp();
  return MAX_PACKET_BYTES;
}

static __attribute__((noinline)) uint32_t refused(uint8_t *r, uint32_t flags, uint32_t reason) {
  count(DROPS, reason);
  store32(r + EVENTS + EVENT_DROPPED * 4, load32(r + EVENTS + EVENT_DROPPED * 4) + 1);
  return (flags & FLAG_OBSERVE) == 0 ? reason : PASS;
}

INLINE uint32_t datagram(uint32_t handle, bool out, uint32_t size, double time) {
  uint8_t *r = find(handle);
  if (r == NULL) {
    count(DROPS, CLOSED);
    return CLOSED;
  }
  double now = cleanTime(time);
  uint32_t bytes = cleanBytes(size);
  int64_t ns = (int64_t)(now * 1e6);
  uint32_t flags = refreshed(r);
  uint32_t verdict = PASS;
  if (!out || (flags & FLAG_OUT_LIMITED) != 0 || sharedOut) {
    verdict = admit(r, r + (out ? OUT_BUCKET : IN_BUCKET), out ? sharedOut : sharedIn, bytes, ns);
  }
  if (verdict != PASS) verdict = refused(r, flags, verdict);
  if (out && verdict != PASS) return verdict;
  observe(r, out, bytes, now);
  if (verdict == PASS) countPassed(r + (out ? OUT_STATS : IN_STATS), bytes);
  return verdict;
}

static __attribute__((noinline)) uint32_t datagramIn(uint32_t handle, uint32_t size, double time) {
  return datagram(handle, false, size, time);
}

static __attribute__((noinline)) uint32_t datagramOut(uint32_t handle, uint32_t size, double time) {
  return datagram(handle, true, size, time);
}

INLINE uint32_t touch(uint32_t handle, uint32_t size) {
  uint8_t *r = find(handle);
  if (r == NULL) return 0;
  bool out = (size & OUT_BIT) != 0;
  uint8_t *stats = r + (out ? OUT_STATS : IN_STATS);
  uint32_t turns = out || (load32(r + FLAGS) & FLAG_LAST_OUT) != 0 ? TURNS : 0;
  return load32(r + IN_STATS) + load32(stats) + load32(stats + 64) + load32(stats + 128) + load32(r + turns);
}

static void packets(uint8_t *list, uint32_t n) {
  uint8_t *end = list + n * BATCH_STRIDE;
  uint32_t sum = 0;
  for (uint8_t *group = list; group < end; group += AHEAD * BATCH_STRIDE) {
    uint8_t *groupEnd = group + AHEAD * BATCH_STRIDE < end ? group + AHEAD * BATCH_STRIDE : end;
    if (capacity > IN_CACHE) {
      for (uint8_t *at = group; at < groupEnd; at += BATCH_STRIDE) sum += touch(load32(at), load32(at + 4));
    }
    for (uint8_t *at = group; at < groupEnd; at += BATCH_STRIDE) {
      uint32_t size = load32(at + 4);
      uint32_t verdict = (size & OUT_BIT) != 0 ? datagramOut(load32(at), size & ~OUT_BIT, loadf(at + 8))
                                               : datagramIn(load32(at), size, loadf(at + 8));
      store32(at + 4, verdict);
    }
  }
  touched = sum;
}

static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static void openBucket(uint8_t *b) {
  store64(b + BUCKET_BYTES, 1000000000ll * UNIT);
  store64(b + BUCKET_PACKETS, 1000000ll * UNIT);
  store64(b + BUCKET_RATE, 1000000000ll);
  store32(b + BUCKET_BURST, 1000000000);
  store32(b + BUCKET_PACKET_RATE, 1000000);
  store32(b + BUCKET_PACKET_BURST, 1000000);
}

int main(int argc, char **argv) {
  if (argc != 4) {
    fprintf(stderr, "usage: gate SESSIONS PACKETS ROUNDS\n");
    return 2;
  }
  uint32_t sessions = (uint32_t)atoi(argv[1]), total = (uint32_t)atoi(argv[2]), rounds = (uint32_t)atoi(argv[3]);
  capacity = (sessions + CHUNK_SLOTS - 1) / CHUNK_SLOTS * CHUNK_SLOTS;
  size_t size = TABLE + (size_t)capacity / CHUNK_SLOTS * CHUNK;
  memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return 1;
  for (uint32_t slot = 0; slot < sessions; slot++) {
    uint8_t *r = record(slot);
    store32(r + GENERATION, 1);
    openBucket(r + IN_BUCKET);
    openBucket(r + OUT_BUCKET);
  }
  /* The same packets as the bench makes: see bench/core.bench.ts. */
  uint32_t batch = SCRATCH_SIZE / BATCH_STRIDE, random = 12345;
  uint32_t *order = malloc(total * 8);
  for (uint32_t i = 0; i < total; i++) {
    random = random * 1103515245u + 12345u;
    order[i * 2] = (1u << SLOT_BITS) | ((random >> 8) % sessions);
    order[i * 2 + 1] = (40 + (random >> 20) % 1200) | ((i & 1) != 0 ? OUT_BIT : 0);
  }
  double best = 1e9, now = 1000;
  uint8_t *list = memory + SCRATCH;
  for (uint32_t round = 0; round < rounds; round++) {
    double spent = 0;
    for (uint32_t from = 0; from < total; from += batch) {
      uint32_t n = total - from < batch ? total - from : batch;
      for (uint32_t i = 0; i < n; i++) {
        store32(list + i * BATCH_STRIDE, order[(from + i) * 2]);
        store32(list + i * BATCH_STRIDE + 4, order[(from + i) * 2 + 1]);
        storef(list + i * BATCH_STRIDE + 8, now += 0.003);
      }
      double start = seconds();
      packets(list, n);
      spent += seconds() - start;
    }
    if (spent < best) best = spent;
  }
  double sum = 0;
  for (uint32_t slot = 0; slot < sessions; slot++) sum += loadf(record(slot) + IN_STATS + STAT_TOTAL_BYTES);
  printf("%.2f %.0f\n", best / total * 1e9, sum);
  return 0;
}
