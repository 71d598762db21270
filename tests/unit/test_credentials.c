/* Who may become whom, and give which file to whom: runtime/credentials, base/owner. */
#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/str.h"
#include "runtime/caps.h"
#include "runtime/credentials.h"
#include "test.h"

static bool are(const struct ids *ids, uint32_t real, uint32_t effective, uint32_t saved, uint32_t fs)
{
	return ids->real == real && ids->effective == effective && ids->saved == saved && ids->fs == fs;
}

TEST(root_becomes_anybody_and_nobody_becomes_root_again)
{
	struct ids ids = { 0 };

	CHECK(ids_set(&ids, true, 33) == 0 && are(&ids, 33, 33, 33, 33));
	CHECK(ids_set(&ids, false, 0) == EPERM && are(&ids, 33, 33, 33, 33));
	CHECK(ids_set_re(&ids, false, 0, ID_NONE) == EPERM && ids_set_re(&ids, false, ID_NONE, 0) == EPERM);
	CHECK(ids_set_res(&ids, false, ID_NONE, ID_NONE, 0) == EPERM && are(&ids, 33, 33, 33, 33));
	CHECK(ids_set(&ids, false, 33) == 0);
	CHECK(ids_set(&ids, true, ID_NONE) == EINVAL && ids_set(&ids, false, ID_NONE) == EINVAL);
}

TEST(seteuid_can_be_undone_while_the_saved_one_stays)
{
	struct ids ids = { 0 };

	CHECK(ids_set_res(&ids, true, ID_NONE, 33, ID_NONE) == 0 && are(&ids, 0, 33, 0, 33));
	CHECK(ids_set(&ids, false, 0) == 0 && are(&ids, 0, 0, 0, 0));
	CHECK(ids_set_res(&ids, true, 5, 6, 7) == 0 && are(&ids, 5, 6, 7, 6));
	CHECK(ids_set(&ids, false, 6) == EPERM);
	CHECK(ids_set_res(&ids, false, 7, 5, 6) == 0 && are(&ids, 7, 5, 6, 5));
	CHECK(ids_set_res(&ids, false, ID_NONE, 8, ID_NONE) == EPERM);
}

/* As a kernel answers it: setreuid(2), NOTES. */
TEST(setreuid_swaps_and_sets_the_saved_one)
{
	struct ids ids = { 1000, 0, 0, 0 };

	CHECK(ids_set_re(&ids, false, 0, 1000) == 0 && are(&ids, 0, 1000, 1000, 1000));
	CHECK(ids_set_re(&ids, false, 1000, 0) == 0 && are(&ids, 1000, 0, 0, 0));
	ids = (struct ids){ 1000, 1000, 0, 1000 };
	CHECK(ids_set_re(&ids, false, ID_NONE, 0) == 0 && are(&ids, 1000, 0, 0, 0));
	ids = (struct ids){ 1000, 1000, 0, 1000 };
	CHECK(ids_set_re(&ids, false, 0, ID_NONE) == EPERM);
	CHECK(ids_set_re(&ids, false, ID_NONE, 1000) == 0 && are(&ids, 1000, 1000, 0, 1000));
	CHECK(ids_set_re(&ids, false, ID_NONE, ID_NONE) == 0 && are(&ids, 1000, 1000, 0, 1000));
}

TEST(setfsuid_tells_what_was_whatever_it_does)
{
	struct ids ids = { 0 };

	CHECK(ids_set_fs(&ids, true, 33) == 0 && ids.fs == 33);
	CHECK(ids_set_fs(&ids, false, 34) == 33 && ids.fs == 33);
	CHECK(ids_set_fs(&ids, false, ID_NONE) == 33 && ids.fs == 33);
	CHECK(ids_set_fs(&ids, false, 0) == 33 && ids.fs == 0);
}

TEST(capabilities_are_effective_roots_and_over_files_the_file_system_users)
{
	struct credentials c;

	credentials_root(&c);
	CHECK(credentials_capable(&c, caps_default(), CAP_SETUID));
	CHECK(!credentials_capable(&c, 0, CAP_SETUID));
	c.uid.fs = 33;
	CHECK(credentials_capable(&c, caps_default(), CAP_SETUID));
	CHECK(!credentials_capable(&c, caps_default(), CAP_CHOWN));
	c.uid.effective = 33;
	CHECK(!credentials_capable(&c, caps_default(), CAP_SETUID));
}

TEST(an_owner_gives_a_file_to_groups_of_its_own_only)
{
	struct credentials c = { .uid = { 33, 33, 33, 33 }, .gid = { 33, 33, 33, 33 }, .n_groups = 1,
				 .groups = { 4 } };
	const struct owner own = { 33, 50 }, other = { 0, 33 };
	const uint64_t caps = caps_default();

	CHECK(credentials_chown(&c, caps, own, ID_NONE, 4) == 0);
	CHECK(credentials_chown(&c, caps, own, 33, 33) == 0);
	CHECK(credentials_chown(&c, caps, own, 33, 50) == 0);
	CHECK(credentials_chown(&c, caps, own, ID_NONE, 0) == EPERM);
	CHECK(credentials_chown(&c, caps, own, 0, ID_NONE) == EPERM);
	CHECK(credentials_chown(&c, caps, other, 33, ID_NONE) == EPERM);
	CHECK(credentials_chown(&c, caps, other, ID_NONE, 33) == EPERM);
	credentials_root(&c);
	CHECK(credentials_chown(&c, caps, own, 7, 7) == 0);
	CHECK(credentials_chown(&c, 0, own, 7, ID_NONE) == EPERM);
}

TEST(sets_are_numbered_once_each_up_to_a_bound)
{
	struct credential_sets *s = xcalloc(1, sizeof(*s));
	struct credentials c;

	credentials_root(&c);
	CHECK(!credential_sets_get(s, 0));
	for (uint32_t i = 0; i < CREDENTIAL_SETS; i++) {
		c.uid.real = i;
		if (credential_sets_add(s, &c) != (int)i)
			test_bad = 1;
	}
	c.uid.real = CREDENTIAL_SETS;
	CHECK(credential_sets_add(s, &c) == -1);
	c.uid.real = 7;
	c.groups[5] = 99; /* beyond those that count */
	CHECK(credential_sets_add(s, &c) == 7);
	CHECK(credential_sets_get(s, 7)->uid.real == 7);
	CHECK(!credential_sets_get(s, CREDENTIAL_SETS) && !credential_sets_get(s, UINT64_MAX));
	free(s);
}

static bool is_owner(const char *bytes, size_t len, uint32_t uid, uint32_t gid)
{
	struct owner o;

	return owner_decode((const unsigned char *)bytes, len, &o) && o.uid == uid && o.gid == gid;
}

/* The protobuf of rootlesscontaine.rs: uint32 uid = 1, gid = 2. */
TEST(owners_are_written_as_others_write_them)
{
	unsigned char value[OWNER_MAX];

	CHECK(owner_encode((struct owner){ 0 }, value) == 0);
	CHECK(owner_encode((struct owner){ 33, 4 }, value) == 4 && memcmp(value, "\x08\x21\x10\x04", 4) == 0);
	CHECK(owner_encode((struct owner){ 65534, 0 }, value) == 4 &&
	      memcmp(value, "\x08\xfe\xff\x03", 4) == 0);
	CHECK(owner_encode((struct owner){ UINT32_MAX - 1, UINT32_MAX - 1 }, value) == OWNER_MAX &&
	      is_owner((char *)value, OWNER_MAX, UINT32_MAX - 1, UINT32_MAX - 1));
	CHECK(is_owner("", 0, 0, 0) && is_owner("\x10\x21", 2, 0, 33) && is_owner("\x08\x80\x01", 3, 128, 0));
}

TEST(what_is_no_owner_is_none)
{
	CHECK(!is_owner("\x08", 1, 0, 0) && !is_owner("\x08\x80", 2, 0, 0) && !is_owner("\x18\x01", 2, 0, 0));
	CHECK(!is_owner("\x08\xff\xff\xff\xff\x0f", 6, UINT32_MAX, 0));
	CHECK(!is_owner("\x08\xff\xff\xff\xff\x7f", 6, 0, 0));
	CHECK(!is_owner("\x08\x80\x80\x80\x80\x80\x01", 7, 0, 0) && !is_owner("33:4", 4, 33, 4));
}

static bool lists(const char *text, uint64_t ino, int64_t born, uint32_t uid, uint32_t gid)
{
	const struct owner_entry key = { .ino = ino, .born = born };
	struct owner_list l;
	struct owner o;
	bool found;

	owner_list_parse(text, &l);
	found = owner_list_find(&l, &key, &o) && o.uid == uid && o.gid == gid;
	owner_list_done(&l);
	return found;
}

TEST(of_a_list_the_later_line_counts_and_what_is_wrong_ends_it)
{
	static const char text[] = "5 0 1 2\n6 -7 8 9\n5 0 3 4\n5 1 6 6\n7 0 1\n8 0 1 1\n";

	CHECK(lists(text, 5, 0, 3, 4) && lists(text, 5, 1, 6, 6) && lists(text, 6, -7, 8, 9));
	CHECK(!lists(text, 6, 7, 8, 9) && !lists(text, 7, 0, 1, 8) && !lists(text, 8, 0, 1, 1));
	CHECK(!lists("", 0, 0, 0, 0) && !lists("5 0 1 2", 5, 0, 1, 2) && !lists("\n5 0 1 2\n", 5, 0, 1, 2));
}

int main(void)
{
	RUN(root_becomes_anybody_and_nobody_becomes_root_again);
	RUN(seteuid_can_be_undone_while_the_saved_one_stays);
	RUN(setreuid_swaps_and_sets_the_saved_one);
	RUN(setfsuid_tells_what_was_whatever_it_does);
	RUN(capabilities_are_effective_roots_and_over_files_the_file_system_users);
	RUN(an_owner_gives_a_file_to_groups_of_its_own_only);
	RUN(sets_are_numbered_once_each_up_to_a_bound);
	RUN(owners_are_written_as_others_write_them);
	RUN(what_is_no_owner_is_none);
	RUN(of_a_list_the_later_line_counts_and_what_is_wrong_ends_it);
	return test_summary();
}
