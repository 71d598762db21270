/* storage: containers: their names, records, locks and ends. */
#include "tests/unit/storage_scene.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/json.h"
#include "storage/container.h"

/* --- containers --- */

static int make_container(const char *name, struct container_dir *ret, struct err *err)
{
	CLEAN(clean_json) json_t *config = json_object();

	js_set_str(config, "image", "r.io/a/b:1");
	if (container_dir_make(&store, ret, err) < 0)
		return -1;
	if (container_publish(&store, ret, name, config, err) == 0)
		return 0;
	container_dir_discard(&store, ret);
	return -1;
}

static void remove_container(struct container_dir *d, const char *name)
{
	char trash[STAGE_NAME_MAX];

	CHECK(container_remove(&store, d, name, trash, NULL) == 0);
	container_dir_done(d);
	CHECK(tree_remove_at(store.tmp, trash, NULL) == 0);
}

TEST(a_container_is_found_by_name_id_and_prefix)
{
	CLEAN(container_dir_done) struct container_dir d = CONTAINER_DIR_INIT;
	CLEAN(container_dir_done) struct container_dir other = CONTAINER_DIR_INIT;
	CLEAN(container_done) struct container c = {0};
	char prefix[2] = "", id[CONTAINER_ID_LEN + 1];
	struct err e = {0};

	CHECK(make_container("box", &d, NULL) == 0);
	CHECK(container_find(&store, "box", &c, NULL) == 0 && streq(c.id, d.id) &&
	      streq(c.name, "box"));
	CHECK(c.created > 0 && c.status == CONTAINER_CREATED && streq(c.image, "r.io/a/b:1"));
	container_done(&c);
	CHECK(container_find(&store, d.id, &c, NULL) == 0);
	container_done(&c);
	snprintf(id, sizeof(id), "%.12s", d.id);
	CHECK(container_find(&store, id, &c, NULL) == 0);
	container_done(&c);
	CHECK(container_find(&store, "", &c, &e) < 0 && e.kind == ERR_NOT_FOUND);
	CHECK(container_find(&store, "../box", &c, &e) < 0 && e.kind == ERR_NOT_FOUND);
	CHECK_STR(e.text, "no container with name or ID \"../box\" found: no such container");
	/* Two IDs that begin alike come sooner or later. */
	for (prefix[0] = d.id[0]; other.id[0] != d.id[0];) {
		if (other.id[0])
			remove_container(&other, "other");
		CHECK(make_container("other", &other, NULL) == 0);
	}
	CHECK(container_find(&store, prefix, &c, &e) < 0 && e.kind == ERR_USAGE);
	snprintf(id, sizeof(id), "%.12s", d.id);
	CHECK(strstr(e.text, id) != NULL);
	remove_container(&other, "other");
	remove_container(&d, "box");
	CHECK(count(store.fd, "names") == 0 && count(store.fd, "containers") == 0);
}

TEST(names_of_containers_are_well_formed)
{
	static const char *const bad[] = {"",	".",   "..",  "-x",  "_x",
					  ".x", "a/b", "a b", "a\n", "\xc3\xa4"};
	char longest[201];

	CHECK(container_name_valid("a") && container_name_valid("A0_.-"));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		CHECK(!container_name_valid(bad[i]));
	memset(longest, 'x', 200);
	longest[200] = '\0';
	CHECK(!container_name_valid(longest) && container_name_valid(longest + 1));
}

TEST(a_taken_name_tells_its_holder_and_a_stale_one_is_taken_over)
{
	CLEAN(container_dir_done) struct container_dir d = CONTAINER_DIR_INIT;
	CLEAN(container_dir_done) struct container_dir second = CONTAINER_DIR_INIT;
	char trash[STAGE_NAME_MAX];
	struct err e = {0};

	CHECK(make_container("x", &d, NULL) == 0);
	CHECK(make_container("x", &second, &e) < 0 && e.kind == ERR_EXISTS && strstr(e.text, d.id));
	CHECK(strstr(e.text, "\"x\" is already in use by") != NULL);
	CHECK(count(store.fd, "containers") == 1);
	/* Its remover died before it dropped the name. */
	CHECK(store_trash(&store, store.containers, d.id, trash, NULL) == 0);
	CHECK(make_container("x", &second, NULL) == 0);
	remove_container(&second, "x");
	/* What is no ID is nobody's. */
	CHECK(symlinkat("../..", store.names, "x") == 0 && make_container("x", &second, NULL) == 0);
	remove_container(&second, "x");
	store_sweep(&store, NULL, NULL);
	CHECK(count(store.fd, "names") == 0);
}

TEST(a_name_taken_by_who_died_before_the_record_was_written_is_free)
{
	CLEAN(container_dir_done) struct container_dir d = CONTAINER_DIR_INIT;
	CLEAN(container_dir_done) struct container_dir second = CONTAINER_DIR_INIT;
	struct err e = {0};

	CHECK(container_dir_make(&store, &d, NULL) == 0 && symlinkat(d.id, store.names, "y") == 0);
	CHECK(make_container("y", &second, &e) < 0 && e.kind == ERR_EXISTS); /* it is still at it */
	container_dir_done(&d);
	CHECK(make_container("y", &second, NULL) == 0);
	remove_container(&second, "y");
	CHECK(count(store.fd, "containers") == 0 && count(store.fd, "names") == 0);
}

/* Eight at once; how many got it. What the winner made is left without its name's being dropped. */
static int race_for_name(const char *name)
{
	pid_t pids[8];
	int gate[2] = {-1, -1}, won = 0;

	CHECK(pipe2(gate, O_CLOEXEC) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++) {
		pids[i] = fork_at_gate(gate);
		if (pids[i] == 0) {
			struct container_dir d = CONTAINER_DIR_INIT;
			struct err e = {0};

			if (make_container(name, &d, &e) < 0)
				_exit(e.kind == ERR_EXISTS ? 1 : 2);
			_exit(0);
		}
	}
	close(gate[0]);
	close(gate[1]);
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++) {
		int code = proc_reap(pids[i]);

		CHECK(code == 0 || code == 1);
		won += code == 0;
	}
	return won;
}

TEST(of_eight_that_race_for_a_name_one_wins)
{
	for (int round = 0; round < 40; round++) {
		CLEAN(container_done) struct container c = {0};
		char trash[STAGE_NAME_MAX];

		/* From the second round on the name is there, and stale. */
		CHECK(race_for_name("raced") == 1);
		CHECK(count(store.fd, "containers") == 1);
		if (container_find(&store, "raced", &c, NULL) < 0) {
			CHECK(!"the winner is found");
			return;
		}
		CHECK(store_trash(&store, store.containers, c.id, trash, NULL) == 0);
	}
	container_sweep(&store);
	store_sweep(&store, NULL, NULL);
	CHECK(count(store.fd, "names") == 0 && count(store.fd, "tmp") == 0);
}

/* What the state on disk is taken for. */
static enum container_status status_of(struct container_dir *d, const struct container_state *state,
				       int *ret_exit_code)
{
	CLEAN(container_done) struct container c = {0};

	CHECK(container_save_state(d, state, NULL) == 0);
	CHECK(container_find(&store, d->id, &c, NULL) == 0);
	CHECK(c.state.init.pid == state->init.pid && c.state.started == state->started);
	*ret_exit_code = c.state.exit_code;
	return c.status;
}

TEST(running_is_a_pid_a_start_and_a_boot_together)
{
	CLEAN(container_dir_done) struct container_dir d = CONTAINER_DIR_INIT;
	struct container_state s = {.started = now_realtime()}, forged;
	pid_t pid = fork();
	int code;

	if (pid == 0) {
		pause();
		_exit(0);
	}
	CHECK(make_container("state", &d, NULL) == 0 && proc_identify(pid, &s.init, NULL) == 0);
	CHECK(status_of(&d, &s, &code) == CONTAINER_RUNNING);
	forged = s;
	forged.init.pid = getpid(); /* alive, and somebody else */
	CHECK(status_of(&d, &forged, &code) == CONTAINER_EXITED && code == EXIT_UNKNOWN);
	forged = s;
	forged.init.boot[0] ^= 1;
	CHECK(status_of(&d, &forged, &code) == CONTAINER_EXITED && code == EXIT_UNKNOWN);
	for (pid_t odd = -1; odd <= 1; odd++) {
		forged = s;
		forged.init.pid = odd;
		CHECK(status_of(&d, &forged, &code) == CONTAINER_EXITED);
	}
	kill(pid, SIGKILL);
	proc_reap(pid);
	CHECK(status_of(&d, &s, &code) == CONTAINER_EXITED && code == EXIT_UNKNOWN);
	s.finished = now_realtime();
	s.exit_code = 3;
	CHECK(status_of(&d, &s, &code) == CONTAINER_EXITED && code == 3);
	write_file(d.fd, "state", "{\"pid\": \"x\"");
	CLEAN(container_done) struct container c = {0};
	CHECK(container_find(&store, "state", &c, NULL) == 0 && c.status == CONTAINER_CREATED);
	remove_container(&d, "state");
}

TEST(a_sweep_takes_what_never_became_a_container)
{
	CLEAN(container_dir_done) struct container_dir abandoned = CONTAINER_DIR_INIT;
	CLEAN(container_dir_done) struct container_dir making = CONTAINER_DIR_INIT;
	CLEAN(container_dir_done) struct container_dir finished = CONTAINER_DIR_INIT;
	CLEAN(container_dir_done) struct container_dir torn = CONTAINER_DIR_INIT;
	char ids[4][CONTAINER_ID_LEN + 1];

	CHECK(container_dir_make(&store, &abandoned, NULL) == 0);
	CHECK(container_dir_make(&store, &making, NULL) == 0);
	CHECK(make_container("finished", &finished, NULL) == 0 &&
	      make_container("torn", &torn, NULL) == 0);
	memcpy(ids[0], abandoned.id, sizeof(ids[0]));
	memcpy(ids[1], making.id, sizeof(ids[0]));
	memcpy(ids[2], finished.id, sizeof(ids[0]));
	memcpy(ids[3], torn.id, sizeof(ids[0]));
	write_file(torn.fd, "config",
		   ""); /* a power cut: the name was durable, the bytes were not */
	container_dir_done(&abandoned);
	container_dir_done(&finished);
	container_dir_done(&torn);
	container_sweep(&store);
	CHECK(!exists(store.containers, ids[0]) && exists(store.containers, ids[1]));
	CHECK(exists(store.containers, ids[2]) && !exists(store.containers, ids[3]));
	CHECK(exists(store.names, "finished") && !exists(store.names, "torn"));
	CHECK(count(store.fd, "tmp") == 0);
	container_dir_discard(&store, &making);
	CHECK(container_dir_lock(&store, ids[2], false, &finished, NULL) == 0);
	remove_container(&finished, "finished");
	CHECK(count(store.fd, "containers") == 0);
}

TEST(a_container_is_made_whatever_sweeps_meanwhile)
{
	pid_t pid = fork();

	if (pid == 0)
		for (;;)
			container_sweep(&store);
	for (int i = 0; i < 2000; i++) {
		struct container_dir d = CONTAINER_DIR_INIT;
		struct err e = {0};

		if (container_dir_make(&store, &d, &e) < 0) {
			printf("#   round %d: %s\n", i, e.text);
			CHECK(!"made");
			break;
		}
		CHECK(exists(d.fd, "upper") && exists(d.fd, "work") &&
		      exists(store.containers, d.id));
		container_dir_discard(&store, &d);
	}
	kill(pid, SIGKILL);
	proc_reap(pid);
	container_sweep(&store);
	store_sweep(&store, NULL, NULL);
	CHECK(count(store.fd, "containers") == 0 && count(store.fd, "tmp") == 0);
}

TEST(a_container_is_locked_once_and_gone_for_who_waited_while_it_was_removed)
{
	CLEAN(container_dir_done) struct container_dir d = CONTAINER_DIR_INIT;
	struct container_dir second = CONTAINER_DIR_INIT;
	char id[CONTAINER_ID_LEN + 1];
	struct err e = {0};
	int gate[2] = {-1, -1};
	pid_t pid;

	CHECK(pipe2(gate, O_CLOEXEC) == 0 && make_container("locked", &d, NULL) == 0);
	CHECK(container_dir_lock(&store, d.id, false, &second, &e) < 0 && e.kind == ERR_BUSY);
	memcpy(id, d.id, sizeof(id));
	pid = fork_at_gate(gate);
	if (pid == 0) {
		container_dir_done(&d);
		_exit(container_dir_lock(&store, id, true, &second, &e) < 0 &&
			      e.kind == ERR_NOT_FOUND
			  ? 0
			  : 1);
	}
	close(gate[0]);
	close(gate[1]);
	remove_container(&d, "locked");
	CHECK(proc_reap(pid) == 0);
}

int main(void)
{
	scene_begin("test_container");
	RUN(a_container_is_found_by_name_id_and_prefix);
	RUN(names_of_containers_are_well_formed);
	RUN(a_taken_name_tells_its_holder_and_a_stale_one_is_taken_over);
	RUN(a_name_taken_by_who_died_before_the_record_was_written_is_free);
	RUN(of_eight_that_race_for_a_name_one_wins);
	RUN(running_is_a_pid_a_start_and_a_boot_together);
	RUN(a_sweep_takes_what_never_became_a_container);
	RUN(a_container_is_made_whatever_sweeps_meanwhile);
	RUN(a_container_is_locked_once_and_gone_for_who_waited_while_it_was_removed);
	return scene_end();
}
