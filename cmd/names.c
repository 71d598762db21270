#include "cmd/names.h"

#include <sys/random.h>

#include "base/cleanup.h"
#include "base/str.h"

static const char *const adjectives[] = {
	"amber",  "brave",  "brisk",  "calm",	"candid", "cheery", "clever", "cosy",
	"crisp",  "daring", "dapper", "eager",	"fair",	  "fluent", "fond",   "frank",
	"gentle", "glad",   "golden", "happy",	"hardy",  "hearty", "humble", "jolly",
	"keen",	  "kind",   "lively", "lucid",	"mellow", "merry",  "modest", "neat",
	"nimble", "patient", "placid", "proud", "quick",  "quiet",  "ready",  "serene",
	"sharp",  "silent", "sincere", "smart", "spry",	  "steady", "sunny",  "swift",
	"tender", "tidy",   "upbeat", "vivid",	"warm",	  "wise",   "witty",  "zesty",
};

/* People whom computing owes much. */
static const char *const names[] = {
	"babbage", "backus",  "booth",	 "borg",     "brooks",	"church",   "codd",    "dijkstra",
	"engelbart", "euler", "floyd",	 "gauss",    "goedel",	"goldberg", "gosper",  "granville",
	"hamilton", "hamming", "hoare",	 "holberton", "hopper",	"huffman",  "iverson", "johnson",
	"kay",	   "keller",  "kernighan", "knuth",  "lamport", "lamarr",   "liskov",  "lovelace",
	"mccarthy", "meltzer", "milner", "moore",    "naur",	"noether",  "perlis",  "perlman",
	"postel",  "ritchie", "sammet",	 "shannon",  "spence",	"tarjan",   "thompson", "torvalds",
	"turing",  "wilkes",  "wing",	 "wirth",    "yao",	"zuse",
};

char *generate_name(int attempt)
{
	unsigned int r[3] = { 0 };
	const char *adjective, *name;

	if (getrandom(r, sizeof(r), 0) < 0)
		r[0] = r[1] = (unsigned int)attempt;
	adjective = adjectives[r[0] % ARRAY_SIZE(adjectives)];
	name = names[r[1] % ARRAY_SIZE(names)];
	if (attempt > 3)
		return xasprintf("%s_%s%u", adjective, name, r[2] % 1000000);
	return xasprintf("%s_%s", adjective, name);
}
