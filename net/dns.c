/*
 * A message on the control socket is a struct err (the first one, and the last where it is an
 * error), or a question of one byte. The answer begins with one byte, too: SAME, or CHANGED and the
 * text.
 */
#include "net/dns.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"

#define ASK	'?'
#define SAME	'='
#define CHANGED '+'

/* What an answer takes is microseconds; a monitor that is stopped is not to stop the network. */
#define PATIENCE_MS 50

size_t dns_read(char ret[DNS_TEXT_MAX])
{
	/* A name server may be renamed into place at any time: by its path, and never waiting. */
	CLEAN(clean_fd) int fd = open(DNS_FILE, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	size_t len = 0;
	ssize_t n;
	bool cut;

	while (fd >= 0 && len < DNS_TEXT_MAX && (n = read(fd, ret + len, DNS_TEXT_MAX - len)) > 0)
		len += (size_t)n;
	for (cut = len == DNS_TEXT_MAX; cut && len && ret[len - 1] != '\n';)
		len--;
	return len;
}

void dns_write(int fd, const char *text, size_t len)
{
	if (ftruncate(fd, 0) == 0 && pwrite(fd, text, len, 0) < 0)
		return;
}

void dns_follow(int control, int fd)
{
	const char ask = ASK;
	char answer[1 + DNS_TEXT_MAX];
	struct pollfd p = { .fd = control, .events = POLLIN };
	ssize_t n;

	if (send(control, &ask, 1, MSG_DONTWAIT | MSG_NOSIGNAL) != 1 ||
	    poll(&p, 1, PATIENCE_MS) != 1)
		return;
	n = recv(control, answer, sizeof(answer), MSG_DONTWAIT);
	if (n > 0 && answer[0] == CHANGED)
		dns_write(fd, answer + 1, (size_t)n - 1);
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static void answer(int control, struct dns_told *told)
{
	char text[1 + DNS_TEXT_MAX] = { SAME };
	struct stat now = { .st_dev = 0 };
	size_t len = 1;

	/* Before it is read: what changes meanwhile is another file the next time. */
	stat(DNS_FILE, &now);
	if (!is_same(&now, &told->file)) {
		text[0] = CHANGED;
		len += dns_read(text + 1);
		told->file = now;
	}
	send(control, text, len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

bool dns_answer(int control, struct dns_told *told, struct err *err)
{
	struct err said;
	ssize_t n = recv(control, &said, sizeof(said), MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n == 1)
		answer(control, told);
	if (n == 1 || (n == (ssize_t)sizeof(said) && said.kind == ERR_NONE))
		return true;
	if (n == (ssize_t)sizeof(said)) {
		said.text[sizeof(said.text) - 1] = said.hint[sizeof(said.hint) - 1] = '\0';
		*err = said;
	}
	return false;
}
