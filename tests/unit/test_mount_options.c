/* cmd: volumes, mounts and tmpfs in the words of the command line. */
#include "tests/unit/work.h"

#include "cmd/mount_option.h"
#include "cmd/volume_option.h"

TEST(a_volume_has_a_source_a_target_and_options)
{
	CLEAN(container_spec_done) struct container_spec spec = {0};
	CLEAN(clean_free)
	char *text = xasprintf("%s/sub/..:/data/./x//y/../:ro,noexec,z", work_path);
	const struct mount_spec *m;
	struct stat st, source;

	mkdirat(work, "sub", 0755);
	CHECK(volume_option_add(text, &spec, NULL) == 0 && spec.n_mounts == 1);
	m = spec.mounts;
	CHECK(m->kind == MOUNT_BIND && m->read_only && m->no_exec && !m->no_suid && !m->no_dev);
	CHECK_STR(m->target, "/data/x");
	CHECK(stat(m->source, &source) == 0 && fstat(work, &st) == 0 && st.st_ino == source.st_ino);
	CHECK(fchdir(work) == 0 && volume_option_add("./sub:/s", &spec, NULL) == 0);
	CHECK(spec.n_mounts == 2 && spec.mounts[1].source[0] == '/' && !spec.mounts[1].read_only);
}

TEST(volumes_that_cannot_be_are_refused_and_none_is_added)
{
	static const struct {
		const char *text;
		enum err_kind kind;
	} rows[] = {
		{"", ERR_USAGE},
		{":", ERR_USAGE},
		{"/", ERR_USAGE},
		{"x", ERR_USAGE},
		{"a b:/x", ERR_USAGE},
		{"a/b:/x", ERR_USAGE},
		{":/x", ERR_USAGE},
		{"/not-there:/x", ERR_NOT_FOUND},
		{"/usr:", ERR_USAGE},
		{"/usr:x", ERR_USAGE},
		{"/usr:/", ERR_USAGE},
		{"/usr:/x/..", ERR_USAGE},
		{"/usr:/x:rx", ERR_USAGE},
		{"/usr:/x:ro:rw", ERR_USAGE},
		{"/usr:/x:ro,rw", ERR_USAGE},
		{"/usr:/x:z,Z", ERR_USAGE},
		{"/usr:/x:z,O", ERR_USAGE},
		{"/usr:/x:O,ro", ERR_USAGE},
		{"/usr:/x:U,U", ERR_USAGE},
		{"/usr:/x:slave,private", ERR_USAGE},
		{"/usr:/x:copy", ERR_USAGE},
		{"/usr:/x:upperdir=/usr,workdir=/usr", ERR_USAGE},
		{"/usr:/x:O,upperdir=/usr", ERR_USAGE},
		{"/usr:/x:idmap", ERR_UNSUPPORTED},
	};
	CLEAN(container_spec_done) struct container_spec spec = {0};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct err e = {0};

		CHECK(volume_option_add(rows[i].text, &spec, &e) < 0);
		if (e.kind != rows[i].kind)
			printf("#   '%s': %s\n", rows[i].text, e.text);
		CHECK(e.kind == rows[i].kind && spec.n_mounts == 0);
	}
}

TEST(a_volume_may_have_a_name_or_none)
{
	CLEAN(container_spec_done) struct container_spec spec = {0};
	const struct mount_spec *m;

	CHECK(volume_option_add("name:/x:nocopy,U,noexec", &spec, NULL) == 0);
	CHECK(volume_option_add("/y", &spec, NULL) == 0);
	CHECK(volume_option_add("/usr:/z:rslave,bind", &spec, NULL) == 0);
	CHECK(volume_option_add("/usr:/with\\:colon:O", &spec, NULL) == 0);
	m = spec.mounts;
	CHECK(m[0].kind == MOUNT_VOLUME && streq(m[0].name, "name") && m[0].no_copy && m[0].chown &&
	      m[0].no_exec && m[0].said && m[0].shared);
	CHECK(m[1].kind == MOUNT_VOLUME && !m[1].name && streq(m[1].target, "/y"));
	CHECK(m[2].kind == MOUNT_BIND && m[2].alone && m[2].spread &&
	      m[2].propagation == PROPAGATION_SLAVE);
	CHECK(m[3].overlay && streq(m[3].target, "/with:colon"));
}

TEST(a_mount_in_words_is_what_they_say)
{
	CLEAN(container_spec_done) struct container_spec spec = {0};
	const struct mount_spec *m;

	CHECK(mount_option_add("type=bind,source=/usr,target=/a,readonly,bind-propagation=rslave,"
			       "bind-nonrecursive,relabel=shared,consistency=cached",
			       &spec, NULL) == 0);
	CHECK(mount_option_add("src=v,dst=/b,ro=false,volume-nocopy,volume-label=a=b", &spec, NULL) == 0);
	CHECK(mount_option_add("type=tmpfs,destination=/c,tmpfs-size=1m,tmpfs-mode=0700,tmpcopyup,exec",
			       &spec, NULL) == 0);
	CHECK(mount_option_add("type=image,src=img,dst=/d", &spec, NULL) == 0);
	CHECK(mount_option_add("type=image,src=img,dst=/e,rw=true", &spec, NULL) == 0);
	CHECK(mount_option_add("type=volume,dst=/f,\"volume-opt=o=bind,rw\",volume-opt=device=/usr", &spec,
			       NULL) == 0);
	m = spec.mounts;
	CHECK(m[0].kind == MOUNT_BIND && m[0].read_only && m[0].alone && m[0].spread &&
	      m[0].propagation == PROPAGATION_SLAVE && streq(m[0].source, "/usr"));
	CHECK(m[1].kind == MOUNT_VOLUME && !m[1].read_only && m[1].no_copy && m[1].labels.n == 1);
	CHECK_STR(m[2].source, "size=1048576,mode=0700");
	CHECK(m[2].copy_up && !m[2].no_exec && m[2].no_suid && !m[2].shared);
	CHECK(m[3].kind == MOUNT_IMAGE && m[3].read_only && !m[3].overlay);
	CHECK(!m[4].read_only && m[4].overlay);
	CHECK(m[5].options.n == 2 && streq(m[5].options.v[0], "o=bind,rw"));
}

TEST(a_mount_that_cannot_be_is_refused)
{
	static const char *const rows[][2] = {
		{"type=foo,source=x,dst=/x", "invalid filesystem type \"foo\""},
		{"type=bind,source=/tmp", "must set volume destination"},
		{"type=bind,dst=/x", "source"},
		{"type=bind,source=/nope,dst=/x", "statfs /nope: no such file or directory"},
		{"type=bind,source=/tmp,dst=x", "invalid container path \"x\", must be an absolute path"},
		{"type=bind,source=/tmp,dst=/x,ro,rw", "more than once"},
		{"type=bind,source=/tmp,dst=/x,ro=maybe", "instead received \"maybe\""},
		{"type=bind,source=/tmp,dst=/x,nope=1", "nope: invalid mount option"},
		{"type=bind,source=/tmp,dst=/x,tmpfs-size=1", "tmpfs-size: invalid mount option"},
		{"type=bind,source=/tmp,dst=/x,bind-propagation=nope", "invalid option type \"nope\""},
		{"type=bind,source=/tmp,dst=/x,relabel=nope", "relabel mount option must be"},
		{"type=bind,source=/tmp,dst=/x,idmap", "only root"},
		{"type=tmpfs,source=a,dst=/x", "source is not supported with tmpfs mounts"},
		{"type=tmpfs,dst=/x,tmpfs-size=zz", "zz"},
		{"type=tmpfs,dst=/x,tmpfs-mode=9", "octal"},
		{"type=volume,source=a/b,dst=/x", "names must match"},
		{"type=volume,source=a,dst=/x,volume-driver=nfs", "plugin"},
		{"type=volume,source=a,dst=/x,volume-opt=type=nfs", "takes root"},
		{"type=volume,source=a,dst=/x,volume-subpath=b", "not in this version"},
		{"type=image,dst=/x", "must set source and destination for image volume"},
		{"type=devpts,dst=/x", "not in this version"},
		{"\"type=tmpfs,dst=/x", "quotation"},
		{"nonsense", "nonsense: invalid mount option"},
	};
	CLEAN(container_spec_done) struct container_spec spec = {0};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct err e = {0};

		CHECK(mount_option_add(rows[i][0], &spec, &e) < 0 && spec.n_mounts == 0);
		if (!strstr(e.text, rows[i][1]))
			printf("#   '%s': %s\n", rows[i][0], e.text);
		CHECK(strstr(e.text, rows[i][1]) != NULL);
	}
}

TEST(a_tmpfs_takes_what_does_no_harm)
{
	CLEAN(container_spec_done) struct container_spec spec = {0};
	struct err e = {0};

	CHECK(tmpfs_option_add("/t:size=64m,exec,mode=1777,ro", &spec, NULL) == 0);
	CHECK(spec.mounts[0].kind == MOUNT_TMPFS && !spec.mounts[0].no_exec &&
	      spec.mounts[0].no_suid && spec.mounts[0].no_dev && spec.mounts[0].read_only);
	CHECK_STR(spec.mounts[0].source, "size=64m,mode=1777");
	CHECK(tmpfs_option_add("/u", &spec, NULL) == 0 && streq(spec.mounts[1].source, ""));
	CHECK(tmpfs_option_add("/v:mpol=bind", &spec, &e) < 0 && e.kind == ERR_USAGE);
	CHECK(tmpfs_option_add("v", &spec, &e) < 0 && tmpfs_option_add("", &spec, &e) < 0);
	CHECK(spec.n_mounts == 2);
}

TEST(outer_mounts_come_first_and_no_place_is_mounted_on_twice)
{
	static const char *const targets[] = {"/a/b/c", "/a-b", "/a/b", "/b", "/a"};
	CLEAN(container_spec_done) struct container_spec spec = {0};
	struct err e = {0};
	size_t at[ARRAY_SIZE(targets)];

	for (size_t i = 0; i < ARRAY_SIZE(targets); i++)
		CHECK(tmpfs_option_add(targets[i], &spec, NULL) == 0);
	CHECK(volume_options_sort(&spec, NULL) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(targets); i++)
		for (size_t j = 0; j < spec.n_mounts; j++)
			if (streq(targets[i], spec.mounts[j].target))
				at[i] = j;
	CHECK(at[4] < at[2] && at[2] < at[0]);
	CHECK(volume_option_add("/usr:/a/./b/", &spec, NULL) == 0);
	CHECK(volume_options_sort(&spec, &e) < 0 && e.kind == ERR_USAGE);
	CHECK_STR(e.text, "/a/b: duplicate mount destination");
}

int main(void)
{
	begin_work();
	RUN(a_volume_has_a_source_a_target_and_options);
	RUN(volumes_that_cannot_be_are_refused_and_none_is_added);
	RUN(a_volume_may_have_a_name_or_none);
	RUN(a_mount_in_words_is_what_they_say);
	RUN(a_mount_that_cannot_be_is_refused);
	RUN(a_tmpfs_takes_what_does_no_harm);
	RUN(outer_mounts_come_first_and_no_place_is_mounted_on_twice);
	end_work();
	return test_summary();
}
