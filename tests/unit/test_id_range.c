/* Ranges of IDs, and maps made of others by them. */
#include "base/id_range.h"
#include "base/cleanup.h"
#include "runtime/idmap.h"
#include "tests/unit/test.h"

static struct id_range range(const char *text)
{
	struct id_range r = { 0 };

	CHECK(id_range_parse(text, &r, NULL) == 0);
	return r;
}

TEST(a_range_is_three_numbers)
{
	static const char *const bad[] = { "",	      "1",	"1:2",	    "1:2:0",  "1:2:3:4", "-1:2:3",
					   "x:1:1",   " 1:2:3", "1:2:3 ",   "1::3",   "+1:2:3",
					   "4294967296:0:1", "0:4294967295:1", "1:1:4294967295" };
	struct id_range r = range("0:1:1001");

	CHECK(r.inside == 0 && r.outside == 1 && r.count == 1001);
	r = range("4294967294:0:1");
	CHECK(r.inside == 4294967294u);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		CHECK(id_range_parse(bad[i], &r, NULL) < 0);
}

TEST(ranges_that_overlap_on_either_side_are_refused)
{
	struct id_ranges r = { .n = 0 };
	struct err err = { 0 };

	CHECK(id_ranges_add(&r, range("0:1:10"), &err) == 0);
	CHECK(id_ranges_add(&r, range("9:100:1"), &err) < 0 && err.kind == ERR_USAGE);
	CHECK(id_ranges_add(&r, range("100:10:1"), &err) < 0);
	CHECK(id_ranges_add(&r, range("10:11:1"), &err) == 0 && r.n == 2);
	CHECK(id_ranges_add(&r, (struct id_range){ 5, 5, 0 }, &err) == 0 && r.n == 2);
	for (uint32_t i = 0; r.n < ID_RANGES_MAX; i++)
		CHECK(id_ranges_add(&r, (struct id_range){ 1000 + i, 1000 + i, 1 }, &err) == 0);
	CHECK(id_ranges_add(&r, range("5000:5000:1"), &err) < 0);
}

TEST(an_id_is_found_both_ways)
{
	struct id_ranges r = { .n = 0 };
	uint32_t id = 7;

	CHECK(id_ranges_add(&r, range("0:1:1000"), NULL) == 0 &&
	      id_ranges_add(&r, range("1000:0:1"), NULL) == 0);
	CHECK(id_ranges_find(r.v, r.n, 999, &id) && id == 1000);
	CHECK(id_ranges_find(r.v, r.n, 1000, &id) && id == 0);
	CHECK(!id_ranges_find(r.v, r.n, 1001, &id) && id == 0);
	CHECK(id_ranges_find_inside(&r, 0, &id) && id == 1000);
	CHECK(id_ranges_find_inside(&r, 1000, &id) && id == 999);
	CHECK(!id_ranges_find_inside(&r, 1001, &id));
}

TEST(a_mapping_is_named_by_what_it_maps)
{
	struct id_mapping a = { .uids.n = 0 }, b = { .uids.n = 0 };
	char one[ID_MAPPING_NAME_MAX], other[ID_MAPPING_NAME_MAX];

	CHECK(id_ranges_add(&a.uids, range("0:1:5"), NULL) == 0 && id_ranges_add(&a.uids, range("5:0:1"), NULL) == 0);
	CHECK(id_ranges_add(&b.uids, range("5:0:1"), NULL) == 0 && id_ranges_add(&b.uids, range("0:1:5"), NULL) == 0);
	id_mapping_name(&a, one);
	id_mapping_name(&b, other);
	CHECK_STR(one, other);
	/* Users are not groups. */
	b.gids = b.uids;
	b.uids.n = 0;
	id_mapping_name(&b, other);
	CHECK(strcmp(one, other) != 0 && strlen(other) == 32);
}

TEST(a_map_by_a_mapping_is_cut_where_the_outer_one_is)
{
	struct id_map outer = { .uids = { { 0, 1000, 1 }, { 1, 100000, 100 }, { 101, 300000, 50 } }, .n_uids = 3,
				.gids = { { 0, 1000, 1 } }, .n_gids = 1 };
	struct id_mapping m = { .uids.n = 0 };
	struct id_map map;
	struct err err = { 0 };

	CHECK(id_ranges_add(&m.uids, range("10:0:120"), NULL) == 0 && id_ranges_add(&m.gids, range("0:0:1"), NULL) == 0);
	CHECK(id_map_through(&outer, &m, &map, &err) == 0 && map.n_uids == 3 && map.n_gids == 1);
	CHECK(map.uids[0].inside == 10 && map.uids[0].outside == 1000 && map.uids[0].count == 1);
	CHECK(map.uids[1].inside == 11 && map.uids[1].outside == 100000 && map.uids[1].count == 100);
	CHECK(map.uids[2].inside == 111 && map.uids[2].outside == 300000 && map.uids[2].count == 19);
	CHECK(id_map_root(&map) == 10 && id_map_root_group(&map) == 0);
	m.uids.v[0].count = 152;
	CHECK(id_map_through(&outer, &m, &map, &err) < 0 && err.kind == ERR_DENIED);
}

int main(void)
{
	RUN(a_range_is_three_numbers);
	RUN(ranges_that_overlap_on_either_side_are_refused);
	RUN(an_id_is_found_both_ways);
	RUN(a_mapping_is_named_by_what_it_maps);
	RUN(a_map_by_a_mapping_is_cut_where_the_outer_one_is);
	return test_summary();
}
