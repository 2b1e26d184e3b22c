/* SHA-1 as FIPS 180-4, section 6.1, describes it: blocks of 64 bytes, 80 rounds each. */
#include "base/sha1.h"

enum { BLOCK = 64 };

static uint32_t rotate(uint32_t x, unsigned n)
{
	return x << n | x >> (32 - n);
}

static void add_block(uint32_t state[5], const unsigned char *p)
{
	uint32_t w[80], a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
	for (unsigned i = 0; i < 16; i++)
		w[i] = (uint32_t)p[4 * i] << 24 | (uint32_t)p[4 * i + 1] << 16 | (uint32_t)p[4 * i + 2] << 8 |
		       p[4 * i + 3];
	for (unsigned i = 16; i < 80; i++)
		w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
	for (unsigned i = 0; i < 80; i++) {
		uint32_t mix = i < 20	? ((b & c) | (~b & d)) + 0x5a827999u
			       : i < 40 ? (b ^ c ^ d) + 0x6ed9eba1u
			       : i < 60 ? ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdcu
					: (b ^ c ^ d) + 0xca62c1d6u;
		uint32_t next = rotate(a, 5) + mix + e + w[i];
		e = d;
		d = c;
		c = rotate(b, 30);
		b = a;
		a = next;
	}
	state[0] += a;
	state[1] += b;
	state[2] += c;
	state[3] += d;
	state[4] += e;
}

void sha1(struct str bytes, unsigned char ret_digest[SHA1_SIZE])
{
	uint32_t state[5] = {0x67452301u, 0xefcdab89u, 0x98badcfeu, 0x10325476u, 0xc3d2e1f0u};
	unsigned char last[2 * BLOCK] = {0};
	size_t whole = bytes.n - bytes.n % BLOCK, rest = bytes.n - whole;
	size_t padded = rest + 9 <= BLOCK ? BLOCK : 2 * BLOCK;
	uint64_t bits = (uint64_t)bytes.n * 8;
	for (size_t at = 0; at < whole; at += BLOCK)
		add_block(state, (const unsigned char *)bytes.p + at);
	if (rest)
		memcpy(last, bytes.p + whole, rest);
	last[rest] = 0x80;
	for (unsigned i = 0; i < 8; i++)
		last[padded - 1 - i] = (unsigned char)(bits >> (8 * i));
	for (size_t at = 0; at < padded; at += BLOCK)
		add_block(state, last + at);
	for (unsigned i = 0; i < SHA1_SIZE; i++)
		ret_digest[i] = (unsigned char)(state[i / 4] >> (24 - 8 * (i % 4)));
}
