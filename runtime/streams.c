#include "runtime/streams.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "runtime/attach.h"

/* A pipe whose container's end goes to *ret_theirs. Ours does not block. */
static int make_pipe(int *ret_ours, int *ret_theirs, bool we_write, struct err *err)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, "cannot make a pipe");
	*ret_ours = ends[we_write];
	*ret_theirs = ends[!we_write];
	if (fcntl(*ret_ours, F_SETFL, O_NONBLOCK) < 0)
		return err_sys(err, "cannot make a pipe");
	return 0;
}

int streams_make(struct streams *s, const struct container_spec *spec, int theirs[3],
		 struct err *err)
{
	if (spec->tty)
		return 0;
	if (spec->open_stdin) {
		if (make_pipe(&s->input, &theirs[0], true, err) < 0)
			return -1;
	} else {
		theirs[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (theirs[0] < 0)
			return err_sys(err, "cannot open '/dev/null'");
	}
	if (make_pipe(&s->output[0], &theirs[1], false, err) < 0 ||
	    make_pipe(&s->output[1], &theirs[2], false, err) < 0)
		return -1;
	return 0;
}

void streams_take_terminal(struct streams *s, int terminal)
{
	fcntl(terminal, F_SETFL, O_NONBLOCK);
	s->input = fcntl(terminal, F_DUPFD_CLOEXEC, 0);
	s->output[0] = terminal;
}

void streams_drop(struct streams *s)
{
	clean_fd(&s->input);
	clean_fd(&s->output[0]);
	clean_fd(&s->output[1]);
	s->pending.len = s->taken = 0;
	s->input_ends = false;
}

bool streams_read(struct streams *s, int which)
{
	char data[FRAME_DATA_MAX];
	ssize_t n;

	if (s->output[which] < 0)
		return false;
	n = read(s->output[which], data, sizeof(data));
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return errno == EINTR;
	/* EIO: the last one to have the terminal open has closed it. */
	if (n <= 0) {
		clean_fd(&s->output[which]);
		return false;
	}
	log_file_write(&s->log, which != 0, data, (size_t)n);
	client_set_tell(s->clients, which ? FRAME_STDERR : FRAME_STDOUT, data, (size_t)n);
	return true;
}

/* A terminal stays: whoever attaches next goes on with it. */
void streams_end_input(struct streams *s)
{
	s->input_ends = !s->keep_input;
	if (s->input_ends && s->pending.len == 0)
		clean_fd(&s->input);
}

int streams_input_waits(const struct streams *s)
{
	return s->pending.len ? s->input : -1;
}

void streams_write_input(struct streams *s)
{
	while (s->input >= 0 && s->taken < s->pending.len) {
		ssize_t n = write(s->input, s->pending.data + s->taken, s->pending.len - s->taken);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			clean_fd(&s->input); /* it does not want any more */
			break;
		}
		s->taken += (size_t)n;
	}
	s->pending.len = s->taken = 0;
	client_set_thank(s->clients);
	if (s->input_ends)
		clean_fd(&s->input);
}

void streams_give(struct streams *s, const char *data, size_t len)
{
	buf_add(&s->pending, data, len);
	streams_write_input(s);
}
