#include "image/hash.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"

struct hash {
	EVP_MD_CTX *ctx;
};

/* OpenSSL fails these only where memory does, or where its installation is broken. */
static void must(int ok)
{
	if (ok != 1) {
		fputs("Error: OpenSSL cannot compute SHA-256\n", stderr);
		_exit(125);
	}
}

struct hash *hash_new(void)
{
	struct hash *h = xcalloc(1, sizeof(*h));

	h->ctx = EVP_MD_CTX_new();
	must(h->ctx && EVP_DigestInit_ex(h->ctx, EVP_sha256(), NULL));
	return h;
}

void hash_add(struct hash *h, const void *data, size_t len)
{
	must(EVP_DigestUpdate(h->ctx, data, len));
}

void hash_digest(struct hash *h, char ret[DIGEST_SIZE])
{
	unsigned char raw[32];

	must(EVP_DigestFinal_ex(h->ctx, raw, NULL));
	memcpy(ret, DIGEST_PREFIX, sizeof(DIGEST_PREFIX));
	for (size_t i = 0; i < sizeof(raw); i++)
		sprintf(ret + strlen(DIGEST_PREFIX) + 2 * i, "%02x", raw[i]);
}

void hash_free(struct hash *h)
{
	if (h)
		EVP_MD_CTX_free(h->ctx);
	free(h);
}

void clean_hash(struct hash **h)
{
	hash_free(*h);
}

void digest_of(const void *data, size_t len, char ret[DIGEST_SIZE])
{
	CLEAN(clean_hash) struct hash *h = hash_new();

	hash_add(h, data, len);
	hash_digest(h, ret);
}
